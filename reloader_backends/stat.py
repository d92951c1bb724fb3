"""The ``stat`` backend: looks at every watched path once per interval.

It works everywhere and needs nothing from the kernel. What it remembers is a
stamp per path, compared with ``!=`` only; no file's time is ever compared with
the local clock.

A directory's own time stamp tells whether a name in it appeared or vanished,
so files that do not exist cost one ``stat`` of the directory nearest to them,
not one each. That stamp has the resolution of the kernel's tick, or of two
seconds on FAT, so a directory is examined for some looks longer than its stamp
asks for.
"""

from __future__ import annotations

import math
import os
import threading
import time
from typing import TYPE_CHECKING

import attrs

from reloader_core.hookspecs import hookimpl
from reloader_core.model import Hint, HintScope, OpenRequest, Stamp, Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["StatSource", "open_change_source"]

_COARSEST_TIMESTAMP_SECONDS = 2.5
_SHORTEST_INTERVAL_SECONDS = 0.001

# A Stamp, or the plain tuple equal to it: building a Stamp costs half as much as
# the system call it holds the answer of.
_Seen = tuple[int, int, int, int, int]
_Hints = dict[tuple[str, HintScope], None]


@hookimpl
def open_change_source(request: OpenRequest) -> StatSource:
    """Open a source that looks every ``request.interval`` seconds."""
    return StatSource(interval_seconds=request.interval)


class StatSource:
    """Compares what is on disk with what it saw the last time.

    :param interval_seconds: from the beginning of one look to that of the next.
    """

    def __init__(self, *, interval_seconds: float) -> None:
        self._interval = max(interval_seconds, _SHORTEST_INTERVAL_SECONDS)
        self._rechecks = max(2, math.ceil(_COARSEST_TIMESTAMP_SECONDS / self._interval))
        # Not taken by close(): a look may hang in a dead server's stat().
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._due = time.monotonic() + self._interval
        self._files: frozenset[str] = frozenset()
        self._trees: dict[Tree, _TreeListing] = {}
        self._seen: dict[str, _Seen | None] = {}
        self._absent: dict[str, _Vicinity] = {}

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        What was seen of a path stays the measure for it as long as it is watched.
        """
        with self._lock:
            added, removed = files - self._files, self._files - files
            dropped = [self._trees.pop(tree) for tree in self._trees.keys() - trees]
            self._files = files
            if removed or dropped:
                self._forget_unwatched()
            self._add_files(added)
            for tree in trees - self._trees.keys():
                listing = self._trees[tree] = _TreeListing(tree)
                for path in listing.enter(tree.root, self._rechecks):
                    if path not in self._seen:
                        self._seen[path] = _stamp(path)

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
        hints: _Hints = {}
        with self._lock:
            for listing in self._trees.values():
                listing.look(self._seen, self._files, hints, self._rechecks)
            self._look_at_absent(hints)
            self._look_at_files(hints)
        return [Hint(path=path, scope=scope) for path, scope in hints]

    def _look_at_files(self, hints: _Hints) -> None:
        look = os.stat
        changes: list[tuple[str, _Seen | None]] = []
        now: _Seen | None
        for path, last in self._seen.items():
            try:
                s = look(path)
            except (OSError, ValueError):
                now = None
            else:
                now = (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
            if now != last:
                changes.append((path, now))
        gone = []
        for path, now in changes:
            hints[path, HintScope.PATH] = None
            self._seen[path] = now
            if now is None and path in self._files:
                gone.append(path)
        self._await(gone)

    def _look_at_absent(self, hints: _Hints) -> None:
        for directory, vicinity in list(self._absent.items()):
            stamp = _stamp(directory)
            if stamp != vicinity.stamp:
                vicinity.stamp = stamp
                vicinity.rechecks = self._rechecks
            elif vicinity.rechecks == 0:
                continue
            vicinity.rechecks -= 1
            still_absent = []
            for path in vicinity.paths:
                if path in self._seen:  # a tree has found it
                    continue
                found = _stamp(path)
                if found is None:
                    still_absent.append(path)
                else:
                    self._seen[path] = found
                    hints[path, HintScope.PATH] = None
            vicinity.paths.clear()
            self._await(still_absent)
            if not vicinity.paths:
                del self._absent[directory]

    def _add_files(self, paths: Collection[str]) -> None:
        missing = []
        for path in paths:
            if path not in self._seen:
                stamp = _stamp(path)
                if stamp is None:
                    missing.append(path)
                else:
                    self._seen[path] = stamp
        self._await(missing)

    def _await(self, paths: Collection[str]) -> None:
        """Group files that do not exist by the nearest directory that does."""
        known: dict[str, _Seen | None] = {}
        for path in paths:
            directory = _nearest_existing(path, known)
            if directory is None:
                self._seen[path] = None
                continue
            self._seen.pop(path, None)
            vicinity = self._absent.get(directory)
            if vicinity is None:
                vicinity = self._absent[directory] = _Vicinity(
                    stamp=known[directory], rechecks=self._rechecks
                )
            vicinity.paths.add(path)

    def _forget_unwatched(self) -> None:
        listed = {path for listing in self._trees.values() for path in listing.iter_files()}
        for path in self._seen.keys() - self._files - listed:
            del self._seen[path]
        for directory, vicinity in list(self._absent.items()):
            vicinity.paths &= self._files
            if not vicinity.paths:
                del self._absent[directory]


@attrs.define(eq=False)
class _Vicinity:
    """A directory with the absent files that can only appear once it changes.

    :ivar rechecks: for how many looks the files are looked for whatever the stamp says.
    """

    stamp: _Seen | None
    rechecks: int
    paths: set[str] = attrs.field(factory=set)


@attrs.define(eq=False)
class _Directory:
    """What a directory of a tree held when it was last listed, by name."""

    stamp: _Seen | None
    rechecks: int
    files: set[str] = attrs.field(factory=set)
    directories: set[str] = attrs.field(factory=set)
    is_wanted: dict[str, bool] = attrs.field(factory=dict)


class _TreeListing:
    """The directories of one tree, each with its entries."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._directories: dict[str, _Directory] = {}

    def iter_files(self) -> Iterable[str]:
        """The wanted files below."""
        for path, directory in self._directories.items():
            for name in directory.files:
                yield os.path.join(path, name)

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
            directory = _Directory(stamp=_stamp(path), rechecks=rechecks)
            self._directories[path] = directory
            directories = self._list(path, directory)
            directory.directories.update(directories)
            for name, is_link in directories.items():
                (linked if is_link else plain).append(os.path.join(path, name))
            found += [os.path.join(path, name) for name in directory.files]
        return found

    def look(
        self, seen: dict[str, _Seen | None], files: frozenset[str], hints: _Hints, rechecks: int
    ) -> None:
        """List what changed again; new files enter ``seen`` as ``None``, vanished ones leave."""
        for path, directory in list(self._directories.items()):
            stamp = _stamp(path)
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
                    seen.setdefault(file, None)
                for file in vanished - files:
                    if seen.pop(file, None) is not None:
                        hints[file, HintScope.PATH] = None

    def _update(
        self, path: str, directory: _Directory, hints: _Hints, rechecks: int
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
        stamp = _stamp(path)
        if stamp is None:
            return False
        ancestor = os.path.realpath(self._tree.root)
        while True:
            if (holder := _stamp(ancestor)) is not None and holder[:2] == stamp[:2]:
                return True
            ancestor, below = os.path.dirname(ancestor), ancestor
            if ancestor == below:
                break
        known = (directory.stamp for directory in self._directories.values())
        return any(seen is not None and seen[:2] == stamp[:2] for seen in known)


def _stamp(path: str) -> _Seen | None:
    """What is at ``path`` now; ``None`` when nothing can be reached there."""
    try:
        return Stamp.of(os.stat(path))
    except (OSError, ValueError):
        return None


def _nearest_existing(path: str, known: dict[str, _Seen | None]) -> str | None:
    """Find the directory that has to change before ``path`` can appear.

    :param known: stamps taken during this search, added to.
    :returns: ``None`` when a link that leads nowhere is on the way: what it
        waits for is elsewhere, so the path itself has to be looked at.
    """
    while True:
        directory = os.path.dirname(path)
        if directory not in known:
            known[directory] = _stamp(directory)
        if known[directory] is not None or directory == path:
            return None if os.path.lexists(path) else directory
        path = directory
