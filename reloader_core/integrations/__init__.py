"""Frameworks whose commands are recognised: one file each, which implements ``adapt_command``.

They do what any plugin can. What makes them built in is that their commands are looked for
before anything is loaded, by the name of what is run, so that a program starts as soon as it
would without them. A file here imports nothing that the supervisor needs time for: the hook is
marked as ``reloader_core.hookimpl`` does it, without pluggy.

None of the frameworks has to be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.integrations.words import find_runner

if TYPE_CHECKING:
    from reloader_core.invocation import Invocation

#: The files, by the name of what is run.
_BY_RUNNER = {
    "celery": "celery",
    "django": "django",
    "django-admin": "django",
    "dramatiq": "dramatiq",
    "fastapi": "fastapi",
    "flask": "flask",
    "granian": "granian",
    "gunicorn": "gunicorn",
    "hypercorn": "hypercorn",
    "manage.py": "django",
    "uvicorn": "uvicorn",
}


def adapt(invocation: Invocation) -> Invocation:
    """The invocation as its framework's integration wants it run, else as it is."""
    runner = find_runner(invocation.argv)
    if runner is None or runner.name not in _BY_RUNNER:
        return invocation

    import importlib

    integration = importlib.import_module(f"{__name__}.{_BY_RUNNER[runner.name]}")
    adapted: Invocation | None = integration.adapt_command(invocation)
    return invocation if adapted is None else adapted
