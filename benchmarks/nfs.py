"""How soon a change on an NFS server is told, and what looking for it costs the server.

``python -m benchmarks.nfs`` boots a guest (:mod:`tests.nfs.guest`) with an NFS server and
one client mount for each tool, so that each has a cache of its own. All tools watch the
same modules at the same time, and each edit is made once, on the server.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import attrs

from benchmarks.report import Section, command_line, environment, show_progress
from tests.nfs.guest import EXPORT, VARIABLE
from tests.nfs.inside.mounts import count_requests, mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: A change that is not told by then is told by nobody.
_LONGEST_SECONDS = 90.0
_EDITS = 4

#: Tells of each change of the files below its argument, one line each.
_OURS = """
import sys, pathlib
from importlib import import_module
from reloader_core.testing import open_backend
backend = import_module("reloader_backends." + sys.argv[1])
source = open_backend(backend, interval=float(sys.argv[2]))
source.watch(frozenset(map(str, pathlib.Path(sys.argv[3]).glob("*.py"))), frozenset())
print("watching", flush=True)
while True:
    for hint in source.wait(None):
        print(hint.path, flush=True)
"""
_WERKZEUG = """
import os, sys, pathlib
from werkzeug._reloader import StatReloaderLoop
class Loop(StatReloaderLoop):
    def trigger_reload(self, filename):
        self.mtimes[filename] = os.stat(filename).st_mtime
        print(filename, flush=True)
sys.path = [path for path in sys.path if path.startswith(sys.prefix)]
files = list(map(str, pathlib.Path(sys.argv[3]).glob("*.py")))
loop = Loop(extra_files=files, interval=float(sys.argv[2]))
with loop:
    loop.run_step()
    print("watching", flush=True)
    loop.run()
"""


@attrs.frozen(kw_only=True)
class _Tool:
    """A way to look for changes, on a mount of its own."""

    name: str
    code: str
    backend: str
    options: str = ""


_TOOLS = (
    _Tool(name="nfs", code=_OURS, backend="nfs"),
    _Tool(name="stat", code=_OURS, backend="stat"),
    _Tool(name="Werkzeug stat", code=_WERKZEUG, backend="-"),
    _Tool(name="stat, mounted with noac", code=_OURS, backend="stat", options="noac"),
)


class _Watcher:
    """A tool that runs."""

    def __init__(self, tool: _Tool, directory: Path, interval: float) -> None:
        self.tool = tool
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-c", tool.code, tool.backend, str(interval), str(directory)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.until("watching", time.monotonic() + _LONGEST_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.put((time.monotonic(), line.rstrip("\n")))

    def until(self, line: str, deadline: float) -> float | None:
        """When it told of something; ``None`` if it did not."""
        with contextlib.suppress(queue.Empty):
            while (rest := deadline - time.monotonic()) > 0:
                at, told = self.told.get(timeout=rest)
                if told == line:
                    return at
        return None


@attrs.frozen(kw_only=True)
class _Result:
    """What was measured of one tool.

    :ivar delays: seconds from an edit until it was told; infinite if it was not.
    """

    requests_per_minute: float
    delays: tuple[float, ...]


def _write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def _replace(path: Path, text: str) -> None:
    other = path.with_name("new")
    other.write_text(text)
    other.replace(path)


@contextlib.contextmanager
def _running(version: str, directory: str, interval: float) -> Iterator[list[_Watcher]]:
    with contextlib.ExitStack() as stack:
        watchers = []
        for tool in _TOOLS:
            options = ",".join(filter(None, (f"vers={version}", tool.options)))
            point = stack.enter_context(mounted(options))
            watcher = _Watcher(tool, point / directory, interval)
            stack.callback(watcher.process.wait)
            stack.callback(watcher.process.kill)
            watchers.append(watcher)
        yield watchers


def _measure(version: str, count: int, interval: float, idle: float) -> list[_Result]:
    directory = Path(EXPORT, f"modules-{version}-{count}")
    directory.mkdir()
    for number in range(count):
        (directory / f"module{number}.py").write_text(f"number = {number}\n")
    with _running(version, directory.name, interval) as watchers:
        before = [count_requests(watcher.directory.parent) for watcher in watchers]
        began = time.monotonic()
        time.sleep(idle)
        minutes = (time.monotonic() - began) / 60
        after = [count_requests(watcher.directory.parent) for watcher in watchers]
        delays: list[list[float]] = [[] for _ in watchers]
        for number in range(_EDITS):
            edit: Callable[[Path, str], None] = (_write_in_place, _replace)[number % 2]
            name = f"module{number * count // _EDITS}.py"
            edit(directory / name, f"number = {10**9 + number}\n")
            edited_at = time.monotonic()
            for watcher, found in zip(watchers, delays, strict=True):
                at = watcher.until(str(watcher.directory / name), edited_at + _LONGEST_SECONDS)
                found.append(float("inf") if at is None else at - edited_at)
            show_progress(f"{count} modules, NFS {version}: edit {number + 1} of {_EDITS}")
    return [
        _Result(requests_per_minute=(last - first) / minutes, delays=tuple(found))
        for first, last, found in zip(before, after, delays, strict=True)
    ]


def _section(version: str, count: int, results: Sequence[_Result], idle: float) -> Section:
    rows = [
        [
            tool.name,
            f"{result.requests_per_minute:.0f}",
            f"{median(result.delays):.2f}",
            f"{max(result.delays):.2f}",
        ]
        for tool, result in zip(_TOOLS, results, strict=True)
    ]
    return Section(
        title=f"{count:,} modules, NFS {version}",
        text=f"After {idle:.0f} s without a change; then {_EDITS} edits, in place and by "
        "replacement in turn.",
        header=("tool", "requests per idle minute", "told after, median (s)", "at most (s)"),
        rows=rows,
    )


_INTRODUCTION = """\
# What NFS costs

An NFS client answers `stat` from a cache that is believed for 3 to 60 seconds, longer the longer a
file has not changed. So what every tool does, to look at files with `stat`, tells of a change on
the server that late. `noac` turns the cache off for everything that is done on the mount. The
`nfs` backend asks the server for what it watches, and leaves the cache to the program.

Server and client run in one small virtual machine, so the time on the way is next to nothing, and
the requests are what to look at. Each tool has a client mount of its own, all watch at the same
time, and each edit is made once, on the server. A change counts as told when a watching process
has printed it. With 2,000 modules all tools together, `noac` above all, keep the one processor of
the machine busy, and a look of `nfs` takes longer than its interval. On Debian the packages
`user-mode-linux nfs-kernel-server nfs-common rpcbind kmod iproute2 busybox-static` are needed.

"""


def _measure_inside(
    versions: Sequence[str], counts: Sequence[int], arguments: argparse.Namespace
) -> str:
    sections = [
        _section(
            version,
            count,
            _measure(version, count, arguments.interval, arguments.idle),
            arguments.idle,
        )
        for version in versions
        for count in counts
    ]
    head = environment(arguments.told_as, ["reloader-core", "werkzeug"])
    return _INTRODUCTION + head + "\n" + "\n".join(part.to_markdown() for part in sections)


def main() -> int:
    """Boot a guest, measure in it, show the page and write it if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nfs", description=__doc__)
    parser.add_argument("--nfs", action="append", metavar="VERSION", help="default 3 and 4.2")
    parser.add_argument("--modules", action="append", type=int, help="default 100 and 2000")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds; default 1")
    parser.add_argument("--idle", type=float, default=90.0, help="seconds; default 90")
    parser.add_argument("--write", metavar="FILE", help="write the page there, too")
    parser.add_argument("--told-as", default=command_line("benchmarks.nfs"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if VARIABLE in os.environ:
        versions, counts = arguments.nfs or ["3", "4.2"], arguments.modules or [100, 2000]
        print(_measure_inside(versions, counts, arguments))
        return 0
    inside = [sys.executable, "-m", "benchmarks.nfs", *sys.argv[1:], "--told-as", arguments.told_as]
    guest = [sys.executable, "-m", "tests.nfs.guest", "--timeout", "3600", "--", *inside]
    done = subprocess.run(guest, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    if done.returncode == 0 and arguments.write:
        Path(arguments.write).write_text(done.stdout.rstrip("\n") + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
