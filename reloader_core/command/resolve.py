"""From the words of a command line to a command.

A word is, in this order: a Python file; a command, on ``PATH`` or beside the
interpreter, or by its path; a directory with ``__main__.py``; any other file,
which Python is to run.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from reloader_core.command.flags import has_safe_path, note_blocked, split_interpreter_flags
from reloader_core.command.title import make_title
from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import ProgramError
from reloader_core.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PYTHON_SUFFIXES = (".py", ".pyw", ".pyz", ".zip", ".pyc")
_FORMS = "name a script, '-m MODULE', '-c CODE' or a command"


class _Place(NamedTuple):
    """Where and with what a program is started."""

    cwd: str
    environ: Mapping[str, str]
    executable: str
    flags: tuple[str, ...]


def resolve_program(
    program: Sequence[str],
    *,
    cwd: str,
    environ: Mapping[str, str],
    executable: str,
    interpreter_flags: Sequence[str],
) -> Invocation:
    """Find what a command line runs.

    :param program: a script, ``-m`` and a module, ``-c`` and code, or a command;
        with its arguments.
    :param cwd: the directory it is started in, absolute.
    :param environ: has ``PATH``.
    :param executable: the interpreter for scripts, modules and code.
    :param interpreter_flags: that interpreter's options.
    :raises ProgramError: there is no such program, or it cannot be run twice.
    """
    place = _Place(cwd, environ, executable, tuple(interpreter_flags))
    if not program:
        raise ProgramError(f"nothing to run: {_FORMS}")
    _refuse_incomplete(program)
    if program[0] == "-m":
        _check_module(program[1], place)
    if program[0] in ("-m", "-c"):
        return _run_python(program, place)
    return _resolve_word(program, place)


def _refuse_incomplete(program: Sequence[str]) -> None:
    word = program[0]
    if not word:
        raise ProgramError(f"nothing to run, the program's name is empty: {_FORMS}")
    if word == "-":
        raise ProgramError(
            "-: a program on standard input cannot be run again; save it to a file and name that"
        )
    if word in ("-m", "-c") and len(program) == 1:
        what = "a module" if word == "-m" else "code"
        raise ProgramError(f"{word} needs {what}: {_FORMS}")


def _check_module(name: str, place: _Place) -> None:
    if place.executable != sys.executable:
        return
    from reloader_core.command.modules import find_module_fault, search_path

    is_safe = has_safe_path(place.flags) or bool(place.environ.get("PYTHONSAFEPATH"))
    fault = find_module_fault(name, search_path(place.cwd, is_safe_path=is_safe))
    if fault:
        raise ProgramError(fault)


def _run_python(program: Sequence[str], place: _Place) -> Invocation:
    notes = note_blocked(place.flags)
    return Invocation(
        argv=(place.executable, *place.flags, *program),
        cwd=place.cwd,
        title=make_title(program),
        is_python=not notes,
        notes=notes,
    )


def _resolve_word(program: Sequence[str], place: _Place) -> Invocation:
    word = program[0]
    path = os.path.join(place.cwd, word)
    if os.path.isfile(path) and word.lower().endswith(_PYTHON_SUFFIXES):
        return _run_python(program, place)
    found = _find_executable(word, place)
    if found is not None:
        return _run_executable(found, program, place)
    if os.path.isdir(path):
        if not os.path.isfile(os.path.join(path, "__main__.py")):
            raise ProgramError(f"directory {word!r} has no __main__.py: {_FORMS}")
        return _run_python(program, place)
    if os.path.exists(path):
        return _run_python(program, place)
    raise ProgramError(_describe_missing(word, place))


def _run_executable(found: str, program: Sequence[str], place: _Place) -> Invocation:
    flags: list[str] | None
    if is_interpreter_name(os.path.basename(found)):
        flags, rest = split_interpreter_flags(program[1:])
        if not rest:
            raise ProgramError(f"{program[0]}: nothing to run: {_FORMS}")
        _refuse_incomplete(rest)
        if not rest[0].startswith("-") and not os.path.exists(os.path.join(place.cwd, rest[0])):
            raise ProgramError(_describe_missing_script(rest[0], place.cwd))
    else:
        flags = _read_interpreter_flags(found, place)
    notes = note_blocked(flags or ())
    return Invocation(
        argv=(found, *program[1:]),
        cwd=place.cwd,
        title=make_title(program),
        is_python=flags is not None and not notes,
        notes=notes,
    )


def _find_executable(word: str, place: _Place) -> str | None:
    """The file a command stands for."""
    beside = os.path.dirname(place.executable)
    if os.path.dirname(word):
        # Also a command in the working directory needs its path, as in a shell.
        return _find_in(place.cwd, word.removeprefix("./"))
    for directory in _iter_path(place.environ):
        found = _find_in(os.path.join(place.cwd, directory), word)
        if found is None:
            continue
        if os.path.basename(os.path.dirname(found)) == "shims":
            # pyenv's script chooses an interpreter; we know which one is meant.
            return _find_in(beside, word) or found
        return found
    # The commands of a virtual environment that is in use but not activated.
    return _find_in(beside, word) or (
        # Not on PATH, but here and executable: Python is not what should run it.
        _find_in(place.cwd, word)
    )


def _iter_path(environ: Mapping[str, str]) -> Iterator[str]:
    yield from environ.get("PATH", os.defpath).split(os.pathsep)


def _find_in(directory: str, word: str) -> str | None:
    path = os.path.join(directory, word)
    if sys.platform == "win32":
        # What is executable is decided by PATHEXT.
        import shutil

        return shutil.which(path)
    return path if os.path.isfile(path) and os.access(path, os.X_OK) else None


def is_interpreter_name(name: str) -> bool:
    """Whether a file with this name is a Python interpreter."""
    name = name.lower().removesuffix(".exe")
    for kind in ("pythonw", "python", "pypy"):
        if name.startswith(kind):
            # python3.13t is free-threaded; d, -dbg and -debug are debug builds.
            tail = name.removeprefix(kind).lstrip("0123456789.")
            return tail in ("", "t", "d", "td", "-dbg", "-debug")
    return False


def _read_interpreter_flags(path: str, place: _Place) -> list[str] | None:
    """The interpreter's options in a script.

    :returns: ``None`` when it is not Python that runs the file.
    """
    if path.lower().endswith(".exe") and os.path.dirname(path) == os.path.dirname(place.executable):
        return []  # pip's launcher of a console script
    try:
        with open(path, "rb") as file:
            start = file.read(4096)
    except OSError:
        return None
    if not start.startswith(b"#!"):
        return None
    first, _, rest = start[2:].decode(errors="surrogateescape").partition("\n")
    second = rest.partition("\n")[0]
    words = first.split()
    if words and os.path.basename(words[0]) == "env":
        del words[0]
        while words and (words[0].startswith("-") or "=" in words[0]):
            del words[0]
    if second.startswith("'''exec'"):
        # pip's form for an interpreter whose path is too long or has a space.
        words = _split_words(second.removeprefix("'''exec'"))
    if words and is_interpreter_name(os.path.basename(words[0])):
        return split_interpreter_flags(words[1:])[0]
    is_pyenv = os.path.basename(os.path.dirname(path)) == "shims" and "pyenv" in rest
    return [] if is_pyenv else None


def _split_words(text: str) -> list[str]:
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return []


def _describe_missing(word: str, place: _Place) -> str:
    if os.path.dirname(word) or word.lower().endswith(_PYTHON_SUFFIXES):
        return _describe_missing_script(word, place.cwd)
    from reloader_core.command.modules import find_module_fault, search_path

    fault = f"{word!r} is neither a file in {place.cwd} nor a command on PATH"
    path = search_path(place.cwd, is_safe_path=False)
    if word.isidentifier() and find_module_fault(word, path) is None:
        return f"{fault}; did you mean '-m {word}'?"
    directories = [*_iter_path(place.environ), os.path.dirname(place.executable)]
    names = {name for directory in directories for name in _list(directory)}
    return fault + (did_you_mean(word, _list(place.cwd)) or did_you_mean(word, names))


def _describe_missing_script(word: str, cwd: str) -> str:
    directory, name = os.path.split(os.path.normpath(os.path.join(cwd, word)))
    if not os.path.isdir(directory):
        return f"script {word!r} not found: there is no directory {directory}"
    return f"script {word!r} not found in {directory}{did_you_mean(name, _list(directory))}"


def _list(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
