"""``fastapi dev``."""

from __future__ import annotations

from reloader_core.integrations.words import (
    CommandT,
    find_subcommand,
    hookimpl,
    remove_options,
)


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn off what ``dev`` turns on, and ``run`` on demand: uvicorn's reloader."""
    place = find_subcommand(command.argv, ("fastapi",), ("dev", "run"))
    if place is None:
        return None
    argv, removed = remove_options(
        command.argv, place + 1, alone=("--reload",), with_value=("--reload-dir",)
    )
    is_on = bool(removed) if argv[place] == "run" else "--no-reload" not in argv
    if not is_on:
        return None
    argv.insert(place + 1, "--no-reload")
    return command.adapted(argv, f"fastapi {argv[place]}: its own reloader is off (--no-reload)")
