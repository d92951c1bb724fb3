"""Running the real command on real files, and waiting for conditions, never for a time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

#: The installed backends that watch by themselves: what is true of one is true of each.
BACKENDS = [
    name
    for name in ("stat", "inotify", "watchdog", "nfs")
    if metadata.entry_points(group="reloader.backends", name=name)
    and (name != "inotify" or sys.platform == "linux")
]

#: No condition takes this long, not even on a busy machine.
DEADLINE_SECONDS = 20.0


def wait_until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait for a condition, and fail with its name at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_SECONDS} s for {what}")
        time.sleep(0.01)  # the poll of a wait with a deadline


class Output:
    """The lines a process writes to one stream, as they come."""

    def __init__(self, stream: object) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: Iterator[bytes]) -> None:
        for line in stream:
            with self._changed:
                self.lines.append(line.decode(errors="replace").rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the stream's end."""
        self._thread.join(DEADLINE_SECONDS)
        # To close the stream now would wait for ever.
        assert not self._thread.is_alive(), "somebody still has the stream open"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, *, start: int = 0) -> str:
        """The first line, from line ``start`` on, in which a pattern is found."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._changed:
            while True:
                for line in self.lines[start:]:
                    if re.search(pattern, line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self._is_closed:
                    raise AssertionError(f"no line matches {pattern!r} in:\n{self.text}")
                self._changed.wait(left)


class Running:
    """A started command."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("RELOADER_")
        }
        environment["PYTHONUNBUFFERED"] = "1"
        environment.update(env or {})
        self.process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.out = Output(self.process.stdout)
        self.err = Output(self.process.stderr)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        try:
            code = self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end:\n{self.out.text}\n{self.err.text}") from None
        self.out.join()
        self.err.join()
        return code


class Workshop:
    """A directory with a program in it, and the commands that were started there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: list[Running] = []

    def write(self, name: str, content: str) -> Path:
        """Write a file, creating its directories."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def start(
        self, argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Running:
        """Start any command."""
        running = Running(argv, cwd=cwd or self.directory, env=env)
        self._running.append(running)
        return running

    def reloader(
        self,
        *arguments: str,
        flags: Sequence[str] = (),
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Running:
        """Start the ``reloader`` command."""
        argv = [sys.executable, *flags, "-m", "reloader_core", *arguments]
        return self.start(argv, cwd=cwd, env=env)

    def close(self) -> None:
        """End whatever still runs."""
        for running in self._running:
            if running.process.poll() is None:
                with contextlib.suppress(AssertionError):
                    running.stop()
            for stream in (running.process.stdout, running.process.stderr):
                if stream is not None:
                    stream.close()


#: A program that says what it runs and then waits to be stopped.
WAITING_PROGRAM = """\
import os, signal, value
print("value", value.VALUE, "pid", os.getpid(), flush=True)
signal.pause()
"""
