"""What was seen of each file, and which files a look is about.

Every look is about all files of the project, but only about a slice of those that
were installed. Each of these has its turn within :data:`SLICES` looks. All have it
at once when one of them has changed, or the directory they are installed in: a
package manager makes entries there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.installed import install_directory, is_installed
from reloader_core.model import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SLICES", "Seen", "Stamps", "stamp_of"]

#: Installed files are looked at in as many parts, one per look.
SLICES = 10

#: A :class:`Stamp`, or the plain tuple equal to it; ``None`` when nothing can be reached.
Seen = tuple[int, int, int, int, int] | None


def stamp_of(path: str) -> Seen:
    """What is at ``path`` now."""
    try:
        return Stamp.of(os.stat(path))
    except (OSError, ValueError):
        return None


class Stamps:
    """The stamp each file had when it was last looked at.

    :param rechecks: for how many looks a directory's stamp is not to be relied on.
    """

    def __init__(self, rechecks: int) -> None:
        self._rechecks = rechecks
        self._own: dict[str, Seen] = {}
        self._slices: tuple[dict[str, Seen], ...] = tuple({} for _ in range(SLICES))
        self._turn = 0
        self._directories: dict[str, _InstallDirectory] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._own or path in self._slice_of(path)

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        for part in self._slices:
            yield from part

    def remember(self, path: str, seen: Seen) -> None:
        """Hold the file against this from now on."""
        self.forget(path)
        if seen is None or not is_installed(path):
            # What is not there is waited for: no time is to be lost when it comes.
            self._own[path] = seen
            return
        self._slice_of(path)[path] = seen
        directory = install_directory(path)
        if directory is not None and directory not in self._directories:
            self._directories[directory] = _InstallDirectory(stamp=stamp_of(directory))

    def forget(self, path: str) -> Seen:
        """No longer look at a file.

        :returns: what was last seen of it.
        """
        return self._own.pop(path, None) or self._slice_of(path).pop(path, None)

    def forget_all_but(self, paths: Iterable[str]) -> None:
        """No longer look at any file but these."""
        for path in set(self).difference(paths):
            self.forget(path)
        needed = {install_directory(path) for part in self._slices for path in part}
        for directory in self._directories.keys() - needed:
            del self._directories[directory]

    def look(self) -> list[tuple[str, Seen]]:
        """Look at the files whose turn it is.

        :returns: what was found of those that changed; it is not remembered by itself.
        """
        self._turn = (self._turn + 1) % SLICES
        others = [part for number, part in enumerate(self._slices) if number != self._turn]
        is_everything_due = self._is_something_installed()
        changes = _changes(self._slices[self._turn])
        if changes or is_everything_due:
            for part in others:
                changes += _changes(part)
        changes += _changes(self._own)
        return changes

    def _is_something_installed(self) -> bool:
        is_due = False
        for path, directory in self._directories.items():
            stamp = stamp_of(path)
            if stamp != directory.stamp:
                directory.stamp = stamp
                directory.rechecks = self._rechecks
            elif directory.rechecks == 0:
                continue
            directory.rechecks -= 1
            is_due = True
        return is_due

    def _slice_of(self, path: str) -> dict[str, Seen]:
        return self._slices[hash(path) % SLICES]


@attrs.define(eq=False)
class _InstallDirectory:
    """A ``site-packages`` with files that are looked at.

    :ivar rechecks: for how many looks it is taken for changed whatever its stamp says.
    """

    stamp: Seen
    rechecks: int = 0


def _changes(seen: dict[str, Seen]) -> list[tuple[str, Seen]]:
    """Look at all of these; what is found of those that changed is returned.

    With ten thousand files this loop is what the backend costs: it builds nothing
    for a file that is as it was.
    """
    look = os.stat
    changes: list[tuple[str, Seen]] = []
    for path, last in seen.items():
        try:
            s = look(path)
        except (OSError, ValueError):
            if last is not None:
                changes.append((path, None))
            continue
        if last is not None:
            device, inode, size, mtime_ns, ctime_ns = last
            if (
                s.st_ctime_ns == ctime_ns
                and s.st_mtime_ns == mtime_ns
                and s.st_size == size
                and s.st_ino == inode
                and s.st_dev == device
            ):
                continue
        changes.append((path, (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)))
    return changes
