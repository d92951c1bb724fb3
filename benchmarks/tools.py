"""The tools that are measured: how each one is started, and what it is compared with."""

from __future__ import annotations

import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_PORT = "{port}"


@attrs.frozen(kw_only=True)
class Program:
    """The sample project in one form, without any reloader.

    :ivar name: as shown in the tables.
    :ivar command: how it is started; ``{port}`` stands for the port.
    """

    name: str
    command: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Tool:
    """A reloader.

    :ivar name: as shown in the tables and given to ``--tools``.
    :ivar distributions: what must be installed; the first one has its version shown.
    :ivar command: how it is started; ``{port}`` stands for the port.
    :ivar program: what it runs, by itself: the base of every comparison.
    """

    name: str
    distributions: tuple[str, ...]
    command: tuple[str, ...]
    program: Program


def with_port(command: Sequence[str], port: int) -> list[str]:
    """A command with its port put in."""
    return [word.replace(_PORT, str(port)) for word in command]


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


_PYTHON = sys.executable
_UVICORN = (_script("uvicorn"), "asgi:app", "--port", _PORT, "--log-level", "warning")
_GRANIAN = (
    *(_script("granian"), "wsgi:app", "--interface", "wsgi", "--port", _PORT),
    *("--log-level", "warning"),
)
_GUNICORN = (_script("gunicorn"), "wsgi:app", "--bind", f"127.0.0.1:{_PORT}")

APP = Program(name="python app.py", command=(_PYTHON, "app.py", _PORT))
WERKZEUG = Program(name="Werkzeug", command=(_PYTHON, "serve_werkzeug.py", _PORT))
UVICORN = Program(name="uvicorn", command=_UVICORN)
GRANIAN = Program(name="granian", command=_GRANIAN)
GUNICORN = Program(name="gunicorn", command=_GUNICORN)


def _ours(reloader_type: str, *options: str) -> Tool:
    return Tool(
        name=f"reloader {reloader_type}",
        distributions=("reloader-core",),
        command=(
            *(_script("reloader"), "run", "--reloader-type", reloader_type, *options),
            *("app.py", _PORT),
        ),
        program=APP,
    )


def _werkzeug(reloader_type: str, *distributions: str) -> Tool:
    return Tool(
        name=f"Werkzeug {reloader_type}",
        distributions=("werkzeug", *distributions),
        command=(*WERKZEUG.command, reloader_type),
        program=WERKZEUG,
    )


TOOLS = (
    _ours("inotify"),
    _ours("stat", "--interval", "1"),
    _werkzeug("stat"),
    _werkzeug("watchdog", "watchdog"),
    Tool(
        name="watchfiles",
        distributions=("watchfiles",),
        command=(_script("watchfiles"), f"{_PYTHON} app.py {_PORT}", "."),
        program=APP,
    ),
    Tool(
        name="hupper",
        distributions=("hupper", "watchdog"),
        command=(_script("hupper"), "-m", "app", _PORT),
        program=APP,
    ),
    Tool(
        name="uvicorn --reload",
        distributions=("uvicorn", "watchfiles"),
        command=(*_UVICORN, "--reload"),
        program=UVICORN,
    ),
    Tool(
        name="granian --reload",
        distributions=("granian", "watchfiles"),
        command=(*_GRANIAN, "--reload"),
        program=GRANIAN,
    ),
    Tool(
        name="gunicorn --reload inotify",
        distributions=("gunicorn", "inotify"),
        command=(*_GUNICORN, "--reload", "--reload-engine", "inotify"),
        program=GUNICORN,
    ),
)


def version_of(distribution: str) -> str | None:
    """The installed version, ``None`` if there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def select(names: Sequence[str], skip: Callable[[str], None]) -> list[Tool]:
    """The tools to measure.

    :param names: beginnings of their names; none for all.
    :param skip: takes a note about each one that cannot be measured.
    """
    chosen = []
    for tool in TOOLS:
        if names and not tool.name.startswith(tuple(names)):
            continue
        missing = [name for name in tool.distributions if version_of(name) is None]
        if missing:
            skip(f"{tool.name}: not measured, {', '.join(missing)} not installed")
        else:
            chosen.append(tool)
    return chosen


def programs_of(tools: Iterable[Tool]) -> list[Program]:
    """What the tools run, each form once."""
    return list(dict.fromkeys(tool.program for tool in tools))
