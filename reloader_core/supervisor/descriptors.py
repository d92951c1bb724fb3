"""Descriptors on their way from one process to another (``SCM_RIGHTS``, see unix(7))."""

from __future__ import annotations

import array
import os
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Descriptors that can go with one message: the kernel's SCM_MAX_FD.
_MOST_DESCRIPTORS = 253


def send_with_descriptors(link: socket.socket, data: bytes, descriptors: Sequence[int]) -> None:
    """Send bytes, at least one, and descriptors with the first of them.

    :raises OSError: nobody takes it; ``TimeoutError`` when not in the socket's time.
    """
    if sys.platform == "win32":
        raise OSError("descriptors cannot be sent on Windows")
    rights = array.array("i", descriptors)
    sent = link.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    if sent < len(data):
        link.sendall(data[sent:])


def receive_with_descriptors(
    link: socket.socket,
    most_bytes: int,
    *,
    flags: int = 0,
) -> tuple[bytes, list[int]]:
    """Receive bytes and the descriptors that come with them, which are not inherited.

    :param flags: as for :meth:`socket.socket.recv`.
    :returns: no bytes if the other end was closed.
    :raises OSError: nothing can be received; ``BlockingIOError`` if there is nothing yet.
    """
    if sys.platform == "win32":
        return link.recv(most_bytes, flags), []
    received = array.array("i")
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * received.itemsize)
    flags |= getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    data, ancillary, _, _ = link.recvmsg(most_bytes, room, flags)
    for level, kind, rights in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(rights[: len(rights) - len(rights) % received.itemsize])
    if sys.platform != "linux":
        for descriptor in received:
            os.set_inheritable(descriptor, False)
    return data, list(received)
