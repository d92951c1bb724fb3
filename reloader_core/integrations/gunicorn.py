"""``gunicorn``."""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, hookimpl, leave_out

_WITH_VALUE = ("--reload-engine", "--reload-extra-file")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn gunicorn's own reloader off."""
    return leave_out(
        command,
        "gunicorn",
        with_value=_WITH_VALUE,
        watched=("--reload-extra-file",),
        detaching=("-D", "--daemon"),
    )
