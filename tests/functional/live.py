"""A small program under the real command, followed from edit to edit."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.functional.harness import WAITING_PROGRAM, Output, Running, Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Asked for a module over a socket, imports it and answers with its VALUE and the process.
SERVING_PROGRAM = """\
import importlib, os, socket, value
server = socket.create_server(("127.0.0.1", 0))
print("value", value.VALUE, "pid", os.getpid(), "port", server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    with connection:
        module = importlib.import_module(connection.recv(100).decode())
        connection.sendall(f"{module.VALUE} {os.getpid()}".encode())
"""

#: Lets the supervisor look at a file, and say so, without a restart.
_WITNESS = """\
from reloader_core import hookimpl
from reloader_core.model import Decision, Verdict

@hookimpl
def should_reload(batch):
    paths = [path for path in batch.paths if path.endswith("witness.txt")]
    if paths:
        return Verdict(decision=Decision.VETO, reason="only looked", paths=paths)
"""


def assign(value: str) -> str:
    """The source of a module with this VALUE. Of one length for values of one length."""
    return f"VALUE = {value!r}\n"


def open_gate(gate: Path) -> None:
    """Let a program go on that waits in ``open()`` of a FIFO, once it does."""

    def is_open() -> bool:
        try:
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody waits there yet
            return False
        return True

    wait_until(is_open, "somebody to wait at the gate")


def are_all_stopped(pid: int) -> bool:
    """Whether no thread of a process runs any more (elsewhere than on Linux, its first one)."""
    if sys.platform != "linux":
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    lines = ((task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    states = [line.rpartition(")")[2].split()[0] for line in lines]
    return all(state in "Tt" for state in states)


class Live:
    """A program that prints ``value VALUE`` when it runs, and the restarts of it.

    :ivar directory: the project's.
    :ivar backend: which one watches.
    """

    def __init__(self, workshop: Workshop, backend: str) -> None:
        self.directory: Path = workshop.directory
        self.backend = backend
        self._workshop = workshop
        self._running: Running | None = None
        self._heard = 0
        self._looks = 0

    def write(self, name: str, content: str) -> Path:
        """Write a file of the project."""
        return self._workshop.write(name, content)

    @property
    def value_file(self) -> Path:
        """The module whose VALUE the usual programs print."""
        return self.directory / "value.py"

    def edit(self, value: str, name: str = "value.py") -> None:
        """Save a module with another VALUE, in place."""
        self.write(name, assign(value))

    # The program

    def start(
        self,
        *options: str,
        program: Sequence[str] = ("app.py",),
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Running:
        """Start the reloader. ``app.py`` and ``value.py`` are made if they are not there."""
        if program == ("app.py",) and not (self.directory / "app.py").exists():
            self.write("app.py", WAITING_PROGRAM)
            if not self.value_file.exists():
                self.edit("one")
        self._running = self._workshop.reloader(
            "run",
            *("--reloader-type", self.backend, "--interval", "0.05"),
            *options,
            *program,
            cwd=cwd,
            # Not unbuffered, so that a line is written at one stroke: a program that is
            # ended while it prints must not leave half a line before the next one's.
            env={"PYTHONUNBUFFERED": "", **(env or {})},
        )
        return self._running

    def start_with_witness(self, *options: str, env: Mapping[str, str] | None = None) -> None:
        """Start it so that :meth:`let_look` works."""
        self.write("witness.py", _WITNESS)
        self.write("witness.txt", "0")
        self.start("--plugin", "witness", "--extra-file", "witness.txt", *options, env=env)

    def expect(self, value: str, *, after: object = "") -> str:
        """Wait for a program with this value, not one that was waited for before.

        :param after: what led to it, for the message.
        :returns: the program's line.
        """
        try:
            line = self.out.wait_for(rf"^value {re.escape(value)}\b", start=self._heard)
        except AssertionError as error:
            raise AssertionError(f"{after}: {error}\n{self.err.text}") from None
        self._heard = self.out.lines.index(line, self._heard) + 1
        return line

    def ask(self, module: str = "value") -> tuple[str, int]:
        """Have the latest :data:`SERVING_PROGRAM` import a module: its VALUE and the process."""
        line = [line for line in self.out.lines if " port " in line][-1]
        with socket.create_connection(("127.0.0.1", int(line.split()[-1])), timeout=10) as asked:
            asked.sendall(module.encode())
            value, pid = asked.recv(1000).decode().split()
        return value, int(pid)

    def let_look(self) -> None:
        """Wait until the supervisor has looked at all that was done before."""
        looks = 0
        while looks < 2:  # a look that was under way may have passed the files already
            self._looks += 1
            seen = len(self.err.lines)
            # Each time longer: two that are of one size and tick look the same.
            (self.directory / "witness.txt").write_text("0" * (self._looks + 1))
            # A program that is started for something else has it, and nothing is said of it.
            line = self.err.wait_for("witness.txt.* changed: |: restarted in ", start=seen)
            looks += "witness.txt changed: " in line

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """The supervisor sleeps meanwhile; the program does not."""
        pid = self.running.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            # Each of its threads stops when it gets to it.
            wait_until(lambda: are_all_stopped(pid), "the supervisor to be stopped")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def finish(self) -> list[str]:
        """End it all.

        :returns: the values of all programs that ran, the first start's first.
        """
        assert self.running.stop() == 143, self.err.text
        return self.values

    # What was seen

    @property
    def running(self) -> Running:
        """The started command."""
        assert self._running is not None
        return self._running

    @property
    def out(self) -> Output:
        """What the program says."""
        return self.running.out

    @property
    def err(self) -> Output:
        """What the reloader says, and the program's errors."""
        return self.running.err

    @property
    def values(self) -> list[str]:
        """The values of the programs so far."""
        return re.findall(r"^value (\S+)", self.out.text, re.MULTILINE)

    @property
    def restarts(self) -> int:
        """How many restarts were told. Complete only after :meth:`finish`."""
        return self.err.text.count("restarted in")
