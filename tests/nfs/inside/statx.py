"""What a file is like on the server, whatever the client believes: ``statx`` with FORCE_SYNC."""

from __future__ import annotations

import ctypes
import os

_AT_FDCWD = -100
_AT_STATX_FORCE_SYNC = 0x2000
_STATX_BASIC_STATS = 0x7FF


class _Statx(ctypes.Structure):
    """The beginning of ``struct statx``."""

    _fields_ = [  # how ctypes wants it
        ("mask", ctypes.c_uint32),
        ("blksize", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("nlink", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint16),
        ("spare", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 26),
    ]


_LIBRARY = ctypes.CDLL(None, use_errno=True)


def synced_size(path: str | os.PathLike[str]) -> int:
    """The size of a file, asked of the server."""
    found = _Statx()
    arguments = (os.fsencode(path), _AT_STATX_FORCE_SYNC, _STATX_BASIC_STATS, ctypes.byref(found))
    if _LIBRARY.statx(_AT_FDCWD, *arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(path))
    return int(found.size)
