"""``gunicorn``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import Adaptable, hookimpl, leave_out

_C = TypeVar("_C", bound=Adaptable)

_WITH_VALUE = ("--reload-engine", "--reload-extra-file")


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn gunicorn's own reloader off."""
    return leave_out(command, "gunicorn", with_value=_WITH_VALUE)
