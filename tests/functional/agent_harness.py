"""Plays the supervisor towards the agent: starts programs, releases them, reads reports."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from reloader_core.agent.protocol import (
    Loaded,
    Missing,
    Record,
    agent_environment,
    decode,
    encode_release,
)

_DEADLINE_SECONDS = 30.0

_RecordType = TypeVar("_RecordType")


def find_pythons() -> dict[str, str]:
    """One interpreter for each CPython 3.8 or newer that is installed, by its version."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for minor in range(8, 16):
        version = f"3.{minor}"
        managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        candidate = str(managed[-1]) if managed else shutil.which(f"python{version}")
        if candidate:
            found.setdefault(version, candidate)
    return found


#: Variables to set, or with ``None`` to remove, on top of the test's own.
Environment = Mapping[str, str | None]

_INHERITED: Environment = {}


class Result(NamedTuple):
    """How a program ended."""

    returncode: int
    out: str
    err: str


class Program:
    """A program with the agent in it, and the supervisor's ends of its connections."""

    def __init__(
        self, argv: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.records: list[Record] = []
        self._rest = b""
        self._link, theirs = socket.socketpair()
        read_end, self._lifeline = os.pipe()
        # Files, not pipes: nobody needs to read along.
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self.process = subprocess.Popen(
                argv,
                cwd=directory,
                env=agent_environment(
                    environment,
                    agent_fd=theirs.fileno(),
                    lifeline_fd=read_end,
                    agent_inode=os.fstat(theirs.fileno()).st_ino,
                ),
                pass_fds=(theirs.fileno(), read_end),
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
            )
        finally:
            theirs.close()
            os.close(read_end)

    def release(self, message: bytes | None = None) -> None:
        """Let the program run; ``message`` is sent as it is."""
        with contextlib.suppress(BrokenPipeError):
            self._link.sendall(encode_release() if message is None else message)

    def hang_up(self) -> None:
        """Close the connection, as a supervisor does that does not want the program."""
        self._link.shutdown(socket.SHUT_RDWR)

    def die(self) -> None:
        """Let go of the lifeline, as the kernel does for a supervisor that died."""
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def read(self) -> bool:
        """Wait for records; false at the end of the connection."""
        readable, _, _ = select.select([self._link], [], [], _DEADLINE_SECONDS)
        assert readable, f"no record in {_DEADLINE_SECONDS} s after {self.records[-3:]}"
        try:
            chunk = self._link.recv(1 << 16)
        except ConnectionResetError:
            return False
        records, self._rest = decode(self._rest + chunk)
        self.records += records
        return bool(chunk)

    def wait_for(self, kind: type[_RecordType]) -> _RecordType:
        """The first record of a kind."""
        while True:
            for record in self.records:
                if isinstance(record, kind):
                    return record
            assert self.read(), f"the connection ended without a {kind.__name__}"

    def wait_for_line(self, text: str) -> str:
        """The first line the program has printed that contains ``text``."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            for line in self._text(self._out).splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.rstrip("\n")
            time.sleep(0.005)  # the poll of a wait with a deadline
        raise AssertionError(f"{text!r} was never printed: {self._text(self._err)}")

    def finish(self) -> Result:
        """Read records until the program's end."""
        while self.read():
            pass
        returncode = self.process.wait(_DEADLINE_SECONDS)
        return Result(returncode, self._text(self._out), self._text(self._err))

    @property
    def all_loaded(self) -> list[Loaded]:
        """What was reported of all files."""
        return [record for record in self.records if isinstance(record, Loaded)]

    def loaded(self, path: Path | str) -> list[Loaded]:
        """What was reported of one file."""
        return [record for record in self.all_loaded if record.path == str(path)]

    @property
    def missing(self) -> set[str]:
        """The places at which modules were not found."""
        return {record.path for record in self.records if isinstance(record, Missing)}

    @staticmethod
    def _text(file: IO[bytes]) -> str:
        # Not seek(): the program writes at the same position.
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

    def close(self) -> None:
        """End the program, whatever it does, and give everything back."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(_DEADLINE_SECONDS)
        self.die()
        for resource in (self._link, self._out, self._err):
            resource.close()


class Stage:
    """A directory with the files of a program, and the programs started in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._programs: list[Program] = []

    def write(self, name: str, text: str, *, age_seconds: float = 10) -> Path:
        """Write a file that was last changed some time ago."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        then = time.time() - age_seconds
        os.utime(path, (then, then))
        return path

    def start(
        self, *argv: str, python: str = sys.executable, environment: Environment = _INHERITED
    ) -> Program:
        """Start Python with the agent; it waits to be released."""
        program = Program([python, *argv], self.directory, self._environment(environment))
        self._programs.append(program)
        return program

    def run(
        self, *argv: str, python: str = sys.executable, environment: Environment = _INHERITED
    ) -> tuple[Program, Result]:
        """Run Python with the agent from beginning to end."""
        program = self.start(*argv, python=python, environment=environment)
        program.release()
        return program, program.finish()

    def run_bare(
        self, *argv: str, python: str = sys.executable, environment: Environment = _INHERITED
    ) -> Result:
        """Run Python without the agent."""
        done = subprocess.run(
            [python, *argv],
            cwd=self.directory,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def _environment(self, changes: Environment) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {name: value for name, value in {**own, **changes}.items() if value is not None}

    def close(self) -> None:
        """End all programs."""
        for program in self._programs:
            program.close()


@contextlib.contextmanager
def open_stage(directory: Path) -> Iterator[Stage]:
    """A stage; what runs on it ends with the block."""
    stage = Stage(directory)
    try:
        yield stage
    finally:
        stage.close()
