"""Who listens at an address, as far as that can be known (Linux)."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: TCP_LISTEN, as /proc/net/tcp writes it; see proc_pid_net(5).
_LISTENS = b"0A"


def describe_holder(*, port: int = 0, path: str = "") -> str:
    """The process that listens at a port, or at a Unix socket.

    :returns: its name with its process id; empty if that cannot be known: it is another
        user's, or this is not Linux.
    """
    if sys.platform != "linux":
        return ""
    inodes = set(_iter_unix(path) if path else _iter_tcp(port))
    return _find(inodes) if inodes else ""


def _iter_tcp(port: int) -> Iterator[bytes]:
    for table in ("tcp", "tcp6"):
        for line in _lines(table):
            fields = line.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(b":")[2], 16) == port:
                yield fields[9]


def _iter_unix(path: str) -> Iterator[bytes]:
    for line in _lines("unix"):
        fields = line.split(None, 7)
        if len(fields) == 8 and fields[7].rstrip(b"\n") == os.fsencode(path):
            yield fields[6]


def _lines(table: str) -> list[bytes]:
    try:
        with open(f"/proc/net/{table}", "rb") as file:
            return file.readlines()[1:]
    except OSError:
        return []


def _find(inodes: set[bytes]) -> str:
    links = {f"socket:[{inode.decode()}]" for inode in inodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        # Processes end, and those of others keep theirs to themselves.
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path) in links:
                        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                            return f"{file.read().strip()} (pid {pid})"
    return ""
