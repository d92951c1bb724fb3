"""``flask run``. The debugger and its PIN stay as they are."""

from __future__ import annotations

import os

from reloader_core.integrations.words import (
    CommandT,
    find_subcommand,
    hookimpl,
    remove_options,
    values_of,
)

#: Of ``flask`` itself, before ``run``.
_WITH_VALUE = ("-A", "--app", "-e", "--env-file")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn Flask's own reloader off, which ``--debug`` turns on."""
    run = find_subcommand(command.argv, ("flask",), ("run",), with_value=_WITH_VALUE)
    if run is None or "--no-reload" in command.argv[run:]:
        return None
    argv, removed = remove_options(
        command.argv,
        run + 1,
        alone=("--reload",),
        with_value=("--extra-files", "--exclude-patterns"),
    )
    argv.insert(run + 1, "--no-reload")
    extra_files = [
        os.path.join(command.cwd, path)
        for value in values_of(removed, ("--extra-files",))
        for path in value.split(os.pathsep)
    ]
    note = "flask run: its own reloader is off (--no-reload)"
    return command.adapted(argv, note, extra_files=extra_files)
