"""``granian``."""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, hookimpl, leave_out

_ALONE = ("--reload", "--reload-ignore-worker-failure")
_WITH_VALUE = (
    "--reload-ignore-dirs",
    "--reload-ignore-paths",
    "--reload-ignore-patterns",
    "--reload-paths",
    "--reload-tick",
)


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn Granian's own reloader off."""
    return leave_out(command, "granian", alone=_ALONE, with_value=_WITH_VALUE)
