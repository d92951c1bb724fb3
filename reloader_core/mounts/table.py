"""What is mounted where, and which of it others than this kernel change."""

from __future__ import annotations

import errno
import functools
import os
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MOUNTINFO", "Mount", "MountTable", "is_no_answer"]

#: It becomes readable with ``POLLPRI`` when something was mounted or unmounted.
MOUNTINFO = "/proc/self/mountinfo"

#: File systems of a network, a virtual machine's host or a cluster, as mount(8) names them.
#: With autofs the first look mounts something, which may take as long as a server likes.
_REMOTE_TYPES = frozenset(
    {
        "9p",
        "afs",
        "autofs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "drvfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
    }
    | {"ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf"}
    | {"virtiofs", "vmhgfs"}
)
#: A FUSE file system is a program, which may well ask a network; these ask local disks.
_LOCAL_FUSE = frozenset(
    {"fuseblk", "fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse"}
)
_OVERLAYS = frozenset({"overlay", "overlayfs", "aufs"})
_LAYER_OPTIONS = frozenset({"lowerdir", "lowerdir+", "datadir+", "upperdir"})

#: ``server:/path`` and ``//server/share``: nothing local is mounted from there.
_REMOTE_SOURCE = re.compile(r"//[^/]|\[?[\w.:%-]+\]?:/")
#: What the kernel says when it was a server, a disk or the way to it that failed: nothing
#: follows from that for a file.
_NO_ANSWER = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"),
        *("ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "ENOTCONN", "EREMOTEIO", "ESHUTDOWN"),
    )
    if hasattr(errno, name)
)
_ESCAPE = re.compile(rb"\\([0-7]{3})")


def is_no_answer(error: OSError) -> bool:
    """Whether an error says nothing of the file that was asked for."""
    return error.errno in _NO_ANSWER


@attrs.frozen(kw_only=True)
class Mount:
    """One mounted file system.

    :ivar point: the directory it is mounted on.
    :ivar type: as mount(8) names it, such as ``nfs4``.
    :ivar source: what is mounted, such as ``server:/export``.
    :ivar device: major and minor number.
    :ivar options: those of the file system itself, without those of the mount.
    """

    id: int
    parent: int
    point: str
    type: str
    source: str
    device: str
    options: tuple[str, ...] = ()

    @property
    def is_remote(self) -> bool:
        """Whether its own type or source says that others change files there."""
        if self.type in _REMOTE_TYPES:
            return True
        if self.type == "fuse" or self.type.startswith("fuse."):
            return self.type not in _LOCAL_FUSE
        return _REMOTE_SOURCE.match(self.source) is not None

    @property
    def layers(self) -> tuple[str, ...]:
        """The directories that an overlay lies on."""
        if self.type not in _OVERLAYS:
            return ()
        found: list[str] = []
        for option in self.options:
            name, _, value = option.partition("=")
            if name in _LAYER_OPTIONS:
                found += (part.replace("\\:", ":") for part in re.split(r"(?<!\\):", value))
        return tuple(path for path in found if path.startswith("/"))


#: What everything is on where there is no table.
_NOWHERE = Mount(id=0, parent=-1, point="/", type="", source="", device="")


class MountTable:
    """What is mounted where, at one moment.

    :param mounts: in the order in which they were mounted.
    """

    def __init__(self, mounts: Iterable[Mount] = ()) -> None:
        self.mounts = tuple(mounts)
        self._children: dict[int, list[Mount]] = {}
        ids = {mount.id for mount in self.mounts}
        self._root = _NOWHERE
        for mount in self.mounts:
            if mount.parent in ids and mount.parent != mount.id:
                self._children.setdefault(mount.parent, []).append(mount)
            elif mount.point == "/":
                self._root = mount

    @classmethod
    def read(cls, path: str = MOUNTINFO) -> MountTable:
        """The table as it is now; empty where there is none."""
        try:
            with open(path, "rb") as file:
                return cls(_parse(file))
        except OSError:
            return cls()

    def find(self, path: str) -> Mount:
        """The mount that a path, absolute and without links, is on; it need not exist."""
        mount = self._root
        while (deeper := self._next(mount, path)) is not None:
            mount = deeper
        return mount

    def is_remote(self, path: str) -> bool:
        """Whether others than this kernel may change files there, or in a layer under it."""
        return self.is_remote_mount(self.find(path))

    def is_remote_mount(self, mount: Mount) -> bool:
        """The same for a mount of this table."""
        return mount in self.remote

    @functools.cached_property
    def remote(self) -> frozenset[Mount]:
        """The mounts that others than this kernel may change files on."""
        return frozenset(filter(self._leads_elsewhere, self.mounts))

    def _leads_elsewhere(self, mount: Mount) -> bool:
        """Whether a mount is remote; an overlay is what lies under it."""
        waiting, known = [mount], {mount}
        while waiting:
            mount = waiting.pop()
            if mount.is_remote:
                return True
            # In a container the layers may be paths of its host, and lead back to itself.
            below = {self.find(layer) for layer in mount.layers} - known
            known |= below
            waiting += below
        return False

    def _next(self, mount: Mount, path: str) -> Mount | None:
        """The mount in this one that a path leads through first.

        The last one if there are several: what was mounted later hides what is below.
        """
        found: Mount | None = None
        for child in self._children.get(mount.id, ()):
            if _is_at_or_below(path, child.point) and (
                found is None or len(child.point) <= len(found.point)
            ):
                found = child
        return found


def _is_at_or_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _parse(lines: Iterable[bytes]) -> Iterator[Mount]:
    for line in lines:
        fields, _, rest = line.rstrip(b"\n").partition(b" - ")
        first, last = fields.split(b" "), rest.split(b" ")
        if len(first) < 5 or len(last) < 2:
            continue
        yield Mount(
            id=int(first[0]),
            parent=int(first[1]),
            device=first[2].decode("ascii"),
            point=_unescape(first[4]),
            type=_unescape(last[0]),
            source=_unescape(last[1]),
            options=tuple(_unescape(last[2]).split(",")) if len(last) > 2 else (),
        )


def _unescape(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), field))
