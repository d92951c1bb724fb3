"""What inotify(7) is made of: an instance, its watches, its events.

The calls are the C library's, the constants those of ``<sys/inotify.h>``. By hand, because
the bindings there are look for the C library by means that load a megabyte, or start processes.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
import termios
from typing import Final, NamedTuple

if sys.platform != "linux":
    raise ImportError(f"there is no inotify on {sys.platform}")

MODIFY: Final = 0x0000_0002
ATTRIB: Final = 0x0000_0004
CLOSE_WRITE: Final = 0x0000_0008
MOVED_FROM: Final = 0x0000_0040
MOVED_TO: Final = 0x0000_0080
CREATE: Final = 0x0000_0100
DELETE: Final = 0x0000_0200
DELETE_SELF: Final = 0x0000_0400
MOVE_SELF: Final = 0x0000_0800

# Of events only.
Q_OVERFLOW: Final = 0x0000_4000
IGNORED: Final = 0x0000_8000
ISDIR: Final = 0x4000_0000

# Of watches only.
ONLYDIR: Final = 0x0100_0000
DONT_FOLLOW: Final = 0x0200_0000
EXCL_UNLINK: Final = 0x0400_0000
MASK_ADD: Final = 0x2000_0000

_HEADER: Final = struct.Struct("iIII")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_init1.argtypes = (ctypes.c_int,)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
_libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)


class Event(NamedTuple):
    """Something that happened.

    :ivar wd: the watch it is about; -1 for an overflow.
    :ivar mask: what happened.
    :ivar cookie: the same for both halves of a move.
    :ivar name: in the directory that is watched; empty if it is about the inode itself.
    """

    wd: int
    mask: int
    cookie: int
    name: str


class Instance:
    """An inotify instance, which does not block and is not inherited.

    :raises OSError: there can be no more of them.
    """

    def __init__(self) -> None:
        self._descriptor = _call(_libc.inotify_init1, os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        """The descriptor that becomes readable with an event."""
        return self._descriptor

    def add_watch(self, path: str, mask: int) -> int:
        """Watch an inode.

        :returns: the number of the watch; the one there was if it is watched already.
        :raises OSError: it cannot be watched.
        """
        return _call(_libc.inotify_add_watch, self._descriptor, os.fsencode(path), mask)

    def remove_watch(self, wd: int) -> None:
        """Watch it no longer.

        :raises OSError: there is no such watch.
        """
        _call(_libc.inotify_rm_watch, self._descriptor, wd)

    def read(self) -> list[Event]:
        """All events there are."""
        available = bytearray(ctypes.sizeof(ctypes.c_int))
        fcntl.ioctl(self._descriptor, termios.FIONREAD, available)
        size = int.from_bytes(available, sys.byteorder)
        data = os.read(self._descriptor, size) if size else b""
        events: list[Event] = []
        position = 0
        while position < len(data):
            wd, mask, cookie, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size
            # Filled up with null characters.
            name = data[position : position + length].rstrip(b"\0")
            position += length
            events.append(Event(wd, mask, cookie, os.fsdecode(name)))
        return events

    def close(self) -> None:
        """Give the instance and its watches back."""
        os.close(self._descriptor)


def _call(function: ctypes._NamedFuncPointer, *arguments: int | bytes) -> int:
    while True:
        result: int = function(*arguments)
        if result != -1:
            return result
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
