"""Files that are not compared while version control is at work on them.

A checkout writes hundreds of files, and in between nothing is what it will be. As
long as the repository's lock is there, its files wait here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from reloader_core.policy.settle import LONGEST_LOCK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


class Lock(NamedTuple):
    """A lock file of version control that is there now.

    :ivar path: the lock file.
    :ivar identity: device and inode, which tell it from the next one of the same name.
    """

    path: str
    identity: tuple[int, int]


@attrs.define(kw_only=True)
class _Parked:
    """The files that wait for one lock.

    :ivar until: it is not waited for any longer, monotonic seconds.
    :ivar paths: when each file came to notice.
    """

    lock: Lock
    until: float
    paths: dict[str, float] = attrs.field(factory=dict)


class Parking:
    """Takes in files under a lock and lets them go when it is gone.

    :param lock_over: tells the lock over a file, as it is now.
    """

    def __init__(self, lock_over: Callable[[str], Lock | None]) -> None:
        self._lock_over = lock_over
        self._parked: dict[str, _Parked] = {}
        # Each with a file that it is over.
        self._abandoned: dict[str, tuple[Lock, str]] = {}

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The locks that are waited for."""
        return tuple(parked.lock for parked in self._parked.values())

    @property
    def abandoned_locks(self) -> tuple[Lock, ...]:
        """The locks that were waited for in vain, and are still there."""
        return tuple(lock for lock, _ in self._abandoned.values())

    def take_in(self, path: str, noticed_at: float, now: float) -> bool:
        """Take a file in if there is a lock over it.

        :returns: whether it was taken in, and is not to be compared now.
        """
        lock = self._lock_over(path)
        for other, witness in list(self._abandoned.values()):
            # Inode numbers are used again: the next lock may look like an abandoned one.
            if self._lock_over(witness) != other:
                del self._abandoned[other.path]
        if lock is None or lock.path in self._abandoned:
            return False
        parked = self._parked.get(lock.path)
        if parked is None:
            parked = _Parked(lock=lock, until=now + LONGEST_LOCK_SECONDS)
            self._parked[lock.path] = parked
        parked.paths.setdefault(path, noticed_at)
        return True

    def let_go(self, now: float) -> dict[str, float]:
        """The files whose lock is gone, or was there for too long.

        :returns: when each came to notice, by path.
        """
        free: dict[str, float] = {}
        for parked in list(self._parked.values()):
            witness = next(iter(parked.paths))
            lock = self._lock_over(witness)
            if lock == parked.lock and now < parked.until:
                continue
            del self._parked[parked.lock.path]
            if lock == parked.lock:
                self._abandoned[lock.path] = (lock, witness)
            free.update(parked.paths)
        return free
