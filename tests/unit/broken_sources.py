"""Sources that see or expect the wrong thing: small variations of one that is right."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

from reloader_toy.backend import ToySource

from reloader_core.model import Hint, Stamp, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

PAUSE_SECONDS = 0.005


class Source(ToySource):
    """The right one; what is below differs from it in one thing."""

    def __init__(self) -> None:
        super().__init__(PAUSE_SECONDS)


# What it takes for a difference


class ByInode(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        stamp = super().stamp_of(path)
        return stamp and Stamp(stamp.device, stamp.inode, 0, 0, 0)


class BySizeAndTime(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        stamp = super().stamp_of(path)
        return stamp and Stamp(0, 0, stamp.size, stamp.mtime_ns, 0)


class ByExistence(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        return super().stamp_of(path) and Stamp(0, 0, 0, 0, 0)


class Newer(Source):
    """Compares with ``>``, as many do: what is gone has no time."""

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[str, Stamp] = {}

    def stamp_of(self, path: str) -> Stamp | None:
        stamp, known = super().stamp_of(path), self.newest.get(path)
        if known is not None and (stamp is None or stamp.mtime_ns <= known.mtime_ns):
            return known
        if stamp is not None:
            self.newest[path] = stamp
        return stamp


class HoldsTheFile(Source):
    """Looks at the file that was there at first, whatever is at its path now."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Stamp] = {}

    def stamp_of(self, path: str) -> Stamp | None:
        stamp = super().stamp_of(path)
        held = self.held.setdefault(path, stamp) if stamp else self.held.get(path)
        if stamp is None or held is None or stamp.inode != held.inode:
            return held
        return stamp


class ByDirectory(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        return super().stamp_of(os.path.dirname(path))


class BySecondOfTheDirectory(Source):
    """Believes that nothing has come while the directory's time is the same second."""

    def __init__(self) -> None:
        super().__init__()
        self.absent: dict[str, int] = {}

    def stamp_of(self, path: str) -> Stamp | None:
        directory = super().stamp_of(os.path.dirname(path))
        second = directory.mtime_ns // 1_000_000_000 if directory else 0
        if self.absent.get(path) == second:
            return None
        stamp = super().stamp_of(path)
        if stamp is None:
            self.absent[path] = second
        return stamp


# What it does not expect


class ExpectsItToStay(Source):
    """Gives a path up once it is gone."""

    def look(self) -> list[Hint]:
        hints = super().look()
        self.seen = {item: stamps for item, stamps in self.seen.items() if stamps}
        return hints


class ExpectsItToBeThere(Source):
    """Watches only what is there when it is asked to."""

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        present = (item for item in files if os.path.exists(item))
        super().watch(frozenset(present), frozenset(t for t in trees if os.path.isdir(t.root)))


class NeverMissesWhatIsGone(Source):
    def look_at(self, item: str | Tree) -> dict[str, Stamp]:
        return {**self.seen.get(item, {}), **super().look_at(item)}


class ExpectsOneChange(Source):
    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def look(self) -> list[Hint]:
        hints = [hint for hint in super().look() if hint.path not in self.told]
        self.told.update(hint.path for hint in hints)
        return hints


class ExpectsFewErrors(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        try:
            return Stamp.of(os.stat(path))
        except FileNotFoundError:
            return None


class ExpectsFewChanges(Source):
    def look(self) -> list[Hint]:
        return super().look()[:100]


class SaysItIsBeingWritten(Source):
    def look(self) -> list[Hint]:
        return [Hint(path=hint.path, is_being_written=True) for hint in super().look()]


# Names and links


class ExpectsPatterns(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        return next(map(super().stamp_of, glob.glob(path)), None)


class ExpectsText(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        return super().stamp_of(path.encode().decode())


class Normalizes(Source):
    def look(self) -> list[Hint]:
        return [Hint(path=os.path.normpath(hint.path)) for hint in super().look()]


class Resolves(Source):
    """Watches, and names, what a path led to when it was first given."""

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        super().watch(frozenset(map(os.path.realpath, files)), trees)


class DoesNotFollow(Source):
    def stamp_of(self, path: str) -> Stamp | None:
        try:
            return Stamp.of(os.lstat(path))
        except OSError:
            return None


# Trees


class ListsTreesOnce(Source):
    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[Tree, list[str]] = {}

    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        if directory != tree.root:
            yield from super().walk(tree, directory, above)
            return
        if tree not in self.listed:
            self.listed[tree] = list(super().walk(tree, directory, above))
        yield from self.listed[tree]


class WantsAll(Source):
    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        for folder, _, files in os.walk(directory):
            yield from (os.path.join(folder, name) for name in files)


class EntersFirstAndAsksLater(Source):
    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        for folder, _, files in os.walk(directory):
            paths = (os.path.join(folder, name) for name in files)
            yield from filter(tree.filter.wants_file, paths)


class LeavesLinksInTreesOut(Source):
    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        for path in super().walk(tree, directory, above):
            parts = os.path.relpath(path, tree.root).split(os.sep)
            places = (os.path.join(tree.root, *parts[:n]) for n in range(len(parts) + 1))
            if not any(map(os.path.islink, (place.rstrip(os.sep) for place in places))):
                yield path


class GoesRound(Source):
    def walk(self, tree: Tree, directory: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        if directory.count(os.sep) > tree.root.count(os.sep) + 8:
            raise RecursionError("too deep")
        yield from super().walk(tree, directory)
