"""Files that do not exist, grouped by the directory that has to change before they can.

A directory's own stamp tells whether a name in it appeared, so they cost one
``stat`` of the directory nearest to them, not one each. That stamp has the
resolution of the kernel's tick, or of two seconds on FAT, so a directory is
examined for some looks longer than its stamp asks for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.stat.stamps import Seen, stamp_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from reloader_backends.stat.stamps import Stamps

__all__ = ["Absent"]


@attrs.define(eq=False)
class _Vicinity:
    """A directory with the absent files that can only appear once it changes.

    :ivar rechecks: for how many looks the files are looked for whatever the stamp says.
    """

    stamp: Seen
    rechecks: int
    paths: set[str] = attrs.field(factory=set)


class Absent:
    """The absent files, each one until it is seen.

    :param stamps: where they are handed over.
    :param rechecks: for how many looks a directory's stamp is not to be relied on.
    """

    def __init__(self, stamps: Stamps, rechecks: int) -> None:
        self._stamps = stamps
        self._rechecks = rechecks
        self._vicinities: dict[str, _Vicinity] = {}

    def add(self, paths: Collection[str]) -> None:
        """Wait for these to appear."""
        known: dict[str, Seen] = {}
        for path in paths:
            directory = _nearest_existing(path, known)
            if directory is None:
                self._stamps.remember(path, None)
                continue
            self._stamps.forget(path)
            vicinity = self._vicinities.get(directory)
            if vicinity is None:
                vicinity = self._vicinities[directory] = _Vicinity(
                    stamp=known[directory], rechecks=self._rechecks
                )
            vicinity.paths.add(path)

    def keep_only(self, paths: frozenset[str]) -> None:
        """No longer wait for any but these."""
        for directory, vicinity in list(self._vicinities.items()):
            vicinity.paths &= paths
            if not vicinity.paths:
                del self._vicinities[directory]

    def look(self) -> list[str]:
        """Look at the directories, and for the files where one has changed.

        :returns: those that appeared.
        """
        appeared = []
        for directory, vicinity in list(self._vicinities.items()):
            stamp = stamp_of(directory)
            if stamp != vicinity.stamp:
                vicinity.stamp = stamp
                vicinity.rechecks = self._rechecks
            elif vicinity.rechecks == 0:
                continue
            vicinity.rechecks -= 1
            still_absent = []
            for path in vicinity.paths:
                if path in self._stamps:  # a tree has found it
                    continue
                found = stamp_of(path)
                if found is None:
                    still_absent.append(path)
                else:
                    self._stamps.remember(path, found)
                    appeared.append(path)
            vicinity.paths.clear()
            self.add(still_absent)
            if not vicinity.paths:
                del self._vicinities[directory]
        return appeared


def _nearest_existing(path: str, known: dict[str, Seen]) -> str | None:
    """Find the directory that has to change before ``path`` can appear.

    :param known: stamps taken during this search, added to.
    :returns: ``None`` when a link that leads nowhere is on the way: what it
        waits for is elsewhere, so the path itself has to be looked at.
    """
    while True:
        directory = os.path.dirname(path)
        if directory not in known:
            known[directory] = stamp_of(directory)
        if known[directory] is not None or directory == path:
            return None if os.path.lexists(path) else directory
        path = directory
