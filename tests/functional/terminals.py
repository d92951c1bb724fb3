"""Real terminals: a command, or a shell with its jobs, on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
from typing import TYPE_CHECKING, Any

from tests.functional.harness import Output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Terminal:
    """A command whose controlling terminal is a pseudo-terminal."""

    def __init__(self, argv: list[str], cwd: Path) -> None:
        self.master, slave = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            # So that a line is written at one stroke, and not in the middle of another one.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_terminal,  # noqa: PLW1509  # no thread is running here
        )
        os.close(slave)
        self.screen = Output(self._lines())

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:  # EIO: nobody has the terminal open any more
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    @property
    def settings(self) -> list[Any]:
        """All that can be set of the terminal."""
        return termios.tcgetattr(self.master)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.screen.join()
        os.close(self.master)
