"""Who is refused, and for how long nobody is answered, while a server restarts under load."""

from __future__ import annotations

import argparse
import collections
import contextlib
import itertools
import math
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from benchmarks.apps import Project, make_project
from benchmarks.measure import REQUEST, free_port, wait_for_answer
from benchmarks.processes import running
from benchmarks.report import Section, command_line, environment, milliseconds, show_progress
from benchmarks.tools import version_of, with_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEADLINE_SECONDS = 10.0
_CLIENTS = 4
#: From one answer by the new code to the next edit.
_PAUSE_SECONDS = 1.0

_TEXT = """\
Each server runs the same small program and is restarted by edits of one module, while four clients
ask without a pause, each time with a connection of its own. With its own reloader, and without it
under `reloader run`. *Refused* connections found nobody listening; *dropped* ones were closed or
reset before the whole answer was there. *Longest* is the longest time in which no client got an
answer, *median* that of all edits, in milliseconds. *Lost* edits were not answered within 10 s.

Promised: none is refused."""

_HEADER = ("server", "by", "edits", "lost", "answered", "refused", "dropped", "longest", "median")


@attrs.frozen(kw_only=True)
class _Server:
    name: str
    distribution: str
    command: tuple[str, ...]
    own: tuple[str, ...]


_PY = sys.executable
_DJANGO = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"])
import greeting
import parts
urlpatterns = [path("", lambda request: HttpResponse(greeting.VALUE))]
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""

_SERVERS = (
    _Server(
        name="Werkzeug",
        distribution="werkzeug",
        command=(_PY, "serve_werkzeug.py", "{port}"),
        own=("stat",),
    ),
    _Server(
        name="Django runserver",
        distribution="django",
        command=(_PY, "manage.py", "runserver", "{port}"),
        own=(),
    ),
    _Server(
        name="uvicorn",
        distribution="uvicorn",
        command=(_PY, "-m", "uvicorn", "asgi:app", "--port", "{port}", "--log-level", "warning"),
        own=("--reload",),
    ),
    _Server(
        name="Hypercorn",
        distribution="hypercorn",
        command=(_PY, "-m", "hypercorn", "asgi:app", "--bind", "127.0.0.1:{port}"),
        own=("--reload",),
    ),
    _Server(
        name="gunicorn",
        distribution="gunicorn",
        command=(_PY, "-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:{port}"),
        own=("--reload",),
    ),
    _Server(
        name="Granian",
        distribution="granian",
        command=(_PY, "-m", "granian", "wsgi:app", "--interface", "wsgi", "--port", "{port}"),
        own=("--reload",),
    ),
)


class _Load:
    """Four clients, and what they meet."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_over = threading.Event()
        self.counts: collections.Counter[str] = collections.Counter()
        self.answered_at: list[float] = []

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._go_on) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        while not self._is_over.is_set():
            what = _ask(self._port)
            self.counts[what] += 1
            if what == "answered":
                self.answered_at.append(time.perf_counter())
            else:
                time.sleep(0.001)

    def longest_gap(self, since: float, until: float) -> float:
        """The longest time without an answer between two moments, in seconds."""
        times = sorted([since, *(at for at in self.answered_at if since < at < until), until])
        return max(after - before for before, after in itertools.pairwise(times))


def _ask(port: int) -> str:
    try:
        connection = socket.create_connection(("127.0.0.1", port), _DEADLINE_SECONDS)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "dropped"
    answer = b""
    with connection, contextlib.suppress(OSError):
        connection.sendall(REQUEST)
        while chunk := connection.recv(65536):
            answer += chunk
    return "answered" if b"edit-" in answer else "dropped"


def measure(*, edits: int = 10) -> Section:
    """Measure each server that is installed, by its own reloader and by ours.

    :param edits: how often each is restarted.
    """
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        project = make_project(Path(directory))
        (project.directory / "manage.py").write_text(_DJANGO.lstrip(), encoding="utf-8")
        for server in _SERVERS:
            if version_of(server.distribution) is None:
                notes.append(f"{server.name} is not installed and was left out")
                continue
            ours = (_PY, "-m", "reloader_core", "run", "--quiet", *server.command)
            for by, command in (("itself", (*server.command, *server.own)), ("reloader", ours)):
                show_progress(f"downtime: {server.name} by {by}")
                rows.append((server.name, by, *_measure(command, project, edits)))
    return Section(title="Downtime", text=_TEXT, header=_HEADER, rows=rows, notes=tuple(notes))


def _measure(command: Sequence[str], project: Project, edits: int) -> tuple[str, ...]:
    port = free_port()
    gaps = []
    lost = 0
    with running(with_port(command, port), cwd=project.directory):
        _wait(port, project)
        time.sleep(_PAUSE_SECONDS)
        with _Load(port) as load:
            for _ in range(edits):
                since = time.perf_counter()
                project.edit()
                lost += not math.isfinite(_wait(port, project))
                time.sleep(_PAUSE_SECONDS)
                gaps.append(load.longest_gap(since, time.perf_counter()))
    gaps.sort()
    counts = (str(load.counts[what]) for what in ("answered", "refused", "dropped"))
    return (
        str(edits),
        str(lost),
        *counts,
        milliseconds(gaps[-1]),
        milliseconds(gaps[len(gaps) // 2]),
    )


def _wait(port: int, project: Project) -> float:
    now = time.perf_counter()
    return wait_for_answer(port, project.value, since=now, deadline_seconds=_DEADLINE_SECONDS)


def _iter_parts(section: Section) -> Iterator[str]:
    yield "# Downtime\n"
    yield environment(
        command_line("benchmarks.downtime"),
        ("reloader-core", *(server.distribution for server in _SERVERS)),
    )
    yield section.to_markdown()


def main() -> None:
    """Measure, print, and write the document if wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downtime", description=__doc__)
    parser.add_argument("--edits", type=int, default=10, help="default 10")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the document there, too")
    arguments = parser.parse_args()
    document = "\n".join(_iter_parts(measure(edits=arguments.edits)))
    sys.stdout.write(document)
    if arguments.write is not None:
        arguments.write.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
