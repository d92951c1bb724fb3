"""Sources whose ``watch``, ``wait`` or ``close`` is wrong: variations of one that is right."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from reloader_core.model import Hint, Stamp, Tree
from tests.unit.broken_sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterable


# What it makes of `watch`


class StartsAnew(Source):
    """Takes a new baseline at every ``watch``."""

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        self.seen = {}
        super().watch(files, trees)


class LooksFirstLater(Source):
    """Takes the baseline of what is new at its next look, not when ``watch`` returns."""

    def __init__(self) -> None:
        super().__init__()
        self.new: set[str | Tree] = set()

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        with self.lock:
            wanted = files | trees
            self.new = (self.new | (wanted - self.seen.keys())) & wanted
            kept = {item: stamps for item, stamps in self.seen.items() if item in wanted}
            self.seen = {**{item: dict[str, Stamp]() for item in self.new}, **kept}

    def look(self) -> list[Hint]:
        with self.lock:
            new, self.new = self.new, set()
            self.seen.update((item, self.look_at(item)) for item in new & self.seen.keys())
        return super().look()


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
        threading.Thread(target=threading.Event().wait, args=(5.0,)).start()


class LeavesADescriptor(Source):
    def __init__(self) -> None:
        super().__init__()
        weakref.finalize(self, os.close, os.open(os.devnull, os.O_RDONLY))
