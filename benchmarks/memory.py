"""Memory that a tool adds to the program's own."""

from __future__ import annotations

import argparse
import collections
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps import Project, make_project
from benchmarks.measure import free_port, wait_for_answer
from benchmarks.processes import memory_bytes, running
from benchmarks.report import Section, main_of, show_progress
from benchmarks.tools import Program, Tool, select, with_port

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_SECONDS = 30.0

#: After the first answer a tool may still be loading what it needs later.
_SETTLE_SECONDS = 2.0

_TEXT = """\
Of all processes of the tool, the program included, less that of the same program alone, started
right before. What processes share counts once: by their proportional set sizes (PSS), with the
part that the benchmark has in it, which runs on the same interpreter. MiB, medians.

Promised: below 20 MiB added."""

_HEADER = ("tool", "with", "alone", "added", "rounds")


def measure(*, names: Sequence[str] = (), rounds: int = 5) -> Section:
    """Measure tools in turn.

    :param names: beginnings of the tools' names; none for all.
    :param rounds: how often each tool is started.
    """
    notes: list[str] = []
    tools = select(names, notes.append)
    sizes: dict[Tool, list[tuple[float, float]]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        project = make_project(Path(directory))
        for number in range(rounds):
            for tool in tools:
                show_progress(f"memory, round {number + 1} of {rounds}: {tool.name}")
                sizes[tool].append((_size(tool.program, project), _size(tool, project)))
    return Section(
        title="Memory",
        text=_TEXT,
        header=_HEADER,
        rows=[_row(tool, sizes[tool]) for tool in tools],
        notes=tuple(notes),
    )


def _size(subject: Tool | Program, project: Project) -> float:
    port = free_port()
    since = time.perf_counter()
    with running(with_port(subject.command, port), cwd=project.directory) as pid:
        took = wait_for_answer(port, project.value, since=since, deadline_seconds=_START_SECONDS)
        if not math.isfinite(took):
            return math.nan
        time.sleep(_SETTLE_SECONDS)
        return memory_bytes(pid) / 2**20


def _row(tool: Tool, sizes: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    alone = statistics.median(size for size, _ in sizes)
    wrapped = statistics.median(size for _, size in sizes)
    added = statistics.median(size - base for base, size in sizes)
    return (tool.name, f"{wrapped:.1f}", f"{alone:.1f}", f"{added:.1f}", str(len(sizes)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", default=[], help="beginnings of names; default all")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    arguments = parser.parse_args()
    main_of("benchmarks.memory", lambda: measure(names=arguments.tools, rounds=arguments.rounds))
