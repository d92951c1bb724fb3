"""``flask run``. The debugger and its PIN stay as they are."""

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

#: Of ``flask`` itself, before ``run``.
_WITH_VALUE = ("-A", "--app", "-e", "--env-file")


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn Flask's own reloader off, which ``--debug`` turns on."""
    runner = find_runner(command.argv)
    if runner is None or runner.name != "flask":
        return None
    run = find_subcommand(command.argv, runner.start, _WITH_VALUE)
    if run is None or command.argv[run] != "run" or "--no-reload" in command.argv[run:]:
        return None
    argv, _ = remove_options(command.argv, run + 1, alone=("--reload",))
    argv.insert(run + 1, "--no-reload")
    return command.adapted(argv, "flask run: its own reloader is off (--no-reload)")
