"""What was seen of each file, and which files a look is about.

Every look is about all files of the project, but only about a slice of those that
were installed, one after the other. All of these have their turn at once when one of
them has changed, or the directory they are installed in: a package manager makes
entries there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.installed import install_directory, is_installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Seen", "Stamps", "stamp_of"]

#: What a :class:`~reloader_core.model.Stamp` holds, but a plain tuple, which is faster to
#: unpack; ``None`` when nothing can be reached.
Seen = tuple[int, int, int, int, int] | None

# Files by the directory they are in, which is spelled with the separator after it.
_Folders = dict[str, dict[str, Seen]]

# Opening a directory costs as much as is saved by so many names without a path.
_WORTH_OPENING = 10


def stamp_of(path: str) -> Seen:
    """What is at ``path`` now."""
    try:
        return _seen(os.stat(path))
    except (OSError, ValueError):
        return None


class Stamps:
    """The stamp each file had when it was last looked at.

    :param slices: in how many looks each installed file has its turn.
    :param rechecks: for how many looks a directory's stamp is not to be relied on.
    """

    def __init__(self, *, slices: int, rechecks: int) -> None:
        self._rechecks = rechecks
        self._own: _Folders = {}
        self._slices: tuple[_Folders, ...] = tuple({} for _ in range(slices))
        self._turn = 0
        self._directories: dict[str, _InstallDirectory] = {}

    def __contains__(self, path: str) -> bool:
        folder, name = _split(path)
        return any(name in table.get(folder, ()) for table in self._tables_of(folder))

    def __iter__(self) -> Iterator[str]:
        for table in (self._own, *self._slices):
            for folder, names in table.items():
                for name in names:
                    yield folder + name

    def remember(self, path: str, seen: Seen) -> None:
        """Hold the file against this from now on."""
        folder, name = _split(path)
        if not is_installed(folder):
            self._own.setdefault(folder, {})[name] = seen
            return
        self.forget(path)
        # What is not there is waited for: no time is to be lost when it comes.
        table = self._own if seen is None else self._slice_of(folder)
        table.setdefault(folder, {})[name] = seen
        directory = install_directory(folder)
        if directory is not None and directory not in self._directories:
            self._directories[directory] = _InstallDirectory(stamp=stamp_of(directory))

    def forget(self, path: str) -> Seen:
        """No longer look at a file.

        :returns: what was last seen of it.
        """
        folder, name = _split(path)
        seen = None
        for table in self._tables_of(folder):
            names = table.get(folder)
            if names is not None:
                seen = names.pop(name, None) or seen
                if not names:
                    del table[folder]
        return seen

    def forget_all_but(self, paths: Iterable[str]) -> None:
        """No longer look at any file but these."""
        for path in set(self).difference(paths):
            self.forget(path)
        needed = {install_directory(folder) for part in self._slices for folder in part}
        for directory in self._directories.keys() - needed:
            del self._directories[directory]

    def look(self) -> list[tuple[str, Seen]]:
        """Look at the files whose turn it is.

        :returns: what was found of those that changed; it is not remembered by itself.
        """
        self._turn = (self._turn + 1) % len(self._slices)
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

    def _slice_of(self, folder: str) -> _Folders:
        return self._slices[hash(folder) % len(self._slices)]

    def _tables_of(self, folder: str) -> tuple[_Folders, ...]:
        return (self._own, self._slice_of(folder)) if is_installed(folder) else (self._own,)


@attrs.define(eq=False)
class _InstallDirectory:
    """A ``site-packages`` with files that are looked at.

    :ivar rechecks: for how many looks it is taken for changed whatever its stamp says.
    """

    stamp: Seen
    rechecks: int = 0


def _seen(status: os.stat_result) -> Seen:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _split(path: str) -> tuple[str, str]:
    """A path as its directory and its name, which together are the path as it was spelled."""
    head, separator, name = path.rpartition(os.sep)
    return (head + separator, name) if name else ("", path)


def _changes(folders: _Folders) -> list[tuple[str, Seen]]:
    """Look at all of these; what is found of those that changed is returned."""
    changes: list[tuple[str, Seen]] = []
    for folder, names in folders.items():
        directory = _open(folder) if len(names) >= _WORTH_OPENING else None
        try:
            changes += _changes_in(folder, names, directory)
        finally:
            if directory is not None:
                os.close(directory)
    return changes


def _changes_in(
    folder: str, names: dict[str, Seen], directory: int | None
) -> Iterator[tuple[str, Seen]]:
    # With ten thousand files this loop is what the backend costs. It builds nothing
    # for a file that is as it was.
    look = os.stat
    for name, last in names.items():
        try:
            s = look(folder + name if directory is None else name, dir_fd=directory)
        except (OSError, ValueError):
            if last is not None:
                yield folder + name, None
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
        yield folder + name, _seen(s)


def _open(folder: str) -> int | None:
    """A descriptor from which the kernel need not walk the whole path for each file.

    :returns: ``None`` when there is none to be had, so whole paths have to do.
    """
    if os.stat not in os.supports_dir_fd:
        return None
    # O_PATH asks for no permission to read; no event tells others of it.
    flags = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
    try:
        return os.open(folder, flags)
    except (OSError, ValueError):
        return None
