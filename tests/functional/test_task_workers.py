"""Celery, dramatiq and RQ: what they are at is finished, and the next is done by the new code."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import attrs
import psutil
import pytest

from tests.functional.clients import free_port
from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.processes import keeper_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("redis-server") is None,
    reason="there is no redis-server",
)

#: What a task does: it says when it begins and ends, until somebody lets it go.
WORK = """\
import os, sys, time
import value
def do(gate):
    say("begin")
    while not os.path.exists(gate):
        time.sleep(0.02)
    say("end")
def say(what):
    with open("said", "a") as file:
        file.write(f"{what} {value.VALUE} {os.getpid()}\\n")
"""

CELERY = """\
from celery import Celery
import work
app = Celery("proj", broker="redis://127.0.0.1:PORT/0")
app.conf.broker_connection_retry_on_startup = True
do = app.task(work.do, name="do")
"""

DRAMATIQ = """\
import dramatiq
from dramatiq.brokers.redis import RedisBroker
dramatiq.set_broker(RedisBroker(url="redis://127.0.0.1:PORT/0"))
import work
do = dramatiq.actor(work.do)
"""


@attrs.frozen
class Worker:
    """A worker.

    :ivar command: as it is typed.
    :ivar program: what ``proj.py`` is.
    :ivar send: code that has a task done; ``GATE`` is what it waits for.
    """

    command: str
    program: str
    send: str


WORKERS = {
    "celery": Worker(
        "-m celery -A proj worker -c 2 --without-mingle --without-gossip",
        CELERY,
        "import proj; proj.do.delay('GATE')",
    ),
    "dramatiq": Worker(
        "-m dramatiq --processes 2 --threads 1 --watch . proj",
        DRAMATIQ,
        "import proj; proj.do.send('GATE')",
    ),
    "rq": Worker(
        "-m rq.cli worker --url redis://127.0.0.1:PORT/0",
        "",
        "import redis, rq, work;"
        " rq.Queue(connection=redis.Redis(port=PORT)).enqueue(work.do, 'GATE')",
    ),
}


@pytest.fixture
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis of our own."""
    port = free_port()
    place = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL) as server:
        import redis

        def is_there() -> bool:
            with (
                contextlib.suppress(redis.exceptions.ConnectionError),
                contextlib.closing(redis.Redis(port=port)) as client,
            ):
                return bool(client.ping())
            return False

        try:
            wait_until(is_there, "Redis")
            yield port
        finally:
            server.terminate()


class Office:
    """A worker under the supervisor, and those who give it something to do."""

    def __init__(self, workshop: Workshop, name: str, port: int, *options: str) -> None:
        pytest.importorskip(name)
        self._worker = WORKERS[name]
        self._workshop = workshop
        self._port = port
        self.directory: Path = workshop.directory
        workshop.write("value.py", assign("one"))
        workshop.write("work.py", WORK)
        workshop.write("proj.py", self._fill(self._worker.program))
        words = self._fill(self._worker.command).split()
        self.running: Running = workshop.reloader("run", "-v", *options, *words)
        self.running.err.wait_for("is ready")

    def _fill(self, text: str) -> str:
        return text.replace("PORT", str(self._port))

    def send(self, gate: str) -> None:
        code = self._fill(self._worker.send).replace("GATE", gate)
        subprocess.run([sys.executable, "-c", code], cwd=self.directory, check=True)

    def open(self, gate: str) -> None:
        self._workshop.write(gate, "")

    def edit(self, value: str) -> None:
        self._workshop.write("value.py", assign(value))

    @property
    def said(self) -> list[tuple[str, str]]:
        """What tasks have said, without the process that did."""
        path = self.directory / "said"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(what, value) for what, value, _ in (line.split() for line in lines)]

    @property
    def is_ending(self) -> bool:
        """Whether the worker says that it was asked to end."""
        words = (self.running.out.text + self.running.err.text).lower()
        return any(said in words for said in ("warm shut", "stopping worker"))

    @property
    def processes(self) -> list[psutil.Process]:
        """The worker's, prefork children included."""
        return psutil.Process(keeper_of(self.running).pid).children(recursive=True)


def edit_during_task(
    workshop: Workshop, name: str, port: int, *, gate: str, grace: str
) -> tuple[Office, list[psutil.Process]]:
    """A worker in whose first task the code was edited, and the processes it had then."""
    office = Office(workshop, name, port, "--grace-seconds", grace)
    office.send(gate)
    wait_until(lambda: office.said == [("begin", "one")], "the first task")
    before = office.processes
    office.edit("two")
    return office, before


@pytest.mark.parametrize("name", WORKERS)
def test_a_task_is_finished_before_the_restart(
    workshop: Workshop, redis_port: int, name: str
) -> None:
    office, before = edit_during_task(workshop, name, redis_port, gate="first", grace="60")
    # It was asked to end, and waits for its task.
    wait_until(lambda: office.is_ending, "the end of the worker")
    office.open("first")
    wait_until(lambda: ("end", "one") in office.said, "the end of the first task")
    office.running.err.wait_for("value.py changed: restarted in")
    office.open("second")
    office.send("second")
    wait_until(lambda: ("end", "two") in office.said, "the second task")
    assert office.said == [("begin", "one"), ("end", "one"), ("begin", "two"), ("end", "two")]
    assert not [process for process in before if process.is_running()]
    assert office.running.stop() == 143


@pytest.mark.parametrize("name", WORKERS)
def test_a_task_that_takes_too_long_is_ended_with_all_its_processes(
    workshop: Workshop, redis_port: int, name: str
) -> None:
    office, before = edit_during_task(workshop, name, redis_port, gate="never", grace="0.5")
    office.running.err.wait_for("value.py changed: restarted in")
    assert not [process for process in before if process.is_running()]
    office.open("go")
    office.send("go")
    wait_until(lambda: ("end", "two") in office.said, "the next task")
    assert ("end", "one") not in office.said
    assert office.running.stop() in (143, 137)
