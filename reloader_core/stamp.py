"""What tells one state of a file from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it.

    Compared with ``!=`` only: a restored backup, ``cp -p`` or a branch switch
    make a file older, and a server's clock is not ours.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def has_whole_seconds(self) -> bool:
        """Whether its file system seems to keep no fractions of a second."""
        return self.mtime_ns % 1_000_000_000 == self.ctime_ns % 1_000_000_000 == 0

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of what :func:`os.stat` returned."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )
