"""``manage.py runserver``.

django-extensions' ``runserver_plus`` fails with ``--noreload`` and a current Werkzeug, and is left
as it is: the agent turns Werkzeug's reloader off within it.

In ``INSTALLED_APPS``, it is what has templates and translations watched: see ``apps``.
"""

from __future__ import annotations

from reloader_core.integrations.words import CommandT, find_subcommand, hookimpl

_RUNNERS = ("django", "django-admin", "manage.py")
#: Of every command, before its name or behind it.
_WITH_VALUE = ("-v", "--verbosity", "--settings", "--pythonpath")


@hookimpl
def adapt_command(command: CommandT) -> CommandT | None:
    """Turn Django's own reloader off."""
    server = find_subcommand(command.argv, _RUNNERS, ("runserver",), with_value=_WITH_VALUE)
    if server is None or "--noreload" in command.argv[server:]:
        return None
    argv = list(command.argv)
    argv.insert(server + 1, "--noreload")
    return command.adapted(argv, f"{argv[server]}: its own reloader is off (--noreload)")
