"""``hypercorn``."""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, hookimpl, leave_out


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn Hypercorn's own reloader off."""
    return leave_out(command, "hypercorn")
