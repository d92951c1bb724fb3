"""``dramatiq``. Its worker processes end with it; each finishes what it is at."""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, hookimpl, leave_out

_INCLUDES = ("-i", "--watch-include")
_WITH_VALUE = ("--watch", *_INCLUDES, "-x", "--watch-exclude")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn dramatiq's own reloader off."""
    return leave_out(
        command,
        "dramatiq",
        alone=("--watch-use-polling",),
        with_value=_WITH_VALUE,
        watched=_INCLUDES,
    )
