"""What tools cost with 1,000 to 50,000 modules loaded: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.report import command_line, show_progress
from benchmarks.scale_report import Added, Measured, document
from benchmarks.scale_session import Figures, measure_program, measure_tool
from benchmarks.scale_tree import Layout, make_sample
from benchmarks.tools import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The program without a tool: what it has imported beside the modules.
_PROGRAMS = {
    "by itself": ("none",),
    "with Werkzeug": ("werkzeug", "base"),
    "with Django": ("django", "base"),
}
_WATCHES_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")


@attrs.frozen(kw_only=True)
class _Tool:
    """A reloader.

    :ivar before: what comes before ``main.py``.
    :ivar arguments: what comes after it.
    :ivar program: what it is compared with.
    """

    name: str
    before: tuple[str, ...] = (sys.executable,)
    arguments: tuple[str, ...] = ("none",)
    program: str = "by itself"


def _ours(reloader_type: str) -> _Tool:
    script = str(Path(sysconfig.get_path("scripts")) / "reloader")
    before = (script, "run", "--reloader-type", reloader_type, "--interval", "1")
    return _Tool(name=f"reloader {reloader_type}", before=before)


def _werkzeug(reloader_type: str) -> _Tool:
    return _Tool(
        name=f"Werkzeug {reloader_type}",
        arguments=("werkzeug", reloader_type),
        program="with Werkzeug",
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
    tools.append(_Tool(name="Django", arguments=("django",), program="with Django"))
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


def measure(layout: Layout, *, names: Sequence[str] = (), seconds: float, edits: int) -> Measured:
    """Measure tools in turn.

    :param layout: the modules.
    :param names: beginnings of the tools' names; none for all.
    :param seconds: how long to watch each one idle.
    :param edits: how many lone edits are measured with each one.
    """
    notes: list[str] = []
    programs: dict[str, Figures] = {}
    added: dict[str, Added] = {}
    with tempfile.TemporaryDirectory() as directory:
        show_progress(f"{layout.name}: writing them")
        (Path(directory) / "project").mkdir()
        sample = make_sample(Path(directory) / "project", layout)
        # Once for nothing: the system has yet to read the files.
        measure_program((sys.executable, "main.py", "none"), sample, modules=0, seconds=0.0)
        for tool in _tools(names, notes):
            if tool.program not in programs:
                show_progress(f"{layout.name}: {tool.program}")
                programs[tool.program] = measure_program(
                    (sys.executable, "main.py", *_PROGRAMS[tool.program]),
                    sample,
                    modules=layout.modules,
                    seconds=seconds / 4,
                )
            show_progress(f"{layout.name}: {tool.name}")
            figures = measure_tool(
                (*tool.before, "main.py", *tool.arguments),
                sample,
                modules=layout.modules,
                seconds=seconds,
                edits=edits,
            )
            added[tool.name] = Added.by(figures, programs[tool.program])
            if figures.watches:
                notes.append(f"{tool.name}: {figures.watches:,} inotify watches")
        notes.append(
            f"{sample.folders:,} directories; `fs.inotify.max_user_watches` is"
            f" {int(_WATCHES_LIMIT.read_text()):,}"
        )
    return Measured(layout=layout, programs=programs, tools=added, notes=notes)


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
    parser.add_argument("--seconds", type=float, default=15.0, help="of idling; default 15")
    parser.add_argument("--edits", type=int, default=3, help="lone edits per tool; default 3")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the document there, too")
    arguments = parser.parse_args()
    results = [
        measure(
            layout,
            names=arguments.tools,
            seconds=arguments.seconds,
            edits=arguments.edits,
        )
        for layout in _layouts(arguments.sizes)
    ]
    page = document(results, command_line("benchmarks.scale"))
    sys.stdout.write(page)
    if arguments.write is not None:
        arguments.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
