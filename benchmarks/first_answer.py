"""From the start of a tool to the program's first answer, beside the program without it."""

from __future__ import annotations

import argparse
import collections
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps import make_project
from benchmarks.measure import Times
from benchmarks.report import Section, main_of, milliseconds, show_progress
from benchmarks.save_to_answer import time_to_first_answer
from benchmarks.tools import Tool, select

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT = """\
From starting the command to the first answer, with the tool and, right before or after it, the
same program without. All figures in milliseconds, medians; *added* is the median of the
differences within a pair.

Promised: at most 60 ms more than without."""

_HEADER = ("tool", "without", "with", "added", "80 %", "pairs", "lost")


def measure(*, names: Sequence[str] = (), rounds: int = 15) -> Section:
    """Measure tools in turn.

    :param names: beginnings of the tools' names; none for all.
    :param rounds: how many pairs of starts there are for each tool.
    """
    notes: list[str] = []
    tools = select(names, notes.append)
    pairs: dict[Tool, list[tuple[float, float]]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        project = make_project(Path(directory))
        for number in range(-1, rounds):
            show_progress(f"first answer, round {number + 1} of {rounds}")
            for tool in tools:
                commands = [tool.program.command, tool.command]
                if number % 2:
                    commands.reverse()
                times = [time_to_first_answer(command, project) for command in commands]
                if number % 2:
                    times.reverse()
                # The very first start compiles the program.
                if number >= 0:
                    pairs[tool].append((times[0], times[1]))
    rows = [_row(tool, pairs[tool]) for tool in tools]
    return Section(title="First answer", text=_TEXT, header=_HEADER, rows=rows, notes=tuple(notes))


def _row(tool: Tool, pairs: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    differences = [wrapped - bare if math.isfinite(bare) else math.inf for bare, wrapped in pairs]
    added = Times.of(differences)
    return (
        tool.name,
        milliseconds(Times.of([bare for bare, _ in pairs]).median),
        milliseconds(Times.of([wrapped for _, wrapped in pairs]).median),
        milliseconds(added.median),
        f"{milliseconds(added.low)} to {milliseconds(added.high)}",
        str(len(pairs)),
        str(added.lost),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", default=[], help="beginnings of names; default all")
    parser.add_argument("--rounds", type=int, default=15, help="default 15")
    arguments = parser.parse_args()
    main_of(
        "benchmarks.first_answer",
        lambda: measure(names=arguments.tools, rounds=arguments.rounds),
    )
