"""The page of the scale benchmark: what is measured, a table for each layout, and ratios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from benchmarks.measure import Times
from benchmarks.report import Section, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scale_session import Figures
    from benchmarks.scale_tree import Layout

_OPENING = """\
# Scale

What tools cost with many modules loaded, measured beside Werkzeug's and Django's own reloaders in
one run. To measure on yours (Linux only):

```sh
pip install -r benchmarks/requirements.txt
python -m benchmarks.scale
```
"""

_TEXT = """\
## How it is measured

Each tool runs a program that imports all modules and then does nothing. The modules are one line
each, 24 to a package; their bytecode is there. Where some are in `site-packages`, it is that
directory which is on `sys.path`, and Werkzeug takes it for a part of a virtual environment. Every
tool that looks does so once a second.

- *Imported*: from starting the command until the program has imported everything. Seconds.
- *Takes up*: from then on, while one module is saved anew every 50 ms, until the program is told to
  end. So this is how long edits are not noticed at first, and how long it takes to notice one. It
  says nothing of what becomes of an edit before: `reloader` compares it with what was loaded, the
  others take what they find for the original. Seconds.
- *Notices*: from a lone edit, saved in place, until the program is told to end. Seconds, median.
  *Lost* edits were not noticed within 30 s.
- *Idle*: processor seconds per minute of all processes, less those of the program without the tool.
- *Memory*: proportional set size of all processes, less that of the program without the tool. MiB.

The program is told to end by SIGTERM or by `sys.exit`; what counts is when it begins to. Werkzeug
and Django watch inside the program; the program without the tool has them imported, too.
"""

_HEADER = ("tool", "imported", "takes up", "notices", "lost", "idle", "memory")

_RATIOS_TEXT = """\
What `reloader` costs, as a part of what Werkzeug's stat reloader does: below 1 is less."""

_RATIOS_HEADER = ("modules", "tool", "takes up", "notices", "idle", "memory")
_MEASURE_OF_RATIOS = "Werkzeug stat"
_DISTRIBUTIONS = ("reloader-core", "werkzeug", "watchdog", "django")


@attrs.frozen(kw_only=True)
class Added:
    """What one tool adds to its program.

    :ivar idle: processor seconds per minute.
    :ivar memory: MiB.
    """

    imported: float
    take_up: float
    notices: Times
    idle: float
    memory: float

    @classmethod
    def by(cls, tool: Figures, program: Figures) -> Added:
        """The difference that a tool makes."""
        return cls(
            imported=tool.imported,
            take_up=tool.take_up,
            notices=Times.of(tool.notices),
            idle=tool.cpu_per_minute - program.cpu_per_minute,
            memory=(tool.pss - program.pss) / 2**20,
        )


@attrs.frozen(kw_only=True)
class Measured:
    """All tools with one layout.

    :ivar programs: the program without a tool, by the framework that is imported in it.
    :ivar tools: what each tool adds.
    :ivar notes: what the reader has to know about this very run.
    """

    layout: Layout
    programs: dict[str, Figures]
    tools: dict[str, Added]
    notes: Sequence[str]


def document(results: Sequence[Measured], command: str) -> str:
    """The page.

    :param results: in the order they are shown.
    :param command: what was run to get them.
    """
    sections = [*map(_section, results), _ratios(results)]
    parts = [
        _OPENING,
        environment(command, _DISTRIBUTIONS),
        _TEXT,
        *(section.to_markdown() for section in sections),
    ]
    return "\n".join(parts)


def _section(measured: Measured) -> Section:
    programs = ", ".join(
        f"{name} {figures.imported:.1f} s and {figures.pss / 2**20:.0f} MiB"
        for name, figures in measured.programs.items()
    )
    return Section(
        title=measured.layout.name,
        text=f"The program without a tool takes to import everything: {programs}.",
        header=_HEADER,
        rows=[_row(name, added) for name, added in measured.tools.items()],
        notes=measured.notes,
    )


def _row(name: str, added: Added) -> tuple[str, ...]:
    return (
        name,
        f"{added.imported:.1f}",
        _two_digits(added.take_up),
        _two_digits(added.notices.median),
        str(added.notices.lost),
        f"{added.idle:.3f}",
        f"{added.memory:.1f}",
    )


def _ratios(results: Sequence[Measured]) -> Section:
    rows: list[tuple[str, ...]] = []
    for measured in results:
        theirs = measured.tools.get(_MEASURE_OF_RATIOS)
        if theirs is None:
            continue
        for name, ours in measured.tools.items():
            if name.startswith("reloader"):
                ratios = (
                    ours.take_up / theirs.take_up,
                    ours.notices.median / theirs.notices.median,
                    ours.idle / theirs.idle,
                    ours.memory / theirs.memory,
                )
                rows.append((measured.layout.name, name, *map(_two_digits, ratios)))
    return Section(title="Ratios", text=_RATIOS_TEXT, header=_RATIOS_HEADER, rows=rows)


def _two_digits(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.2f}"
