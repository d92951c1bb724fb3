"""The program: from what the user typed, or from this process, to what is started."""

from __future__ import annotations

from reloader_core.command.flags import (
    blocks_agent,
    interpreter_flags_of_this_process,
    split_interpreter_flags,
)
from reloader_core.command.rerun import rerun_command
from reloader_core.command.resolve import resolve_program

__all__ = [
    "blocks_agent",
    "interpreter_flags_of_this_process",
    "rerun_command",
    "resolve_program",
    "split_interpreter_flags",
]
