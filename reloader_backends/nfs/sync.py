"""What a file is on its server, not what the client remembers of it.

An NFS client answers ``stat`` from a cache for up to a minute. ``statx`` with
``AT_STATX_FORCE_SYNC`` asks the server, one request per file or directory; see
statx(2). Where there is no such call, opening does: close-to-open consistency makes the
client ask, nfs(5).

A forced answer is about what the path leads to *as the client remembers the path*, so
the directories on the way have to be asked for first, from the top down.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from reloader_core.model import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Status", "is_gone", "status_of"]

_AT_FDCWD: Final = -100
_AT_STATX_FORCE_SYNC: Final = 0x2000
_STATX_BASIC_STATS: Final = 0x7FF
_STATX_BYTES: Final = 256
#: struct statx: mode at 28, inode and size at 32; ctime at 96 and mtime at 112, as seconds
#: and nanoseconds; the device's major and minor number at 136.
_FIELDS: Final = struct.Struct("=28x H 2x Q Q 48x q I 4x q I 12x I I")

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


class Status(NamedTuple):
    """What a path leads to."""

    stamp: Stamp
    mode: int


def is_gone(error: OSError) -> bool:
    """Whether the server says that there is nothing of that name."""
    return error.errno in _GONE


def status_of(path: str) -> Status | None:
    """Ask the server for what a path leads to.

    :returns: ``None`` when nothing is there.
    :raises OSError: that cannot be known: no answer, or no permission to ask.
    """
    try:
        return _ask(path)
    except OSError as error:
        if is_gone(error):
            return None
        if error.errno != errno.ESTALE:
            raise
    except ValueError:  # an embedded null byte
        return None
    # What the client remembered is gone; what is there now it finds by asking again.
    try:
        return _ask(path)
    except OSError as error:
        if is_gone(error) or error.errno == errno.ESTALE:
            return None
        raise


def _ask_by_opening(path: str) -> Status:
    """The way of systems without ``statx``."""
    if os.path.isdir(path):
        os.listdir(path)
        status = os.stat(path)
        return Status(Stamp.of(status), status.st_mode)
    # A pipe must not block, nor a terminal become the process's own.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except PermissionError:
        status = os.stat(path)
    else:
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    return Status(Stamp.of(status), status.st_mode)


def _bind_statx() -> Callable[[str], Status]:
    if sys.platform != "linux":
        return _ask_by_opening
    try:
        statx = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return _ask_by_opening
    statx.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    statx.restype = ctypes.c_int
    makedev = os.makedev

    def ask(path: str) -> Status:
        answer = ctypes.create_string_buffer(_STATX_BYTES)
        name = os.fsencode(path)
        if b"\0" in name:
            raise ValueError("embedded null byte")
        if statx(_AT_FDCWD, name, _AT_STATX_FORCE_SYNC, _STATX_BASIC_STATS, answer) != 0:
            code = ctypes.get_errno()
            if code in (errno.ENOSYS, errno.EPERM):  # an old kernel, or a filter of system calls
                return _ask_by_opening(path)
            raise OSError(code, os.strerror(code), path)
        mode, inode, size, ctime, ctime_ns, mtime, mtime_ns, major, minor = _FIELDS.unpack_from(
            answer
        )
        stamp = Stamp(
            device=makedev(major, minor),
            inode=inode,
            size=size,
            mtime_ns=mtime * 1_000_000_000 + mtime_ns,
            ctime_ns=ctime * 1_000_000_000 + ctime_ns,
        )
        return Status(stamp, mode)

    return ask


_ask: Final = _bind_statx()
