"""On a real terminal: the program is its audience, as without the reloader."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import DEADLINE_SECONDS, Output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.harness import Workshop


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

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.screen.join()
        os.close(self.master)


@pytest.fixture
def terminal(workshop: Workshop) -> Iterator[Terminal]:
    workshop.write(
        "app.py",
        "import time\n"
        "word = input()\n"
        "try:\n"
        "    print('ready for', word, flush=True)\n"
        "    while True: time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "    time.sleep(0.3)  # a clean-up that a second signal would cut short\n"
        "    print('cleaned up', flush=True)\n",
    )
    made = Terminal([sys.executable, "-m", "reloader_core", "run", "app.py"], workshop.directory)
    yield made
    made.close()


def test_ctrl_c_reaches_the_program_once_and_ends_both(terminal: Terminal) -> None:
    terminal.type("typing\n")
    terminal.screen.wait_for("ready for typing")
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130
    terminal.screen.join()
    assert "cleaned up" in terminal.screen.text
    assert "Traceback" not in terminal.screen.text


def test_a_second_ctrl_c_does_not_wait(terminal: Terminal) -> None:
    terminal.type("typing\n")
    terminal.screen.wait_for("ready for typing")
    terminal.type("\x03")
    terminal.screen.wait_for("interrupted")
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130
    terminal.screen.join()
    assert "cleaned up" not in terminal.screen.text
