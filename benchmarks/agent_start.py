"""What the agent adds to the start of the program it is in."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.apps import make_project
from benchmarks.measure import Times
from benchmarks.processes import clean_environment
from benchmarks.report import Section, main_of, show_progress
from reloader_core.agent.protocol import agent_environment, encode_release

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT = """\
An interpreter runs to its end, with and without the agent in it; the agent finds its release
waiting, so the wait for the supervisor does not count. Starts alternate. *Time* is by the clock,
*processor* what the process used. Milliseconds.

Promised: the agent adds at most 3 ms to the start."""

_FILES = 200

_HEADER = (
    *("program", "time without", "with", "added", "added at least"),
    *("processor without", "with", "added", "starts"),
)


@attrs.frozen(kw_only=True)
class _Run:
    """One run of an interpreter; seconds."""

    elapsed: float
    processor: float


def measure(*, rounds: int = 150) -> Section:
    """Measure the start of an empty program, and of the sample project's imports.

    :param rounds: how many pairs of starts there are.
    """
    with tempfile.TemporaryDirectory() as directory:
        make_project(Path(directory))
        for number in range(_FILES):
            Path(directory, f"data{number}").touch()
        empty, imports = ("-c", "pass"), ("-c", "import app")
        opens = ("-c", f"for number in range({_FILES}): open('data%d' % number).close()")
        rows = [
            _row("`pass`", empty, directory, rounds),
            _row("`import app`", imports, directory, rounds),
            _row("the same, opened files tracked", imports, directory, rounds, directory),
            _row(f"{_FILES:,} files opened", opens, directory, rounds),
            _row("the same, tracked", opens, directory, rounds, directory),
        ]
    notes = (
        "`import app` loads the sample project, so it has the reports of all its files in it",
        "*tracked* is `track_opened_files`: each file is reported when it is first opened",
        "*added* is the difference of the medians, *added at least* that of the fastest starts",
    )
    return Section(title="Agent", text=_TEXT, header=_HEADER, rows=rows, notes=notes)


def _row(
    name: str, arguments: Sequence[str], directory: str, rounds: int, opened_below: str = ""
) -> tuple[str, ...]:
    show_progress(f"agent: {name}")
    command = [sys.executable, *arguments]
    runs: dict[bool, list[_Run]] = {False: [], True: []}
    for number in range(-1, rounds):
        for has_agent in (False, True) if number % 2 else (True, False):
            if has_agent:
                run = _run_with_agent(command, directory, opened_below)
            else:
                run = _run_bare(command, directory)
            # The first one compiles.
            if number >= 0:
                runs[has_agent].append(run)
    elapsed = [[run.elapsed for run in runs[key]] for key in (False, True)]
    processor = [Times.of([run.processor for run in runs[key]]).median for key in (False, True)]
    medians = [Times.of(values).median for values in elapsed]
    return (
        name,
        *(_precise(seconds) for seconds in (*medians, medians[1] - medians[0])),
        _precise(min(elapsed[1]) - min(elapsed[0])),
        *(_precise(seconds) for seconds in (*processor, processor[1] - processor[0])),
        str(rounds),
    )


def _precise(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _run_bare(command: Sequence[str], directory: str) -> _Run:
    return _run(command, directory, clean_environment())


def _run_with_agent(command: Sequence[str], directory: str, opened_below: str) -> _Run:
    ours, theirs = socket.socketpair()
    # As the supervisor does: nobody reads here before the end.
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    lifeline, end_of_lifeline = os.pipe()
    try:
        ours.sendall(encode_release(opened_below=opened_below))
        environment = agent_environment(
            clean_environment(),
            agent_fd=theirs.fileno(),
            lifeline_fd=lifeline,
            agent_inode=os.fstat(theirs.fileno()).st_ino,
        )
        return _run(command, directory, environment, (theirs.fileno(), lifeline))
    finally:
        ours.close()
        theirs.close()
        os.close(lifeline)
        os.close(end_of_lifeline)


def _run(
    command: Sequence[str],
    directory: str,
    environment: dict[str, str],
    descriptors: Sequence[int] = (),
) -> _Run:
    since = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory, env=environment, pass_fds=descriptors)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - since
    # Reaped here, for the sake of what it used; subprocess shall not try again.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return _Run(elapsed=elapsed, processor=usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="pairs of starts; default 150")
    options = parser.parse_args()
    main_of("benchmarks.agent_start", lambda: measure(rounds=options.rounds))
