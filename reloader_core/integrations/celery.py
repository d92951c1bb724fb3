"""``celery worker`` and ``celery beat``, which have no reloader: nothing is to be turned off."""

from __future__ import annotations

from reloader_core.integrations.words import (
    CommandT,
    find_subcommand,
    hookimpl,
    say_detached,
)

#: Of ``celery`` itself, before the subcommand.
_WITH_VALUE = (
    *("-A", "--app", "-b", "--broker", "--config", "--loader", "--result-backend"),
    "--workdir",
)


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Say of one that goes into the background that it cannot be restarted."""
    place = find_subcommand(command.argv, ("celery",), ("worker", "beat"), with_value=_WITH_VALUE)
    if place is None:
        return None
    return say_detached(command, f"celery {command.argv[place]}", place, ("-D", "--detach"))
