"""The rhythm of the looks, and what each of them has to say."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from reloader_backends.stat.absent import Absent
from reloader_backends.stat.stamps import Stamps, stamp_of
from reloader_backends.stat.trees import Hints, TreeListing
from reloader_core.model import Hint, HintScope, Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["StatSource"]

_COARSEST_TIMESTAMP_SECONDS = 2.5
_SHORTEST_INTERVAL_SECONDS = 0.001


class StatSource:
    """Compares what is on disk with what it saw the last time.

    :param interval_seconds: from the beginning of one look to that of the next.
    :param slices: in how many looks each installed file has its turn; with 1, every look
        is about all files.
    """

    def __init__(self, *, interval_seconds: float, slices: int = 1) -> None:
        self._interval = max(interval_seconds, _SHORTEST_INTERVAL_SECONDS)
        self._rechecks = max(2, math.ceil(_COARSEST_TIMESTAMP_SECONDS / self._interval))
        # Not taken by close(): a look may hang in a dead server's stat().
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._due = time.monotonic() + self._interval
        self._files: frozenset[str] = frozenset()
        self._trees: dict[Tree, TreeListing] = {}
        self._stamps = Stamps(slices=slices, rechecks=self._rechecks)
        self._absent = Absent(self._stamps, self._rechecks)

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        What was seen of a path stays the measure for it as long as it is watched.
        """
        with self._lock:
            added = files - self._files
            is_one_removed = len(files) < len(self._files) + len(added)
            dropped = [self._trees.pop(tree) for tree in self._trees.keys() - trees]
            self._files = files
            if is_one_removed or dropped:
                self._forget_unwatched()
            self._add_files(added)
            for tree in trees - self._trees.keys():
                listing = self._trees[tree] = TreeListing(tree)
                for path in listing.enter(tree.root, self._rechecks):
                    if path not in self._stamps:
                        self._stamps.remember(path, stamp_of(path))

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Sleep until a look finds a difference, at most ``timeout`` seconds."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not self._closed.is_set():
            now = time.monotonic()
            if now >= self._due:
                # Looks that were missed are left out, the rhythm stays.
                self._due += self._interval * (1 + (now - self._due) // self._interval)
                hints = self._look()
                if hints:
                    return hints
            elif now >= deadline:
                break
            else:
                self._closed.wait(min(self._due, deadline) - now)
        return ()

    def close(self) -> None:
        """Wake a blocked ``wait``; there is nothing to give back."""
        self._closed.set()

    def _look(self) -> list[Hint]:
        hints: Hints = {}
        with self._lock:
            for listing in self._trees.values():
                listing.look(self._stamps, self._files, hints, self._rechecks)
            for path in self._absent.look():
                hints[path, HintScope.PATH] = None
            self._look_at_files(hints)
        return [Hint(path=path, scope=scope) for path, scope in hints]

    def _look_at_files(self, hints: Hints) -> None:
        gone = []
        for path, now in self._stamps.look():
            hints[path, HintScope.PATH] = None
            self._stamps.remember(path, now)
            if now is None and path in self._files:
                gone.append(path)
        self._absent.add(gone)

    def _add_files(self, paths: Collection[str]) -> None:
        missing = []
        for path in paths:
            if path not in self._stamps:
                stamp = stamp_of(path)
                if stamp is None:
                    missing.append(path)
                else:
                    self._stamps.remember(path, stamp)
        self._absent.add(missing)

    def _forget_unwatched(self) -> None:
        listed = {path for listing in self._trees.values() for path in listing.iter_files()}
        self._stamps.forget_all_but(self._files | listed)
        self._absent.keep_only(self._files)
