"""Which mounts a path leads over, found without asking a server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from reloader_core.mounts.table import Mount, MountTable

__all__ = ["Place", "Places", "is_below"]

_MOST_LINKS = 40  # The kernel's own bound, MAXSYMLINKS.


class Place(NamedTuple):
    """Where a path leads.

    :ivar real: without links; from a remote mount on, as it is spelled.
    :ivar mount: the first remote one on the way, else the one that the path is on.
    :ivar is_remote: that mount is remote.
    :ivar is_linked: there is a link on the way, as far as it was followed.
    :ivar is_deaf: it leads over a mount of which the kernel tells nothing.
    :ivar is_moved: it leads over a place where something was mounted or unmounted.
    """

    real: str
    mount: Mount
    is_remote: bool = False
    is_linked: bool = False
    is_deaf: bool = False
    is_moved: bool = False


class Places:
    """Follows paths up to the first remote mount, and no further: its server may be away.

    What it finds on the way to a directory it keeps. So it is made anew when links or
    mounts may have changed.

    :param table: what is mounted.
    :param deaf: the mounts of which the kernel tells nothing.
    :param changed: the places where something was mounted or unmounted.
    """

    def __init__(
        self,
        table: MountTable,
        *,
        deaf: Collection[Mount] = (),
        changed: Collection[str] = (),
    ) -> None:
        self._table = table
        self._points = {mount.point for mount in table.mounts}
        self._remote = {mount.id for mount in table.remote}
        self._deaf = {mount.id for mount in deaf}
        self._changed = frozenset(changed)
        self._links_left = 0
        root = table.find("/")
        self._root = Place("/", root, is_deaf=root.id in self._deaf, is_moved="/" in self._changed)
        self._directories = {"": self._root}

    def find(self, path: str) -> Place:
        """Where a path leads.

        :param path: absolute; it need not exist.
        """
        self._links_left = _MOST_LINKS
        above, _, name = path.rpartition("/")
        return self._step(self._find_directory(above), name)

    def _find_directory(self, path: str) -> Place:
        names = []
        while (place := self._directories.get(path)) is None:
            above, _, name = path.rpartition("/")
            names.append((path, name))
            path = above
        for below, name in reversed(names):
            place = self._directories[below] = self._step(place, name)
        return place

    def _step(self, at: Place, name: str) -> Place:
        if name in ("", "."):
            return at
        if name == "..":
            above = os.path.dirname(at.real)
            mount = at.mount if at.is_remote else self._table.find(above)
            return at._replace(real=above, mount=mount)
        real = f"{at.real.rstrip('/')}/{name}"
        if at.is_remote:
            return at._replace(real=real)
        mount = self._table.find(real) if real in self._points else at.mount
        here = Place(
            real,
            mount,
            is_remote=mount.id in self._remote,
            is_linked=at.is_linked,
            is_deaf=at.is_deaf or mount.id in self._deaf,
            is_moved=at.is_moved or real in self._changed,
        )
        target = None if here.is_remote else self._read_link(real)
        if target is None:
            return here
        start = self._root if target.startswith("/") else at
        found = start._replace(
            is_linked=True,
            is_deaf=here.is_deaf or start.is_deaf,
            is_moved=here.is_moved or start.is_moved,
        )
        for part in target.split("/"):
            found = self._step(found, part)
        return found

    def _read_link(self, path: str) -> str | None:
        if self._links_left <= 0:
            return None
        try:
            target = os.readlink(path)
        except (OSError, ValueError):
            return None
        self._links_left -= 1
        return target


def is_below(path: str, directory: str) -> bool:
    """Whether a path is in a directory, at any depth."""
    return path != directory and path.startswith(directory.rstrip("/") + "/")
