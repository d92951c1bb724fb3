"""From a saved edit to the answer of the new code, beside the program's own cold start."""

from __future__ import annotations

import argparse
import collections
import math
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps import Project, make_project
from benchmarks.measure import Times, free_port, wait_for_answer
from benchmarks.processes import running
from benchmarks.report import Section, main_of, milliseconds, show_progress
from benchmarks.tools import Program, Tool, select, with_port

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEADLINE_SECONDS = 10.0

#: Between the answer and the next edit, for all tools the same: several wait after
#: a change before they look again, and some tell edits apart only by the whole
#: second. Up to another second is added by chance, or the edits would always meet
#: a tool that looks once a second at the same moment of its round.
_PACE_SECONDS = 1.1

_COLD_STARTS_PER_ROUND = 2

_TEXT = """\
One module is saved in place while the program serves; from then on a fresh connection asks
every millisecond or so until the new code answers. *Cold start* is from starting the same
program without the reloader to its first answer. All figures in milliseconds, medians; *80 %*
of the measurements are between the two figures. *Lost* edits were not answered within 10 s.

Promised: with the `inotify` backend at most 1.5 times the cold start, aiming at 1.2."""

_HEADER = (
    *("tool", "save to answer", "80 %", "cold start", "of what"),
    *("ratio", "edits", "lost"),
)


def measure(*, names: Sequence[str] = (), rounds: int = 4, edits: int = 5) -> Section:
    """Measure tools in turn.

    :param names: beginnings of the tools' names; none for all.
    :param rounds: how often each tool is started.
    :param edits: how many edits are measured each time.
    """
    notes: list[str] = []
    tools = select(names, notes.append)
    cold: dict[Program, list[float]] = collections.defaultdict(list)
    warm: dict[Tool, list[float]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        project = make_project(Path(directory))
        for number in range(rounds):
            # Another order each time: whoever comes after a busy tool suffers.
            turn = number % len(tools)
            for tool in tools[turn:] + tools[:turn]:
                show_progress(f"save to answer, round {number + 1} of {rounds}: {tool.name}")
                cold[tool.program] += _cold_starts(tool.program, project)
                # The same pauses for all.
                pauses = random.Random(number)
                warm[tool] += _edits(tool, project, edits, pauses)
    rows = [_row(tool, Times.of(warm[tool]), Times.of(cold[tool.program])) for tool in tools]
    notes.append(f"rounds in which all tools took turns: {rounds}")
    return Section(
        title="Save to answer", text=_TEXT, header=_HEADER, rows=rows, notes=tuple(notes)
    )


def _cold_starts(program: Program, project: Project) -> list[float]:
    # The first one compiles what was edited last, and does not count.
    times = [
        time_to_first_answer(program.command, project) for _ in range(_COLD_STARTS_PER_ROUND + 1)
    ]
    return times[1:]


def time_to_first_answer(command: Sequence[str], project: Project) -> float:
    """Start a command and wait for its answer.

    :returns: seconds from its start; ``inf`` if there was no answer.
    """
    port = free_port()
    since = time.perf_counter()
    with running(with_port(command, port), cwd=project.directory):
        return _wait(port, project.value, since)


def _wait(port: int, value: str, since: float) -> float:
    return wait_for_answer(port, value, since=since, deadline_seconds=_DEADLINE_SECONDS)


def _edits(tool: Tool, project: Project, count: int, pauses: random.Random) -> list[float]:
    port = free_port()
    times = []
    with running(with_port(tool.command, port), cwd=project.directory):
        _wait(port, project.value, time.perf_counter())
        for _ in range(count + 1):
            time.sleep(_PACE_SECONDS + pauses.random())
            since = time.perf_counter()
            times.append(_wait(port, project.edit(), since))
    # The first edit warms up.
    return times[1:]


def _row(tool: Tool, warm: Times, cold: Times) -> tuple[str, ...]:
    ratio = warm.median / cold.median
    return (
        tool.name,
        milliseconds(warm.median),
        f"{milliseconds(warm.low)} to {milliseconds(warm.high)}",
        milliseconds(cold.median),
        tool.program.name,
        "-" if math.isnan(ratio) else f"{ratio:.2f}",
        str(warm.count + warm.lost),
        str(warm.lost),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", default=[], help="beginnings of names; default all")
    parser.add_argument("--rounds", type=int, default=4, help="default 4")
    parser.add_argument("--edits", type=int, default=5, help="per round and tool; default 5")
    arguments = parser.parse_args()
    main_of(
        "benchmarks.save_to_answer",
        lambda: measure(names=arguments.tools, rounds=arguments.rounds, edits=arguments.edits),
    )
