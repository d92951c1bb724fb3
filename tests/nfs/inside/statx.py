"""What a file is like on the server, whatever the client believes: ``statx`` with FORCE_SYNC."""

from __future__ import annotations

import ctypes
import os

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
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


def synced_size(path: str | os.PathLike[str] | int) -> int:
    """The size of a file, asked of the server.

    :param path: or the descriptor of an open file or directory.
    """
    found = _Statx()
    flags = _AT_STATX_FORCE_SYNC
    if isinstance(path, int):
        place, name, flags = path, b"", flags | _AT_EMPTY_PATH
    else:
        place, name = _AT_FDCWD, os.fsencode(path)
    if _LIBRARY.statx(place, name, flags, _STATX_BASIC_STATS, ctypes.byref(found)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return int(found.size)
