"""``fastapi dev``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import (
    Adaptable,
    find_runner,
    find_subcommand,
    hookimpl,
    remove_options,
)

_C = TypeVar("_C", bound=Adaptable)


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn off what ``dev`` turns on, and ``run`` on demand: uvicorn's reloader."""
    runner = find_runner(command.argv)
    if runner is None or runner.name != "fastapi":
        return None
    place = find_subcommand(command.argv, runner.start, ())
    if place is None or command.argv[place] not in ("dev", "run"):
        return None
    argv, removed = remove_options(
        command.argv, place + 1, alone=("--reload",), with_value=("--reload-dir",)
    )
    is_on = bool(removed) if argv[place] == "run" else "--no-reload" not in argv
    if not is_on:
        return None
    argv.insert(place + 1, "--no-reload")
    return command.adapted(argv, f"fastapi {argv[place]}: its own reloader is off (--no-reload)")
