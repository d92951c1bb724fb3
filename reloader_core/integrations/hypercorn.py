"""``hypercorn``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import Adaptable, hookimpl, leave_out

_C = TypeVar("_C", bound=Adaptable)


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn Hypercorn's own reloader off."""
    return leave_out(command, "hypercorn")
