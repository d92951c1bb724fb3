"""Which watched files are in which directory, by their spelling and without links."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import attrs

from reloader_backends.installed import is_installed
from reloader_backends.watchdog.events import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Place", "Places", "identity_of", "is_plain"]

Identity = tuple[int, int]


@attrs.define(eq=False)
class Place:
    """A directory, as it was spelled, with the watched files in it.

    :ivar names: the files by their folded names; several spellings may share one.
    :ivar real: where it is without links; ``None`` while it is not known.
    :ivar identity: device and inode of the directory that was found there.
    :ivar is_covered: whether every event in it is told.
    :ivar is_edited: whether something in it changed, or is likely to.
    """

    path: str
    names: dict[str, set[str]] = attrs.field(factory=dict)
    real: str | None = None
    identity: Identity | None = None
    is_covered: bool = False
    is_edited: bool = attrs.field(
        default=attrs.Factory(lambda self: not is_installed(self.path), takes_self=True)
    )

    def iter_files(self) -> Iterator[str]:
        """All watched files in it."""
        for paths in self.names.values():
            yield from paths

    def forget(self) -> None:
        """Note that another directory, or none, may be there now."""
        self.real = self.identity = None
        self.is_covered = False


class Places:
    """The directories of all watched files."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._by_real: dict[str, list[Place]] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def get(self, directory: str) -> Place | None:
        """The place of this very spelling."""
        return self._places.get(directory)

    def of(self, path: str) -> Place | None:
        """The place a watched file is in."""
        return self._places.get(os.path.dirname(path))

    def add(self, path: str) -> bool:
        """Take in a watched file.

        :returns: whether its directory is a new one.
        """
        directory, name = os.path.split(path)
        place = self._places.get(directory)
        is_new = place is None
        if place is None:
            place = self._places[directory] = Place(directory)
        place.names.setdefault(fold(name), set()).add(path)
        return is_new

    def remove(self, path: str) -> bool:
        """Leave out a watched file.

        :returns: whether it was the last one of its directory.
        """
        directory, name = os.path.split(path)
        place = self._places[directory]
        paths = place.names[fold(name)]
        paths.discard(path)
        if not paths:
            del place.names[fold(name)]
        if not place.names:
            del self._places[directory]
        return not place.names

    def locate(self) -> None:
        """Find where each place is now."""
        self._by_real.clear()
        for place in self:
            identity = identity_of(place.path)
            if identity is None:
                place.forget()
                continue
            if identity != place.identity or place.real is None:
                place.forget()
                place.real, place.identity = os.path.realpath(place.path), identity
            self._by_real.setdefault(fold(place.real), []).append(place)

    def find(self, path: str) -> Iterator[str]:
        """The watched files that are the entry ``path``, which is without links."""
        directory, name = os.path.split(path)
        for place in self._by_real.get(fold(directory), ()):
            yield from place.names.get(fold(name), ())

    def iter_at_or_below(self, path: str) -> Iterator[Place]:
        """The places in a directory, which is without links, and itself."""
        key = fold(path)
        prefix = key.rstrip(os.sep) + os.sep
        for real, places in self._by_real.items():
            if real == key or real.startswith(prefix):
                yield from places


def identity_of(directory: str) -> Identity | None:
    """Device and inode; ``None`` when there is no directory, or none that can be watched."""
    try:
        status = os.stat(directory)
        if stat.S_ISDIR(status.st_mode) and os.access(directory, os.R_OK | os.X_OK):
            return status.st_dev, status.st_ino
    except (OSError, ValueError):
        pass
    return None


def is_plain(path: str) -> bool:
    """Whether all that can happen to a file happens in its directory, under its name."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    # Some package managers link every file they install to a cache.
    return stat.S_ISREG(status.st_mode) and (status.st_nlink == 1 or is_installed(path))
