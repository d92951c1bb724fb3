"""Trees: each directory is listed when its own stamp has changed.

That stamp has the resolution of the kernel's tick, or of two seconds on FAT, so a
directory is listed for some looks longer than its stamp asks for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import attrs

from reloader_backends.stat.stamps import Seen, stamp_of
from reloader_core.model import HintScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.model import Tree

__all__ = ["Hints", "Remembered", "TreeListing"]


class Remembered(Protocol):
    """Where new files are entered, and vanished ones are taken out."""

    def __contains__(self, path: str, /) -> bool: ...

    def remember(self, path: str, seen: Seen) -> None:
        """Hold the file against this from now on."""

    def forget(self, path: str) -> object | None:
        """No longer look at a file; what was last seen of it is returned."""


#: In the order of their discovery.
Hints = dict[tuple[str, HintScope], None]


@attrs.define(eq=False)
class _Directory:
    """What a directory of a tree held when it was last listed, by name."""

    stamp: Seen
    rechecks: int
    files: set[str] = attrs.field(factory=set)
    directories: set[str] = attrs.field(factory=set)
    is_wanted: dict[str, bool] = attrs.field(factory=dict)


class TreeListing:
    """The directories of one tree, each with its entries."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._directories: dict[str, _Directory] = {}

    def iter_files(self) -> Iterable[str]:
        """The wanted files below."""
        for path, directory in self._directories.items():
            for name in directory.files:
                yield os.path.join(path, name)

    def iter_directories(self) -> Iterable[str]:
        """The directories that were entered."""
        return self._directories.keys()

    def enter(self, path: str, rechecks: int) -> list[str]:
        """Take in a directory and what is below it.

        Links to directories come last: the name without a link is preferred.

        :returns: the wanted files found there.
        """
        found: list[str] = []
        plain, linked = [path], list[str]()
        while plain or linked:
            if plain:
                path = plain.pop()
            else:
                path = linked.pop()
                if self._is_entered(path):
                    holder, name = os.path.split(path)
                    self._directories[holder].directories.discard(name)
                    continue
            # The stamp first: what appears during the listing changes it.
            directory = _Directory(stamp=stamp_of(path), rechecks=rechecks)
            self._directories[path] = directory
            directories = self._list(path, directory)
            directory.directories.update(directories)
            for name, is_link in directories.items():
                (linked if is_link else plain).append(os.path.join(path, name))
            found += [os.path.join(path, name) for name in directory.files]
        return found

    def look(self, stamps: Remembered, files: frozenset[str], hints: Hints, rechecks: int) -> None:
        """List what changed again; new files enter ``stamps`` as absent, vanished ones leave.

        :param files: those that stay though they vanish.
        """
        for path, directory in list(self._directories.items()):
            stamp = stamp_of(path)
            if stamp != directory.stamp:
                if stamp is None or directory.stamp is None or stamp[:2] != directory.stamp[:2]:
                    hints[path, HintScope.TREE] = None
                directory.stamp = stamp
                directory.rechecks = rechecks
            elif directory.rechecks == 0:
                continue
            else:
                directory.rechecks -= 1
            if path in self._directories:  # else it went with its parent
                appeared, vanished = self._update(path, directory, hints, rechecks)
                for file in appeared:
                    if file not in stamps:
                        stamps.remember(file, None)
                for file in vanished - files:
                    if stamps.forget(file) is not None:
                        hints[file, HintScope.PATH] = None

    def _update(
        self, path: str, directory: _Directory, hints: Hints, rechecks: int
    ) -> tuple[list[str], set[str]]:
        files_before = directory.files
        directories = self._list(path, directory)
        appeared = [os.path.join(path, name) for name in directory.files - files_before]
        vanished = {os.path.join(path, name) for name in files_before - directory.files}
        for name in directory.directories - directories.keys():
            gone = os.path.join(path, name)
            directory.directories.discard(name)
            vanished.update(self._leave(gone))
            hints[gone, HintScope.TREE] = None
        for name in directories.keys() - directory.directories:
            new = os.path.join(path, name)
            if directories[name] and self._is_entered(new):
                continue
            directory.directories.add(name)
            appeared += self.enter(new, rechecks)
            hints[new, HintScope.TREE] = None
        return appeared, vanished

    def _list(self, path: str, directory: _Directory) -> dict[str, bool]:
        """Read the entries: files into ``directory``; directories, linked or not, are returned."""
        choose = self._tree.filter
        files: set[str] = set()
        directories: dict[str, bool] = {}
        is_wanted: dict[str, bool] = {}
        try:
            entries = list(os.scandir(path))
        except (OSError, ValueError):
            entries = []
        for entry in entries:
            name = entry.name
            is_link = entry.is_symlink()
            if is_link or entry.is_dir(follow_symlinks=False):
                # A link that leads nowhere may lead to a directory later, without a
                # change here, so it is kept as one.
                is_directory = not is_link or os.path.isdir(entry)
                if (is_directory or not os.path.exists(entry)) and choose.wants_directory(
                    entry.path
                ):
                    directories[name] = is_link
                if is_directory:
                    continue
            wanted = directory.is_wanted.get(name)
            is_wanted[name] = choose.wants_file(entry.path) if wanted is None else wanted
            if is_wanted[name]:
                files.add(name)
        directory.files, directory.is_wanted = files, is_wanted
        return directories

    def _leave(self, path: str) -> Iterable[str]:
        directory = self._directories.pop(path, None)
        if directory is not None:
            for name in directory.files:
                yield os.path.join(path, name)
            for name in directory.directories:
                yield from self._leave(os.path.join(path, name))

    def _is_entered(self, path: str) -> bool:
        """Whether a link leads to a directory of the tree or to one that holds the tree."""
        stamp = stamp_of(path)
        if stamp is None:
            return False
        ancestor = os.path.realpath(self._tree.root)
        while True:
            if (holder := stamp_of(ancestor)) is not None and holder[:2] == stamp[:2]:
                return True
            ancestor, below = os.path.dirname(ancestor), ancestor
            if ancestor == below:
                break
        known = (directory.stamp for directory in self._directories.values())
        return any(seen is not None and seen[:2] == stamp[:2] for seen in known)
