"""Processor time that a tool uses while nothing happens, with many modules loaded."""

from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps import Project, make_project
from benchmarks.measure import free_port, wait_for_answer
from benchmarks.processes import cpu_seconds, cpu_seconds_between, running
from benchmarks.report import Section, main_of, show_progress
from benchmarks.tools import Program, Tool, programs_of, select, with_port

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_SECONDS = 60.0

#: After the last start: what a tool does once, such as reading all the files, is
#: over by then.
_SETTLE_SECONDS = 10.0

_TEXT = """\
The program has {modules:,} modules of its own. *Alone* is the same program without the tool,
*added* the difference: what the tool and all its processes use. Processor seconds per minute, by
the scheduler's count of nanoseconds. All tools and programs were idle side by side for
{seconds:g} s.

Promised with 1,000 modules: `inotify` below 0.05, `stat` with an interval of 1 s below 0.3."""

_HEADER = ("tool", "with", "alone", "added")


def measure(*, names: Sequence[str] = (), modules: int = 1000, seconds: float = 30.0) -> Section:
    """Measure all tools at the same time.

    :param names: beginnings of the tools' names; none for all.
    :param modules: how many modules the program has.
    :param seconds: how long to watch.
    """
    notes: list[str] = []
    tools = select(names, notes.append)
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        project = make_project(Path(directory), modules=modules)
        pids: dict[Tool | Program, int] = {}
        subjects: list[Tool | Program] = [*programs_of(tools), *tools]
        for subject in subjects:
            show_progress(f"idle: starting {subject.name}")
            pid = _start(subject, project, stack)
            if pid is None:
                notes.append(f"{subject.name}: did not answer")
            else:
                pids[subject] = pid
        time.sleep(_SETTLE_SECONDS)
        show_progress(f"idle: watching for {seconds:g} s")
        used = _per_minute(pids, seconds)
    rows = [_row(tool, used) for tool in tools]
    return Section(
        title="Idle",
        text=_TEXT.format(modules=modules, seconds=seconds),
        header=_HEADER,
        rows=rows,
        notes=tuple(notes),
    )


def _start(subject: Tool | Program, project: Project, stack: contextlib.ExitStack) -> int | None:
    port = free_port()
    since = time.perf_counter()
    pid = stack.enter_context(running(with_port(subject.command, port), cwd=project.directory))
    took = wait_for_answer(port, project.value, since=since, deadline_seconds=_START_SECONDS)
    return pid if math.isfinite(took) else None


def _per_minute(pids: dict[Tool | Program, int], seconds: float) -> dict[Tool | Program, float]:
    before = {subject: (cpu_seconds(pid), time.monotonic()) for subject, pid in pids.items()}
    time.sleep(seconds)
    used = {}
    for subject, pid in pids.items():
        counts, since = before[subject]
        spent = cpu_seconds_between(counts, cpu_seconds(pid))
        used[subject] = spent * 60.0 / (time.monotonic() - since)
    return used


def _row(tool: Tool, used: dict[Tool | Program, float]) -> tuple[str, ...]:
    wrapped, alone = used.get(tool, math.nan), used.get(tool.program, math.nan)
    return (tool.name, f"{wrapped:.3f}", f"{alone:.3f}", f"{wrapped - alone:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", default=[], help="beginnings of names; default all")
    parser.add_argument("--modules", type=int, default=1000, help="default 1000")
    parser.add_argument("--seconds", type=float, default=30.0, help="default 30")
    arguments = parser.parse_args()
    main_of(
        "benchmarks.idle",
        lambda: measure(
            names=arguments.tools, modules=arguments.modules, seconds=arguments.seconds
        ),
    )
