"""Whether anybody has a file open for writing.

On Linux a read lease can be taken on a file only while nobody has it open for
writing (``fcntl(2)``, ``F_SETLEASE``). So asking for one answers the question,
also for a file that is mapped or whose writer just pauses. The lease is given
back at once; whoever opens the file for writing in between waits that long.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys

from reloader_core.mounts import MountTable

if sys.platform == "linux":
    import fcntl

#: Where the kernel itself knows all writers. A network file system refuses a lease
#: also for other reasons, and cannot know of writers elsewhere.
_LOCAL = frozenset(
    [
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "f2fs",
        "tmpfs",
        "ramfs",
        "overlay",
        "bcachefs",
        "jfs",
        "reiserfs",
        "zfs",
    ]
)


def has_writer(path: str) -> bool | None:
    """Whether any process has a file open for writing.

    :param path: a regular file.
    :returns: ``None`` when that cannot be known: not on Linux, somebody else's
        file, a file system without leases.
    """
    if sys.platform == "linux":
        return _ask_kernel(path)
    return None


if sys.platform == "linux":

    def _ask_kernel(path: str) -> bool | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            return None
        try:
            # Whoever wants to write meanwhile makes the kernel send us this signal. The
            # usual one, SIGIO, ends a process; this one is ignored unless somebody listens.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN and _is_local(path):
                return True
            return None
        else:
            return False
        finally:
            os.close(descriptor)


def _is_local(path: str) -> bool:
    """Whether a file is on a file system whose writers this kernel all knows."""
    return MountTable.read().find(os.path.realpath(path)).type in _LOCAL
