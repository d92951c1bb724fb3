"""Reading the words of a command line whose options stand in any order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

from reloader_core.command.flags import split_interpreter_flags
from reloader_core.command.resolve import is_interpreter_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

_F = TypeVar("_F", bound="Callable[..., object]")
CommandT = TypeVar("CommandT", bound="Adaptable")


class Adaptable(Protocol):
    """What ``adapt_command`` takes, as a hook or before: a ``Command`` or an ``Invocation``."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The executable and its arguments."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is told about it."""

    @property
    def cwd(self) -> str:
        """The directory it is started in."""

    def adapted(self, argv: Sequence[str], note: str, *, extra_files: Iterable[str] = ()) -> Self:
        """Another command line, what the user is told about it, and what it wants watched."""


class Runner(NamedTuple):
    """What is run.

    :ivar name: of the console script, the module behind ``-m`` or the Python file.
    :ivar start: where its arguments begin.
    """

    name: str
    start: int


def hookimpl(function: _F) -> _F:
    """Mark a hook as ``reloader_core.hookimpl`` does, behind everybody else's."""
    options = {
        "wrapper": False,
        "hookwrapper": False,
        "optionalhook": False,
        "tryfirst": False,
        "trylast": True,
        "specname": None,
    }
    setattr(function, "reloader_impl", options)  # noqa: B010
    return function


def find_runner(argv: Sequence[str]) -> Runner | None:
    """What a command line runs; ``None`` for code, and for an interpreter without a program."""
    name = _name_of(argv[0])
    if not is_interpreter_name(os.path.basename(argv[0])):
        return Runner(name, 1)
    _, program = split_interpreter_flags(argv[1:])
    if not program or program[0] == "-c":
        return None
    # The word behind the flags may be one with -m in it, such as -mflask.
    is_module = program[0] == "-m"
    words = 2 if is_module else 1
    if len(program) < words:
        return None
    name = program[1].partition(".")[0] if is_module else _name_of(program[0])
    return Runner(name, len(argv) - len(program) + words)


def _name_of(path: str) -> str:
    return os.path.basename(path).removesuffix(".exe")


def find_subcommand(
    argv: Sequence[str],
    runners: Container[str],
    names: Container[str],
    *,
    with_value: Container[str] = (),
) -> int | None:
    """Where the subcommand stands: the first word that is no option and no option's value.

    :param runners: what has to be run, see :class:`Runner`.
    :param names: the subcommands that are wanted.
    :param with_value: options before it whose value is the next word.
    :returns: ``None`` if something else is run, or another subcommand.
    """
    runner = find_runner(argv)
    if runner is None or runner.name not in runners:
        return None
    place = runner.start
    while place < len(argv) and argv[place].startswith("-"):
        place += 2 if argv[place] in with_value else 1
    return place if place < len(argv) and argv[place] in names else None


def remove_options(
    argv: Sequence[str], start: int, *, alone: Container[str], with_value: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """Leave options out; what stands behind ``--`` is none.

    :param alone: options without a value.
    :param with_value: options with one, as the next word or behind ``=``.
    :returns: the words that stay, and those that do not.
    """
    kept, removed = list(argv[:start]), []
    rest = list(argv[start:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            kept += [word, *rest]
            break
        name, equals, _ = word.partition("=")
        if word in alone or (name in with_value and equals):
            removed.append(word)
        elif word in with_value:
            removed += [word, *rest[:1]]
            del rest[:1]
        else:
            kept.append(word)
    return kept, removed


def values_of(words: Sequence[str], names: Container[str]) -> list[str]:
    """The values of some options: the next word, or what is behind ``=``."""
    values: list[str] = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            values += [value] if equals else words[place + 1 : place + 2]
    return values


def locate_patterns(patterns: Iterable[str], directory: str) -> list[str]:
    """Patterns as ``extra_files`` wants them, that count from a directory on, at any depth."""
    from reloader_core.patterns.gitignore import escape  # which few commands need

    start = escape(directory)
    located = []
    for pattern in patterns:
        if os.path.isabs(pattern):
            located.append(pattern)
        else:
            located.append(f"{start}/{pattern}" if "/" in pattern else f"{start}/**/{pattern}")
    return located


def leave_out(
    command: CommandT,
    name: str,
    *,
    alone: Container[str] = ("--reload",),
    with_value: Container[str] = (),
    watched: Container[str] = (),
    detaching: Container[str] = (),
) -> CommandT | None:
    """The command of a server whose own reloader is on because of an option, without that.

    :param name: of the server.
    :param alone: options without a value that go.
    :param with_value: options with one that go, being for its reloader alone.
    :param watched: those of them whose value is a file, or a pattern of files, beyond code.
    :param detaching: options by which it leaves its supervisor: it is left as it is.
    :returns: ``None`` if it is another command, or nothing has to go.
    """
    runner = find_runner(command.argv)
    if runner is None or runner.name != name:
        return None
    detached = say_detached(command, name, runner.start, detaching)
    if detached is not None:
        return detached
    argv, removed = remove_options(command.argv, runner.start, alone=alone, with_value=with_value)
    if not removed:
        return None
    note = f"{name}: its own reloader is off, without {' '.join(removed)}"
    patterns = locate_patterns(values_of(removed, watched), command.cwd)
    return command.adapted(argv, note, extra_files=patterns)


def say_detached(
    command: CommandT, name: str, start: int, options: Container[str]
) -> CommandT | None:
    """The command as it is, with a warning that it cannot be restarted.

    :param start: where its arguments begin.
    :param options: by which it leaves its supervisor.
    :returns: ``None`` if it has none of them.
    """
    option = next((word for word in command.argv[start:] if word in options), None)
    if option is None:
        return None
    note = f"{name} {option} leaves its supervisor and is not restarted: leave {option} out"
    return command if note in command.notes else command.adapted(command.argv, note)
