"""What tools cost with 1,000 to 50,000 modules loaded: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import math
import sys
import sysconfig
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.measure import Times
from benchmarks.report import Section, command_line, environment, show_progress
from benchmarks.scale_session import Figures, measure_program, measure_tool
from benchmarks.scale_tree import Layout, make_sample
from benchmarks.tools import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
  others take what they find for the original. Seconds, median.
- *Notices*: from a lone edit, saved in place, until the program is told to end. Seconds, median.
- *Idle*: processor seconds per minute of all processes, less those of the program without the tool.
- *Memory*: proportional set size of all processes, less that of the program without the tool. MiB.
- *Idle ratio*, *memory ratio*: to those of Werkzeug stat.

The program is told to end by SIGTERM or by `sys.exit`; what counts is when it begins to. Werkzeug
and Django watch inside the program; the program without the tool has them imported, too.
"""

_HEADER = (
    *("tool", "imported", "takes up", "notices", "lost", "idle", "memory"),
    *("idle ratio", "memory ratio"),
)
_BASE_OF_RATIOS = "Werkzeug stat"
_WATCHES_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")


@attrs.frozen(kw_only=True)
class _Tool:
    """A reloader.

    :ivar before: what comes before ``main.py``.
    :ivar arguments: what comes after it.
    :ivar base: what comes after it for the program without the tool.
    """

    name: str
    before: tuple[str, ...] = (sys.executable,)
    arguments: tuple[str, ...] = ("none",)
    base: tuple[str, ...] = ("none",)


def _ours(reloader_type: str) -> _Tool:
    script = str(Path(sysconfig.get_path("scripts")) / "reloader")
    before = (script, "run", "--reloader-type", reloader_type, "--interval", "1")
    return _Tool(name=f"reloader {reloader_type}", before=before)


def _werkzeug(reloader_type: str) -> _Tool:
    return _Tool(
        name=f"Werkzeug {reloader_type}",
        arguments=("werkzeug", reloader_type),
        base=("werkzeug", "base"),
    )


def _tools(names: Sequence[str], notes: list[str]) -> list[_Tool]:
    tools = [_ours("inotify"), _ours("stat")]
    if entry_points(group="reloader.backends", name="watchdog"):
        tools.append(_ours("watchdog"))
    tools.append(_werkzeug("stat"))
    watchdog = version_of("watchdog")
    if watchdog is not None and int(watchdog.partition(".")[0]) < 7:
        tools.append(_werkzeug("watchdog"))
    else:
        notes.append("Werkzeug watchdog: not measured, it sees no edit with watchdog 7")
    tools.append(_Tool(name="Django", arguments=("django",), base=("django", "base")))
    return [tool for tool in tools if not names or tool.name.startswith(tuple(names))]


def _layouts(sizes: Sequence[int]) -> list[Layout]:
    """All in the project for the smaller sizes, a tenth of them for the larger ones."""
    layouts = []
    for size in sizes:
        if size <= 10_000:
            layouts.append(Layout(project=size))
        if size >= 10_000:
            layouts.append(Layout(project=size // 10, installed=size - size // 10))
    return layouts


def measure(layout: Layout, *, names: Sequence[str] = (), seconds: float, rounds: int) -> Section:
    """Measure tools in turn.

    :param layout: the modules.
    :param names: beginnings of the tools' names; none for all.
    :param seconds: how long to watch each one idle.
    :param rounds: how often it is measured when edits are noticed.
    """
    notes: list[str] = []
    bases: dict[tuple[str, ...], Figures] = {}
    measured: dict[str, tuple[Figures, Figures]] = {}
    with tempfile.TemporaryDirectory() as directory:
        show_progress(f"{layout.name}: writing them")
        (Path(directory) / "project").mkdir()
        sample = make_sample(Path(directory) / "project", layout)
        for tool in _tools(names, notes):
            if tool.base not in bases:
                show_progress(f"{layout.name}: the program of {tool.name}")
                command = (sys.executable, "main.py", *tool.base)
                bases[tool.base] = measure_program(
                    command, sample, modules=layout.modules, seconds=seconds / 2
                )
            show_progress(f"{layout.name}: {tool.name}")
            figures = measure_tool(
                (*tool.before, "main.py", *tool.arguments),
                sample,
                modules=layout.modules,
                seconds=seconds,
                rounds=rounds,
            )
            measured[tool.name] = (figures, bases[tool.base])
            if figures.watches:
                notes.append(f"{tool.name}: {figures.watches:,} inotify watches")
        notes.append(
            f"{sample.folders:,} directories; `fs.inotify.max_user_watches` is"
            f" {int(_WATCHES_LIMIT.read_text()):,}"
        )
    return Section(
        title=layout.name, text=_base_text(bases), header=_HEADER, rows=_rows(measured), notes=notes
    )


def _base_text(bases: dict[tuple[str, ...], Figures]) -> str:
    programs = (
        f"{'by itself' if base == ('none',) else f'with {base[0].capitalize()}'} in"
        f" {figures.imported:.1f} s and {_mebibytes(figures.pss):.0f} MiB"
        for base, figures in bases.items()
    )
    return f"Without any tool the program has imported everything {', '.join(programs)}."


def _rows(measured: dict[str, tuple[Figures, Figures]]) -> list[tuple[str, ...]]:
    idle = {
        name: figures.cpu_per_minute - base.cpu_per_minute
        for name, (figures, base) in measured.items()
    }
    memory = {
        name: _mebibytes(figures.pss - base.pss) for name, (figures, base) in measured.items()
    }
    rows: list[tuple[str, ...]] = []
    for name, (figures, _) in measured.items():
        take_ups, notices = Times.of(figures.take_ups), Times.of(figures.notices)
        rows.append(
            (
                name,
                f"{figures.imported:.1f}",
                _two_digits(take_ups.median),
                _two_digits(notices.median),
                str(take_ups.lost + notices.lost),
                f"{idle[name]:.3f}",
                f"{memory[name]:.1f}",
                _two_digits(idle[name] / idle.get(_BASE_OF_RATIOS, math.nan)),
                _two_digits(memory[name] / memory.get(_BASE_OF_RATIOS, math.nan)),
            )
        )
    return rows


def _two_digits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _mebibytes(size: float) -> float:
    return size / 2**20


def main() -> None:
    """Measure, print, and write the document if wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[1_000, 10_000, 50_000],
        help="numbers of modules; default 1000 10000 50000",
    )
    parser.add_argument("--tools", nargs="*", default=[], help="beginnings of names; default all")
    parser.add_argument("--seconds", type=float, default=20.0, help="of idling; default 20")
    parser.add_argument("--rounds", type=int, default=3, help="edits per tool; default 3")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the document there, too")
    arguments = parser.parse_args()
    sections = [
        measure(
            layout,
            names=arguments.tools,
            seconds=arguments.seconds,
            rounds=arguments.rounds,
        )
        for layout in _layouts(arguments.sizes)
    ]
    versions = ("reloader-core", "werkzeug", "watchdog", "django")
    parts = [
        _OPENING,
        environment(command_line("benchmarks.scale"), versions),
        _TEXT,
        *(section.to_markdown() for section in sections),
    ]
    document = "\n".join(parts)
    sys.stdout.write(document)
    if arguments.write is not None:
        arguments.write.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
