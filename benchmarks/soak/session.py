"""The supervisor that is soaked, and what it and its programs say."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

import attrs

from benchmarks.measure import ask, free_port
from benchmarks.processes import clean_environment, end
from benchmarks.soak.restarts import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.soak.project import Project

#: A program answers well within this, or is asked again when it says something.
_ASK_AGAIN_SECONDS = 0.05

_RESTARTED = (": restarted in ", " restarted as it asked to be")


@attrs.frozen(kw_only=True)
class Line:
    """A line that was said.

    :ivar at: when it came in, monotonic seconds.
    :ivar source: ``program`` or ``reloader``.
    """

    at: float
    source: str
    text: str


class Session:
    """A supervisor with the sample program.

    :param project: the program.
    :param backend: the ``reloader_type``.
    :param interval: seconds between two looks, for backends that look.
    """

    def __init__(self, project: Project, backend: str, interval: float) -> None:
        self._project = project
        self._port = free_port()
        #: All that was said.
        self.lines: list[Line] = []
        #: The programs in the order of their starts.
        self.runs: list[Run] = []
        self._restarts_told = 0
        self._unseen = 0
        self._news = threading.Condition()
        self._songs = 0
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "reloader_core", "run", "--reloader-type", backend),
                *("--interval", str(interval), "--plugin", "soak_canary"),
                *("--extra-file", "settings.txt", "--extra-file", "data/*.txt"),
                *("--extra-file", project.canary, "app.py", str(self._port), project.base),
            ],
            cwd=project.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, take), daemon=True)
            for stream, take in (
                (self._process.stdout, self._take_program),
                (self._process.stderr, self._take_reloader),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[bytes], take: Callable[[str], None]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    take(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()

    def _take_program(self, text: str) -> None:
        match text.split():
            case ["soak", pid, "start", began_at, value]:
                run = Run(pid=int(pid), began_at=float(began_at), values={"app": value})
                self.runs.append(run)
            case ["soak", pid, *words]:
                runs = [run for run in self.runs[-3:] if run.pid == int(pid)]
                if runs:
                    runs[-1].hear(*words)
                if words[0] in ("loading", "loaded"):
                    return
        self.lines.append(Line(at=time.monotonic(), source="program", text=text))

    def _take_reloader(self, text: str) -> None:
        line = Line(at=time.monotonic(), source="reloader", text=text)
        self._restarts_told += _is_restart(line)
        self.lines.append(line)

    @property
    def exit_code(self) -> int | None:
        """With which code the supervisor has ended, if it has."""
        return self._process.poll()

    def take_unseen(self, start: int) -> list[float]:
        """When programs began that said nothing, since the last call.

        :param start: which line to begin with.
        """
        # Both come by ways of their own, and the supervisor's word may be the later one.
        new = max(0, self._restarts_told - (len(self.runs) - 1) - self._unseen)
        self._unseen += new
        told = [line.at for line in self.lines[start:] if _is_restart(line)]
        # Those that are farthest from the first line of any program.
        told.sort(key=lambda at: min(abs(run.began_at - at) for run in self.runs))
        return told[len(told) - new :]

    def wait_for_line(self, words: tuple[str, ...], *, start: int, deadline: float) -> bool:
        """Wait until one of some words is in a line.

        :param start: which line to begin with.
        :param deadline: when to give up, monotonic seconds.
        :returns: whether it came.
        """

        def is_said() -> bool:
            return any(word in line.text for line in self.lines[start:] for word in words)

        return self._wait(is_said, deadline)

    def _wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or self.exit_code is not None:
                    return False
                # Now and then, to see whether the supervisor has ended.
                self._news.wait(min(left, 0.5))
        return True

    def wait_for_answer(self, wanted: dict[str, str], deadline: float) -> dict[str, str] | None:
        """Ask until the program answers what is wanted, or the deadline has passed.

        :returns: the last answer.
        """
        while True:
            said = len(self.lines)
            answer = self._ask()
            if answer == wanted or time.monotonic() > deadline or self.exit_code is not None:
                return answer
            again = min(deadline, time.monotonic() + _ASK_AGAIN_SECONDS)
            self.wait_for_line(("",), start=said, deadline=again)

    def _ask(self) -> dict[str, str] | None:
        body = ask(self._port)
        if body is None:
            return None
        return dict(line.split(" ", 1) for line in body.splitlines())

    def let_the_canary_sing(self, deadline: float) -> bool:
        """Wait until the supervisor has dealt with all that was hinted before.

        :returns: whether it did.
        """
        self._songs += 1
        said = len(self.lines)
        self._project.write(self._project.canary, b"%d\n" % self._songs)
        return self.wait_for_line(("canary.txt",), start=said, deadline=deadline)

    def close(self) -> None:
        """End the supervisor and its program."""
        with contextlib.suppress(ProcessLookupError):
            end(self._process)
        for reader in self._readers:
            reader.join()


def _is_restart(line: Line) -> bool:
    return line.source == "reloader" and any(word in line.text for word in _RESTARTED)
