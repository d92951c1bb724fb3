"""What the tests of the backends share: sources on real files, and what they say."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from reloader_core.model import ChangeSource, Hint, HintScope, OpenRequest, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.patterns import PathFilter

DEADLINE_SECONDS = 10.0
INTERVAL_SECONDS = 0.05

AnyPath = str | Path


@attrs.frozen
class SuffixFilter:
    """Wants files by their suffix, and every directory but some."""

    suffix: str = ".py"
    pruned: tuple[str, ...] = ("node_modules",)

    def wants_directory(self, path: str) -> bool:
        return os.path.basename(path) not in self.pruned

    def wants_file(self, path: str) -> bool:
        return path.endswith(self.suffix)


def tree(root: AnyPath) -> Tree:
    """A tree of Python files without ``node_modules``."""
    return Tree(root=str(root), filter=cast("PathFilter", SuffixFilter()))


def open_source(
    open_change_source: Callable[[OpenRequest], ChangeSource],
    interval: float = INTERVAL_SECONDS,
) -> ChangeSource:
    """Open a backend that needs no other."""

    def no_other(reloader_type: str) -> ChangeSource:
        raise AssertionError(f"asked for {reloader_type}")

    return open_change_source(
        OpenRequest(interval=interval, options=None, notify=print, open_backend=no_other)
    )


class Watching:
    """A source in use: what is done to files, and the hints that follow."""

    def __init__(self, source: ChangeSource) -> None:
        self.source = source

    def watch(self, *files: AnyPath, trees: Iterable[AnyPath] = ()) -> None:
        """Watch exactly these."""
        self.source.watch(frozenset(map(str, files)), frozenset(map(tree, trees)))

    def drain(self) -> None:
        """Take the hints of all that was done so far."""
        while list(self.source.wait(3 * INTERVAL_SECONDS)):
            pass

    def until(self, *paths: AnyPath) -> list[Hint]:
        """Wait until each path was hinted at, be it by a directory above it."""
        hints: list[Hint] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not all(any(covers(hint, str(path)) for hint in hints) for path in paths):
            rest = deadline - time.monotonic()
            assert rest > 0, f"no hint at all of {paths}, only {hints}"
            hints += self.source.wait(rest)
        return hints

    def hints(self) -> list[Hint]:
        """The hints of all that was done since they were last taken."""
        hints: list[Hint] = []
        while more := list(self.source.wait(3 * INTERVAL_SECONDS)):
            hints += more
        return hints


def covers(hint: Hint, path: str) -> bool:
    """Whether a hint says that ``path`` may have changed."""
    if hint.scope is HintScope.EVERYTHING:
        return True
    if hint.scope is HintScope.TREE:
        return path == hint.path or path.startswith(hint.path + os.sep)
    return path == hint.path


def replace(path: Path, text: str) -> None:
    """Save the way most editors do: write another file, rename it."""
    other = path.with_name(path.name + ".tmp")
    other.write_text(text)
    other.replace(path)


def retarget(link: Path, target: AnyPath) -> None:
    """Point a link elsewhere in one step."""
    other = link.with_name(link.name + ".tmp")
    other.symlink_to(target)
    other.replace(link)
