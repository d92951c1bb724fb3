"""The command that runs this very process again."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from reloader_core.command.flags import note_blocked, split_interpreter_flags
from reloader_core.command.title import make_title
from reloader_core.errors import ProgramError
from reloader_core.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping


def rerun_command(*, environ: Mapping[str, str]) -> Invocation:
    """Find out how this process was started, whatever the program did since.

    ``sys.argv`` and the working directory are the program's to change;
    ``sys.orig_argv`` is what the interpreter was given.

    :param environ: names a directory when the working directory is gone.
    :raises ProgramError: the program came from standard input or a prompt.
    """
    flags, program = split_interpreter_flags(sys.orig_argv[1:])
    if not program or program[0] == "-":
        raise ProgramError(
            "a program on standard input, or at a prompt, cannot be run again; save it to a file"
        )
    if not sys.executable:
        raise ProgramError(
            "this program cannot be run again: its interpreter is unknown; run it with python"
        )
    notes = note_blocked(flags)
    return Invocation(
        argv=(sys.executable, *sys.orig_argv[1:]),
        cwd=_find_start(program) or _working_directory(environ),
        title=make_title(program),
        is_python=not notes,
        notes=notes,
    )


def _find_start(program: list[str]) -> str | None:
    """The directory the process was started in, if anything still tells."""
    if program[0] == "-c":
        return None
    if program[0] == "-m":
        return _find_start_of_module()
    script = os.path.normcase(program[0])
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or os.path.isabs(script):
        return None
    # Python made it absolute by putting that directory in front; of a directory
    # or an archive, it runs what is inside.
    for tail in (script, os.path.join(script, "__main__.py")):
        if os.path.normcase(file).endswith(os.sep + tail):
            return file[: -len(tail)].rstrip(os.sep) or os.sep
    return None


def _find_start_of_module() -> str | None:
    if sys.flags.safe_path:
        return None
    # -m puts the directory first in sys.path, but the program may have put
    # others before it.
    here = _working_directory({})
    if here in sys.path:
        return here
    first = sys.path[0] if sys.path else ""
    return first if os.path.isabs(first) and os.path.isdir(first) else None


def _working_directory(environ: Mapping[str, str]) -> str:
    # PWD is what a shell last said. An editor starts programs by their absolute
    # path, in a directory of its choice, and leaves PWD as it found it.
    try:
        return os.getcwd()
    except FileNotFoundError:
        directory = environ.get("PWD", "")
        return directory if os.path.isdir(directory) else os.path.expanduser("~")
