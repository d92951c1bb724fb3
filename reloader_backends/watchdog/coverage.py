"""Which watched paths events tell of, and which have to be looked at.

Events cover a file when it is a plain one, and its directory is the very one that
was scheduled. They cover a tree when that is true of all its directories and
nothing in it is a link. A covered directory is looked at itself: it may be moved
away with one above it, and another one be put in its place.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from reloader_backends.watchdog.events import fold
from reloader_backends.watchdog.places import Place, Places, identity_of, is_plain
from reloader_backends.watchdog.trees import Grove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_backends.watchdog.lookout import Lookout
    from reloader_core.model import Tree

__all__ = ["Coverage"]


class Coverage:
    """All that is watched, divided into what events cover and what they do not."""

    def __init__(self) -> None:
        self.places = Places()
        self.groves: dict[Tree, Grove] = {}
        self.files: frozenset[str] = frozenset()
        #: When its directory's events were first relied on, for each covered one.
        self._since: dict[Place, float] = {}
        self._special: set[str] = set()
        self._deaf: set[str] = set()
        self._on_the_way: set[str] = set()

    def replace(self, files: frozenset[str], trees: frozenset[Tree]) -> bool:
        """Watch exactly these.

        :returns: whether there are other directories than before.
        """
        has_changed = trees != self.groves.keys()
        for path in files - self.files:
            has_changed |= self.places.add(path)
            if not is_plain(path):
                self._special.add(path)
        for path in self.files - files:
            has_changed |= self.places.remove(path)
            self._special.discard(path)
        self.files = files
        self.groves = {tree: self.groves.get(tree) or Grove(tree) for tree in trees}
        return has_changed

    def is_watched(self, path: str) -> bool:
        """Whether a path is one of the files, or in one of the trees."""
        return path in self.files or any(
            path == tree.root or path.startswith(tree.root.rstrip(os.sep) + os.sep)
            for tree in self.groves
        )

    def reconsider(self, path: str) -> bool:
        """Look what kind of file a path is that changed.

        :returns: whether that, or its directory, is new, or the first change there.
        """
        if path not in self.files:
            return False
        place = self.places.of(path)
        if place is not None and not place.is_edited:
            place.is_edited = True
            self.reconsider(path)
            return True
        is_found = place is not None and place.real is None and os.path.lexists(path)
        if is_plain(path) == (path not in self._special):
            return is_found
        self._special ^= {path}
        return True

    def is_covered_for(self, path: str, seconds: float) -> bool:
        """Whether an event should have told of a file's change for that long."""
        place = self.places.of(path)
        return (
            place is not None
            and path in self.files
            and path not in self._special
            and place.is_covered
            and time.monotonic() - self._since.get(place, 0.0) > seconds
        )

    def distrust(self, path: str, lookout: Lookout) -> str | None:
        """Rely no more on the events of a file's directory and those scheduled with it.

        :returns: the directory that was scheduled; ``None`` when none is now.
        """
        place = self.places.of(path)
        for schedule in lookout:
            if place is not None and place.real in schedule.candidate.directories:
                self._deaf.update(schedule.candidate.directories)
                return schedule.candidate.path
        return None

    def is_on_the_way(self, path: str) -> bool:
        """Whether something watched is in a directory, at any depth."""
        return fold(path) in self._on_the_way

    def forget_all(self) -> None:
        """Rely on nothing until it was looked at again."""
        for place in self.places:
            place.forget()
        for grove in self.groves.values():
            grove.forget()

    def locate(self) -> tuple[dict[str, int], set[str]]:
        """Find where everything is.

        :returns: the directories worth being scheduled, with the number of
            watched files in each, and those that must not be.
        """
        self.places.locate()
        needed: dict[str, int] = {}
        refused: set[str] = set()
        for place in self.places:
            if place.real is not None:
                needed[place.real] = needed.get(place.real, 0) + sum(map(len, place.names.values()))
        for grove in self.groves.values():
            identity = identity_of(grove.tree.root)
            if identity != grove.identity or not grove.is_surveyed:
                grove.survey(identity)
            refused |= grove.refused
            for directory in grove.directories:
                needed[directory] = needed.get(directory, 0) + 1
        self._on_the_way = {fold(path) for path in _with_parents(needed)}
        for directory in self._deaf & needed.keys():
            del needed[directory]
        return needed, refused - needed.keys()

    def confirm(self, lookout: Lookout) -> None:
        """Rely on what is scheduled, where that is still what it was when scheduled."""
        covered: dict[Place, float] = {}
        for place in self.places:
            was_covered, place.is_covered = place.is_covered, False
            if place.real is None or place.identity is None or place.real in self._deaf:
                continue
            if lookout.inode_of(place.real) == place.identity[1] and (
                was_covered or identity_of(place.path) == place.identity
            ):
                place.is_covered = True
                covered[place] = self._since.get(place, time.monotonic())
        self._since = covered
        for grove in self.groves.values():
            grove.is_covered = (
                grove.real is not None
                and grove.is_whole
                and grove.directories.isdisjoint(self._deaf)
                and (grove.is_covered or identity_of(grove.tree.root) == grove.identity)
                and all(
                    lookout.inode_of(path) is not None
                    and (grove.is_covered or _inode_of(path) == lookout.inode_of(path))
                    for path in grove.directories
                )
            )

    def divide(self) -> tuple[frozenset[str], frozenset[Tree]]:
        """The paths and trees to be looked at every time, because no event tells of them.

        What a package manager installed is left to the looks at everything, which are
        fewer, until something in the same directory changes.
        """
        files = set(self._special)
        for place in self.places:
            if place.is_covered:
                files.add(place.path)
            elif place.is_edited:
                files.update(place.iter_files())
        trees = {tree for tree, grove in self.groves.items() if not _is_covered(grove)}
        files.update(tree.root for tree in self.groves.keys() - trees)
        return frozenset(files), frozenset(trees)

    def is_only_a_directory(self, path: str) -> bool:
        """Whether a path is looked at for what is in it, not for itself."""
        return path not in self.files and (
            self.places.get(path) is not None or any(tree.root == path for tree in self.groves)
        )

    def iter_swapped(self, path: str) -> Iterator[Place | Grove]:
        """What begins in the directory spelled ``path``, if that is another one now."""
        place = self.places.get(path)
        if place is not None and place.is_covered and identity_of(path) != place.identity:
            yield place
        for tree, grove in self.groves.items():
            if tree.root == path and identity_of(path) != grove.identity:
                yield grove


def _is_covered(grove: Grove) -> bool:
    return grove.is_covered and grove.is_whole


def _with_parents(paths: dict[str, int]) -> set[str]:
    found = set(paths)
    for path in paths:
        while (path := os.path.dirname(path)) not in found:
            found.add(path)
    return found


def _inode_of(directory: str) -> int | None:
    identity = identity_of(directory)
    return None if identity is None else identity[1]
