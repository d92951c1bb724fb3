"""``manage.py runserver``, and django-extensions' ``runserver_plus``."""

from __future__ import annotations

from typing import TypeVar

from reloader_core.integrations.words import Adaptable, find_runner, find_subcommand, hookimpl

_C = TypeVar("_C", bound=Adaptable)

_SERVERS = ("runserver", "runserver_plus")
_RUNNERS = ("django", "django-admin", "manage.py")
#: Of every command, before its name or behind it.
_WITH_VALUE = ("-v", "--verbosity", "--settings", "--pythonpath")


@hookimpl
def adapt_command(command: _C) -> _C | None:
    """Turn Django's own reloader off."""
    runner = find_runner(command.argv)
    if runner is None or runner.name not in _RUNNERS:
        return None
    server = find_subcommand(command.argv, runner.start, _WITH_VALUE)
    if server is None or command.argv[server] not in _SERVERS:
        return None
    if "--noreload" in command.argv[server:]:
        return None
    argv = list(command.argv)
    argv.insert(server + 1, "--noreload")
    return command.adapted(argv, f"{argv[server]}: its own reloader is off (--noreload)")
