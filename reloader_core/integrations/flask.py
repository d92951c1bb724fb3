"""``flask run``. The debugger and its PIN stay as they are."""

from __future__ import annotations

from reloader_core.integrations.words import (
    CommandT,
    find_subcommand,
    hookimpl,
    remove_options,
)

#: Of ``flask`` itself, before ``run``.
_WITH_VALUE = ("-A", "--app", "-e", "--env-file")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn Flask's own reloader off, which ``--debug`` turns on."""
    run = find_subcommand(command.argv, ("flask",), ("run",), with_value=_WITH_VALUE)
    if run is None or "--no-reload" in command.argv[run:]:
        return None
    argv, _ = remove_options(command.argv, run + 1, alone=("--reload",))
    argv.insert(run + 1, "--no-reload")
    return command.adapted(argv, "flask run: its own reloader is off (--no-reload)")
