"""Joins what the shares have to say."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from reloader_backends.gate import Gate
from reloader_backends.nfs.share import Pace, Share
from reloader_backends.outbox import Outbox
from reloader_core.model import Hint, HintScope, Tree
from reloader_core.mounts import Mount, MountChanges, MountTable, Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["NfsSource"]

#: How often it is looked whether a server answers, and what is mounted.
_CHECK_SECONDS = 0.5


class NfsSource:
    """A change source that asks servers.

    :param pace: how often and how many at a time, for each mount.
    :param notify: shows one line to the user.
    """

    def __init__(self, pace: Pace, *, notify: Callable[[str], None]) -> None:
        self._pace = pace
        self._notify = notify
        self._files: frozenset[str] = frozenset()
        self._trees: frozenset[Tree] = frozenset()
        # Before the table is read: what changes after that is told.
        self._changes = MountChanges()
        self._table = MountTable.read()
        self._mounts: dict[str | Tree, Mount] = {}
        self._by_point: dict[str, set[str | Tree]] = {}
        # What each share was told to watch.
        self._watched: dict[str, frozenset[str | Tree]] = {}
        self._shares: dict[str, Share] = {}
        self._check_due = time.monotonic() + _CHECK_SECONDS
        # Guards the shares; close() does not take it.
        self._lock = threading.Lock()
        self._outbox = Outbox()
        self._gate = Gate(wake=self._outbox.close, release=self._release)

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        It does not wait for a server that does not answer; what is there is hinted at when
        the server is back.
        """
        with self._lock:
            if self._gate.is_closed:
                return
            self._files, self._trees = files, trees
            if self._changes.take():
                self._take_mounts()
            self._share_out()
            self._outbox.keep(files, trees)

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until something may have changed, at most ``timeout`` seconds."""
        with self._gate.waiting() as is_open:
            if not is_open:
                return ()
            return self._wait(math.inf if timeout is None else time.monotonic() + timeout)

    def close(self) -> None:
        """Let the threads end; those that are stuck do so when their servers answer."""
        self._gate.close()

    def _release(self) -> None:
        for share in list(self._shares.values()):
            share.close()
        self._changes.close()

    # On a share's thread.

    def _hear(self, path: str, scope: HintScope) -> None:
        self._outbox.put((Hint(path=path, scope=scope),))

    # On the waiting thread, or in watch().

    def _wait(self, deadline: float) -> tuple[Hint, ...]:
        while not self._gate.is_closed:
            now = time.monotonic()
            if now >= self._check_due:
                self._check_due = now + _CHECK_SECONDS
                self._check(now)
            hints = self._outbox.take(max(0.0, min(deadline, self._check_due) - now))
            if hints or now >= deadline:
                return hints
        return ()

    def _check(self, now: float) -> None:
        if self._changes.take():
            with self._lock:
                self._take_mounts()
                self._share_out()
        for share in list(self._shares.values()):
            share.check(now)

    def _take_mounts(self) -> None:
        """Read anew what is mounted; hint at what is on another mount than before."""
        self._table = MountTable.read()
        before, self._mounts = self._mounts, {}
        self._watched.clear()
        for share in self._by_point.values():
            share.clear()
        self._assign(before.keys())
        for item, mount in before.items():
            if mount.id != self._mounts[item].id:
                if isinstance(item, str):
                    self._hear(item, HintScope.PATH)
                else:
                    self._hear(item.root, HintScope.TREE)

    def _assign(self, items: Iterable[str | Tree]) -> None:
        """Find out on which mounts these are."""
        places = Places(self._table)
        for item in items:
            mount = places.find(item if isinstance(item, str) else item.root).mount
            self._mounts[item] = mount
            self._by_point.setdefault(mount.point, set()).add(item)

    def _share_out(self) -> None:
        """Give each share what is on its mount."""
        wanted = self._files | self._trees
        for item in self._mounts.keys() - wanted:
            self._by_point[self._mounts.pop(item).point].discard(item)
        self._assign(wanted - self._mounts.keys())
        waiting = []
        for point, items in list(self._by_point.items()):
            # A share whose server is away keeps nobody waiting for what it watches already.
            here = frozenset(items)
            if self._watched.get(point) == here:
                continue
            self._watched[point] = here
            share = self._shares.get(point)
            if not items:
                del self._by_point[point], self._watched[point]
                if share is not None:
                    self._shares.pop(point).close()
                continue
            if share is None:
                share = self._shares[point] = Share(
                    point,
                    self._pace,
                    hint=self._hear,
                    fail=self._outbox.fail,
                    notify=self._notify,
                )
            files = frozenset(item for item in items if isinstance(item, str))
            trees = frozenset(item for item in items if not isinstance(item, str))
            waiting.append((share, share.watch(files, trees)))
        deadline = time.monotonic() + self._pace.timeout_seconds
        for share, is_done in waiting:
            while not is_done.wait(0.05) and not share.is_away and not self._gate.is_closed:
                now = time.monotonic()
                share.check(now)
                if now > deadline:
                    break
