"""``uvicorn``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import Adaptable, hookimpl, leave_out

_C = TypeVar("_C", bound=Adaptable)

_WITH_VALUE = ("--reload-delay", "--reload-dir", "--reload-exclude", "--reload-include")


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn uvicorn's own reloader off."""
    return leave_out(command, "uvicorn", with_value=_WITH_VALUE)
