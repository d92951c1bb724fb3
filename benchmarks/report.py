"""How figures are shown: sections with a Markdown table, and what they were measured with."""

from __future__ import annotations

import math
import os
import platform
import sys
from typing import TYPE_CHECKING

import attrs

from benchmarks.tools import TOOLS, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@attrs.frozen(kw_only=True)
class Section:
    """One measurement.

    :ivar title: what was measured.
    :ivar text: how, and what was promised.
    :ivar header: the names of the columns.
    :ivar rows: the first column is text, the others are figures.
    :ivar notes: what the reader has to know about this very run.
    """

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        """The section as Markdown."""
        rule = ["---", *("--:" for _ in self.header[1:])]
        table = [f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows)]
        notes = [f"- {note}" for note in self.notes]
        parts = [f"## {self.title}", self.text, "\n".join(table)]
        if notes:
            parts.append("\n".join(notes))
        return "\n\n".join(parts) + "\n"


def milliseconds(seconds: float) -> str:
    """Seconds, to be shown as whole milliseconds."""
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.0f}"


def environment(command: str, distributions: Sequence[str] | None = None) -> str:
    """What the figures of this run depend on.

    :param command: what was run to get them.
    :param distributions: whose versions matter; those of the tools if not said.
    """
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    lines = (
        f"CPython {platform.python_version()}, {system}",
        ", ".join(_versions(_of_tools() if distributions is None else distributions)),
        f"measured by `{command}`",
    )
    return "".join(f"- {line}\n" for line in lines)


def _of_tools() -> list[str]:
    return list(dict.fromkeys(name for tool in TOOLS for name in tool.distributions))


def _versions(names: Sequence[str]) -> list[str]:
    found = ((name, version_of(name)) for name in names)
    return [f"{name} {version}" for name, version in found if version is not None]


def command_line(module: str) -> str:
    """The command line of this run, as a user would type it."""
    return " ".join(["python -m", module, *sys.argv[1:]])


def show_progress(text: str) -> None:
    """Tell on standard error what is being measured."""
    print(f"... {text}", file=sys.stderr, flush=True)


def main_of(module: str, measure: Callable[[], Section]) -> None:
    """Print one measurement, and what it was measured with."""
    print(measure().to_markdown())
    print(environment(command_line(module)))
