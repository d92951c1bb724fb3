"""Sources that break the contract, each in one way: small variations of one that is right."""

from __future__ import annotations

import glob
import os
import threading
import weakref
from typing import TYPE_CHECKING

import attrs
from reloader_toy.backend import ToySource

from reloader_core.model import Hint, Stamp, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


# What it makes of `watch`


class StartsAnew(Source):
    """Takes a new baseline at every ``watch``."""

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        self.seen = {}
        super().watch(files, trees)


class OnlyAdds(Source):
    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        known = self.seen.keys()
        files |= {item for item in known if isinstance(item, str)}
        super().watch(files, trees | {item for item in known if isinstance(item, Tree)})


class NeverTakesBack(Source):
    """What was given up once is not watched again."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up: set[str | Tree] = set()

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        self.given_up |= self.seen.keys() - files - trees
        super().watch(files - self.given_up, trees - self.given_up)


class GivesUpAllBelow(Source):
    """A directory that is in two trees has one watch, which goes with the first tree."""

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        gone = [item.root for item in self.seen.keys() - trees if isinstance(item, Tree)]
        super().watch(files, trees)
        for item in list(self.seen):
            path = item if isinstance(item, str) else item.root
            if any(path.startswith(root) for root in gone):
                del self.seen[item]


class HintsAtWhatItWatches(Source):
    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        super().watch(files, trees)
        self.seen = {item: dict.fromkeys(self.seen[item], Stamp(*[0] * 5)) for item in self.seen}


class HintsAtEverything(Source):
    def look(self) -> list[Hint]:
        return [Hint.everything()]


# What it makes of `wait` and `close`


class StartsAnewInWait(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        self.look()
        return super().wait(timeout)


class WatchesFromTheNextWaitOn(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        self.now = dict(self.seen)
        return super().wait(timeout)

    def look(self) -> list[Hint]:
        new, self.seen = self.seen, self.now
        hints = super().look()
        self.seen = new
        return hints


class LocksWhileItWaits(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        with self.lock:
            self.closed.wait(timeout)
        return super().wait(0)


class IgnoresTheTimeout(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        return super().wait(None)


class DoesNotBlock(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        return super().wait(0)


class SleepsThroughClose(Source):
    def __init__(self) -> None:
        super().__init__()
        self.nap = threading.Event()

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        self.nap.wait(1.0 if timeout is None else min(1.0, timeout))
        return super().wait(0)


class ClosesOnce(Source):
    def close(self) -> None:
        if self.closed.is_set():
            raise RuntimeError("closed already")
        super().close()


class ClosesOnlyWhatWatched(Source):
    def close(self) -> None:
        super().close()
        next(iter(self.seen))


class SpeaksAfterItWasClosed(Source):
    def wait(self, timeout: float | None) -> Iterable[Hint]:
        return super().wait(timeout) or (self.look() if self.closed.is_set() else [])


class LeavesAThread(Source):
    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=threading.Event().wait, args=(2.0,)).start()


class LeavesADescriptor(Source):
    def __init__(self) -> None:
        super().__init__()
        weakref.finalize(self, os.close, os.open(os.devnull, os.O_RDONLY))


@attrs.frozen(kw_only=True)
class Breakage:
    """What a broken source makes of the contract.

    :ivar says: a part of the message.
    :ivar breaks: rules that it must be found to break; it may break others.
    """

    source: type[Source]
    says: str
    breaks: tuple[str, ...]


def _breakage(source: type[Source], says: str, *breaks: str) -> Breakage:
    return Breakage(source=source, says=says, breaks=breaks)


_NO_HINT = "no hint of"

BREAKAGES = [
    _breakage(
        ByInode,
        _NO_HINT,
        "a write in place is hinted at",
        "a file deleted and made again later is hinted at each time",
        "a write under another name of the file is hinted at",
        "a file that appears is hinted at",
        "a removed directory may come back",
        "an edit in a tree is hinted at",
        "a file that is watched again is hinted at",
    ),
    _breakage(BySizeAndTime, _NO_HINT, "a write that keeps size and time is hinted at"),
    _breakage(
        ByExistence,
        _NO_HINT,
        "a file deleted and made again at once is hinted at",
        "a directory swapped for another is hinted at",
        "a file replaced by a link is hinted at",
        "an edit in a tree is hinted at",
        "each file of a burst is hinted at",
    ),
    _breakage(
        Newer,
        _NO_HINT,
        "a file of another age is hinted at",
        "an older file moved over it is hinted at",
        "a deletion is hinted at",
        "a file renamed away is hinted at",
        "the removal of the directory is hinted at",
        "a removed directory may be held open and come back",
        "a project may be moved away and back",
    ),
    _breakage(
        NeverMissesWhatIsGone,
        _NO_HINT,
        "a deletion is hinted at",
        "a deletion in a tree is hinted at",
        "a directory renamed in a tree is hinted at under both names",
        "a tree may be moved away and back",
    ),
    _breakage(
        HoldsTheFile,
        _NO_HINT,
        "an atomic replace is hinted at",
        "a save by vim is hinted at",
        "a save by emacs is hinted at",
        "a save by pycharm is hinted at",
        "each of many changes is hinted at",
        "a link pointed elsewhere is hinted at",
    ),
    _breakage(ByDirectory, "only a file that", "a file beside a watched one gives no hint"),
    _breakage(
        BySecondOfTheDirectory,
        _NO_HINT,
        "a file that appears in the tick of the watch is hinted at",
    ),
    _breakage(
        ExpectsItToStay,
        _NO_HINT,
        "a file deleted and made again later is hinted at each time",
        "a removed directory may come back",
        "a removed directory may be held open and come back",
        "a project may be moved away and back",
        "a tree may be moved away and back",
    ),
    _breakage(
        ExpectsItToBeThere,
        _NO_HINT,
        "a file that appears is hinted at",
        "a file that is moved to its place is hinted at",
        "a file is hinted at when its directories were made before",
        "a file that appears with its directories is hinted at",
        "a path through a file is hinted at once that is a directory",
        "a link that led nowhere is hinted at once it leads somewhere",
        "a circle of links is hinted at when it is broken",
        "a tree may begin where nothing is yet",
    ),
    _breakage(ExpectsOneChange, _NO_HINT, "each of many changes is hinted at"),
    _breakage(
        ExpectsFewErrors,
        "raised",
        "a path through a file is hinted at once that is a directory",
        "a circle of links is hinted at when it is broken",
    ),
    _breakage(
        ExpectsFewChanges,
        _NO_HINT,
        "each file of a burst is hinted at",
        "each file of a burst in a tree is hinted at",
    ),
    _breakage(ExpectsPatterns, _NO_HINT, "names with any character are hinted at"),
    _breakage(ExpectsText, "raised UnicodeEncodeError", "names that are no text are hinted at"),
    _breakage(Normalizes, _NO_HINT, "a path is hinted at as it was spelled"),
    _breakage(
        Resolves,
        _NO_HINT,
        "a path through links is hinted at as it was spelled",
        "a link pointed elsewhere is hinted at",
        "every link of a chain counts",
        "a file in a linked directory is hinted at",
        "a swap of a kubernetes volume is hinted at",
    ),
    _breakage(
        DoesNotFollow,
        _NO_HINT,
        "a write to the target of a link is hinted at",
        "every link of a chain counts",
        "a link that led nowhere is hinted at once it leads somewhere",
        "a file replaced by a link is hinted at",
        "a linked file in a tree is watched where it is",
    ),
    _breakage(
        ListsTreesOnce,
        _NO_HINT,
        "a new file in a tree is hinted at",
        "a file in a new directory of a tree is hinted at",
        "a directory renamed in a tree is hinted at under both names",
        "a directory moved into a tree is hinted at",
        "a tree may begin where nothing is yet",
        "a linked directory in a tree may lead nowhere at first",
        "links that lead round in a tree come to an end",
    ),
    _breakage(
        WantsAll,
        "the filter does not want",
        "a tree is silent about files its filter does not want",
        "a tree is silent about directories its filter does not want",
    ),
    _breakage(
        EntersFirstAndAsksLater,
        "which the filter refused",
        "a directory is not entered before the filter is asked",
    ),
    _breakage(
        LeavesLinksInTreesOut,
        _NO_HINT,
        "a linked directory in a tree is watched where it is",
        "a linked directory in a tree may be pointed elsewhere",
        "a linked directory in a tree may lead nowhere at first",
        "a linked file in a tree is watched where it is",
        "the root of a tree may be a link",
    ),
    _breakage(GoesRound, "raised RecursionError", "links that lead round in a tree come to an end"),
    _breakage(
        StartsAnew,
        _NO_HINT,
        "a change before more is watched is not lost",
        "a change before less is watched is not lost",
        "a change in a tree before more is watched is not lost",
    ),
    _breakage(OnlyAdds, "not watched any more", "what is not watched any more gives no hint"),
    _breakage(NeverTakesBack, _NO_HINT, "a file that is watched again is hinted at"),
    _breakage(GivesUpAllBelow, _NO_HINT, "what is in two trees stays watched when one goes"),
    _breakage(HintsAtWhatItWatches, "nothing has changed", "watching something gives no hint"),
    _breakage(
        HintsAtEverything,
        "does not fall silent",
        "a file that is only read gives no hint",
        "a tree is silent about files its filter does not want",
    ),
    _breakage(StartsAnewInWait, "never hints", "a change while nobody waits is kept"),
    _breakage(
        WatchesFromTheNextWaitOn,
        "",
        "files may be added while a wait is blocked",
        "files added one by one to a source that waits are all watched",
    ),
    _breakage(
        LocksWhileItWaits,
        "watch() did not return",
        "files may be added while a wait is blocked",
    ),
    _breakage(
        LocksWhileItWaits,
        "wait() did not return",
        "a change wakes a blocked wait",
    ),
    _breakage(
        IgnoresTheTimeout, "did not return within", "wait returns in time when there is nothing"
    ),
    _breakage(
        DoesNotBlock,
        "without a hint",
        "wait returns in time when there is nothing",
        "a change wakes a blocked wait",
    ),
    _breakage(
        SleepsThroughClose,
        "wait() did not return",
        "close wakes a blocked wait",
        "a source that watched nothing may be closed",
        "wait returns at once when the source is closed",
    ),
    _breakage(ClosesOnce, "close() raised RuntimeError", "close may be called again"),
    _breakage(
        ClosesOnlyWhatWatched,
        "close() raised StopIteration",
        "a source that watched nothing may be closed",
    ),
    _breakage(
        SpeaksAfterItWasClosed,
        "after it was closed",
        "wait returns at once when the source is closed",
    ),
    _breakage(LeavesAThread, "threads are left", "close ends the threads of the source"),
    _breakage(
        LeavesADescriptor,
        "file descriptors are left open",
        "close gives the file descriptors back",
    ),
]
