"""``uvicorn``."""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, hookimpl, leave_out

_WITH_VALUE = ("--reload-delay", "--reload-dir", "--reload-exclude", "--reload-include")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn uvicorn's own reloader off."""
    return leave_out(command, "uvicorn", with_value=_WITH_VALUE, watched=("--reload-include",))
