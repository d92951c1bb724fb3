"""A small backend that is right: it looks at every watched path, again and again."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import TYPE_CHECKING

import attrs

from reloader_core import hookimpl
from reloader_core.model import Hint, OpenRequest, Stamp, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@attrs.frozen(kw_only=True)
class Options:
    """What ``[tool.reloader.toy]`` may hold."""

    pause_seconds: float = 0.1


class ToySource:
    """Keeps for each file and each tree the stamps of what was there at the last look."""

    def __init__(self, pause_seconds: float) -> None:
        self.pause_seconds = pause_seconds
        self.closed = threading.Event()
        self.lock = threading.Lock()
        self.seen: dict[str | Tree, dict[str, Stamp]] = {}

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Take in what is new; what stays keeps what was seen of it."""
        with self.lock:
            self.seen = {
                item: self.seen[item] if item in self.seen else self.look_at(item)
                for item in (*files, *trees)
            }

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Sleep between looks until one finds a difference."""
        if os.environ.get("TOY_RAISE") == "wait":
            raise RuntimeError("I lost my way")
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not self.closed.wait(min(self.pause_seconds, max(0, deadline - time.monotonic()))):
            hints = self.look()
            if hints or time.monotonic() >= deadline:
                return hints
        return []

    def close(self) -> None:
        """Wake the sleeper."""
        self.closed.set()

    def look(self) -> list[Hint]:
        """Hint at every path whose stamp is another one, or which has come or gone."""
        changed = dict[str, None]()
        with self.lock:
            for item, before in self.seen.items():
                now = self.seen[item] = self.look_at(item)
                paths = before.keys() | now.keys()
                changed.update(dict.fromkeys(p for p in paths if before.get(p) != now.get(p)))
        return [Hint(path=path) for path in changed]

    def look_at(self, item: str | Tree) -> dict[str, Stamp]:
        """The stamps of what is there now."""
        paths = [item] if isinstance(item, str) else self.walk(item, item.root)
        return {path: stamp for path in paths if (stamp := self.stamp_of(path)) is not None}

    def stamp_of(self, path: str) -> Stamp | None:
        """What is at a path now; links are followed."""
        try:
            return Stamp.of(os.stat(path))
        except (OSError, ValueError):
            return None

    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        """The wanted files of a tree. A link that leads back up is not entered."""
        real = os.path.realpath(directory)
        try:
            entries = [] if real in above else list(os.scandir(directory))
        except (OSError, ValueError):
            return
        for entry in entries:
            if entry.is_dir():
                if tree.filter.wants_directory(entry.path):
                    yield from self.walk(tree, entry.path, (*above, real))
            elif tree.filter.wants_file(entry.path):
                yield entry.path


@hookimpl
def open_change_source(request: OpenRequest) -> ToySource:
    """Open the toy."""
    return ToySource(request.options.pause_seconds)
