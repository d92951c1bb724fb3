"""``granian``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import Adaptable, hookimpl, leave_out

_C = TypeVar("_C", bound=Adaptable)

_ALONE = ("--reload", "--reload-ignore-worker-failure")
_WITH_VALUE = (
    "--reload-ignore-dirs",
    "--reload-ignore-paths",
    "--reload-ignore-patterns",
    "--reload-paths",
    "--reload-tick",
)


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn Granian's own reloader off."""
    return leave_out(command, "granian", alone=_ALONE, with_value=_WITH_VALUE)
