"""A supervisor with a program in a project of its own, and what can be seen of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

import psutil

from benchmarks.processes import clean_environment
from reloader_core.control import Client
from reloader_core.control.address import socket_name

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

#: Says what it runs, has a child in a session of its own and one that lost its parent, closes
#: what it was given at SIGUSR1, and writes more than a pipe holds at SIGUSR2.
_PROGRAM = """\
import os, signal, subprocess, sys, time
import value
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]
child = subprocess.Popen(sleep, start_new_session=True, stdout=subprocess.DEVNULL)
read, write = os.pipe()
if not os.fork():
    if pid := os.fork():
        os.write(write, str(pid).encode())
        os._exit(0)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.executable, sleep)
daemon = int(os.read(read, 100))
os.wait()
os.close(read), os.close(write)
signal.signal(signal.SIGUSR1, lambda *_: os.closerange(3, 256))
signal.signal(signal.SIGUSR2, lambda *_: print("x" * 1_000_000, flush=True))
sys.stdout.write(f"value {value.VALUE} pids {os.getpid()} {child.pid} {daemon}\\n")
sys.stdout.flush()
while True:
    time.sleep(0.05)
"""

#: What the program says first.
_LINE = re.compile(r"value \d+ pids [\d ]+$")

#: A plugin that does to each hook what a file says.
_PLUGIN = """\
import sys, time
from reloader_core import hookimpl

def misbehave():
    try:
        mode = open("plugin_mode").read()
    except OSError:
        mode = ""
    if mode == "raise":
        raise RuntimeError("chaos")
    if mode == "exit":
        sys.exit(7)
    if mode == "block":
        time.sleep(3)
    return "nonsense" if mode == "nonsense" else None

@hookimpl
def should_reload(batch): return misbehave()
@hookimpl
def iter_watched_files(request): return misbehave()
@hookimpl
def child_started(child): return misbehave()
@hookimpl
def child_exited(ended): return misbehave()
"""


class Session:
    """One supervisor after the other in one project.

    :ivar value: what is on disk, as far as it can run.
    :ivar pids: of all programs and what they have started.
    """

    def __init__(self, base: Path, backend: str) -> None:
        self._backend = backend
        self.directory = base / "project"
        self._aside = base / "aside"
        self._environ = {
            **clean_environment(),
            "XDG_RUNTIME_DIR": str(base / "run"),
            "RELOADER_RESTART_SIGNAL": "SIGHUP",
        }
        (base / "run").mkdir()
        #: Where the supervisor listens.
        self.address = str(base / "run" / "reloader" / socket_name(str(self.directory)))
        self.client = Client(self.directory, environ=self._environ)
        self.value = 0
        self.pids: list[int] = []
        self.lines: list[str] = []
        self.said: list[str] = []
        self.may_read = threading.Event()
        self.may_read.set()
        self._readers: list[threading.Thread] = []
        self.make_project()
        self.start()

    # The project

    def make_project(self) -> None:
        """Write all files."""
        self.directory.mkdir(exist_ok=True)
        for name, text in (
            ("app.py", _PROGRAM),
            ("chaos_plugin.py", _PLUGIN),
            ("pyproject.toml", "[tool.reloader]\ngrace_seconds = 0.5\n"),
        ):
            (self.directory / name).write_text(text)
        self.write_value(self.value)

    def write(self, name: str, text: str) -> None:
        """Write a file in place."""
        with contextlib.suppress(FileNotFoundError):  # the directory was moved away
            (self.directory / name).write_text(text)

    def write_value(self, value: int) -> None:
        """Have another value on disk."""
        self.value = value
        self.write("value.py", f"VALUE = {value}\n")

    def edit(self) -> None:
        """An edit like any other."""
        self.write_value(self.value + 1)

    def move_away(self) -> None:
        """The project's directory is gone for the moment."""
        self.directory.rename(self._aside)

    def move_back(self) -> None:
        """And is back."""
        self._aside.rename(self.directory)

    def remove(self) -> None:
        """The project's directory is gone, with all that was in it."""
        shutil.rmtree(self.directory)

    # The supervisor

    def start(self) -> None:
        """Start a supervisor."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "reloader_core", "run", "-v"),
                *("--reloader-type", self._backend, "--interval", "0.1"),
                *("--plugin", "chaos_plugin", "app.py"),
            ],
            cwd=self.directory,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._hear, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                self.may_read.wait()
                # It may follow half a line of the program before.
                if found := _LINE.search(raw.decode(errors="replace")):
                    line = found[0]
                    self.lines.append(line)
                    self.pids += map(int, line.partition("pids ")[2].split())

    def _hear(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                self.said.append(raw.decode(errors="replace").rstrip())

    @property
    def supervisor(self) -> psutil.Process:
        """The supervisor's process."""
        return psutil.Process(self.process.pid)

    @property
    def keeper(self) -> psutil.Process:
        """The keeper's."""
        return self.supervisor.children()[0]

    @property
    def program(self) -> int | None:
        """The program's process id, if one runs."""
        return self.client.status().pid

    def value_of(self, pid: int | None) -> int | None:
        """What a program has said that it runs."""
        for line in reversed(self.lines):
            words = line.split()
            if int(words[3]) == pid:
                return int(words[1])
        return None

    def signal_program(self, number: int) -> None:
        """Send the program a signal, if there is one."""
        if (pid := self.program) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def survivors(self, *besides: int | None) -> list[int]:
        """Which of the processes of all programs are alive, besides some."""
        return [pid for pid in set(self.pids) - {*besides} if _is_alive(pid)]

    def family_of(self, pid: int) -> list[int]:
        """A program, and what it has started itself."""
        for line in reversed(self.lines):
            if f" pids {pid} " in line:
                return [int(word) for word in line.partition("pids ")[2].split()]
        return [pid]

    def held(self) -> tuple[int, int, int]:
        """What the supervisor holds: descriptors, threads, zombies."""
        children = self.supervisor.children()
        zombies = [child for child in children if child.status() == psutil.STATUS_ZOMBIE]
        return self.supervisor.num_fds(), self.supervisor.num_threads(), len(zombies)

    def wait_for_end_of_output(self) -> None:
        """All that could write has ended."""
        for reader in self._readers:
            reader.join(20.0)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the supervisor, and wait for its exit code and for the end of its output."""
        self.may_read.set()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(20.0)
        self.wait_for_end_of_output()
        return code


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pause(chance: Random, longest: float) -> None:
    """Let a random time pass: the moment of a fault is the point, not a condition."""
    time.sleep(chance.uniform(0.0, longest))
