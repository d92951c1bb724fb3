"""Listening sockets that programs open themselves, kept open from one program to the next.

The agent sends a duplicate of each (``SCM_RIGHTS``, see unix(7)). While there is one, the
kernel goes on to take connections, which wait until the next program accepts them. That one
finds the sockets in *mailboxes*: in each a listening socket is on its way, and is open in the
program only once it was taken out. So what nobody asks for can be taken back from here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, NamedTuple

from reloader_core.supervisor.descriptors import (
    receive_with_descriptors,
    send_with_descriptors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)

#: A program with more of them keeps the first ones.
_MOST = 64


class _Identity(NamedTuple):
    device: int
    inode: int


class _Kept:
    """A listening socket.

    :ivar path: of a Unix socket, absolute; empty for others.
    :ivar is_claimed: the program that runs listens on it.
    """

    def __init__(self, listening: socket.socket, path: str) -> None:
        self.socket = listening
        self.path = path
        self.is_claimed = True
        self._place = _identity_of(path) if path else None
        if path:
            assert self._place is not None
            self.key = f"{int(listening.family)} {self._place.device}:{self._place.inode} {path}"
        else:
            host, port = listening.getsockname()[:2]
            self.key = f"{int(listening.family)} {port} {host}"

    def close(self) -> None:
        self.socket.close()
        # As its program would have done, which was kept from it.
        with contextlib.suppress(OSError):
            if self.path and _identity_of(self.path) == self._place:
                os.unlink(self.path)


class KeptSockets:
    """Those of one program after the other.

    :ivar programs: how many programs there were.
    """

    def __init__(self) -> None:
        self.programs = 0
        self._kept: dict[_Identity, _Kept] = {}
        self._mailboxes: list[socket.socket] = []
        self._foreign: set[_Identity] = set()

    def leave_alone(self, sockets: Iterable[socket.socket]) -> None:
        """These are kept by others."""
        self._foreign = {_identity_of(listening.fileno()) for listening in sockets}

    def begin_program(self) -> None:
        """Another program starts, and has claimed nothing yet."""
        self.programs += 1
        self._empty_mailboxes()
        for kept in self._kept.values():
            kept.is_claimed = False

    def take(self, descriptor: int, path: str) -> None:
        """The program listens.

        :param descriptor: a duplicate of its socket; closed here if it is not kept. It may be
            anything: the program has the agent's channel, too.
        :param path: where it is if it is a Unix socket.
        """
        try:
            identity = _identity_of(descriptor)
            known = self._kept.get(identity)
            if known is not None:
                known.is_claimed = True
            if known is not None or identity in self._foreign or len(self._kept) >= _MOST:
                os.close(descriptor)
                return
            listening = socket.socket(fileno=descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            return
        try:
            is_listening = listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if not is_listening or listening.type != socket.SOCK_STREAM:
                listening.close()
                return
            kept = _Kept(listening, path)
        except (OSError, ValueError):
            listening.close()
            return
        # It listens at the same address beside the one it was offered (SO_REUSEPORT).
        self._drop(lambda other: other.key == kept.key and not other.is_claimed)
        self._kept[identity] = kept

    def make_mailboxes(self) -> list[tuple[str, socket.socket]]:
        """What a program that is released now gets.

        :returns: where each socket listens, in the agent's spelling, and the socket to receive
            it from; it stays this object's.
        """
        made = []
        for kept in self._kept.values():
            sender, mailbox = socket.socketpair()
            with sender:
                send_with_descriptors(sender, b"\n", [kept.socket.fileno()])
            self._mailboxes.append(mailbox)
            made.append((kept.key, mailbox))
        return made

    def make_way(self, port: str) -> None:
        """The program binds this port at another address: close what is in its way."""
        self._empty_mailboxes()
        self._drop(lambda kept: not kept.path and kept.key.split(" ")[1] == port)

    def drop_unclaimed(self, program: int) -> None:
        """A program has had its time: close what it did not ask for.

        :param program: what ``programs`` was then; if there is another one by now, it has its
            own time.
        """
        if program != self.programs:
            return
        self._empty_mailboxes()
        self._drop(lambda kept: not kept.is_claimed)

    def close(self) -> None:
        """Close them all."""
        self._empty_mailboxes()
        self._drop(lambda kept: True)

    def _drop(self, is_to_go: Callable[[_Kept], bool]) -> None:
        for identity, kept in list(self._kept.items()):
            if is_to_go(kept):
                del self._kept[identity]
                kept.close()

    def _empty_mailboxes(self) -> None:
        """Take back what was not taken out."""
        for mailbox in self._mailboxes:
            with mailbox, contextlib.suppress(OSError):
                for descriptor in receive_with_descriptors(mailbox, 1, flags=_AT_ONCE)[1]:
                    os.close(descriptor)
        self._mailboxes.clear()


def _identity_of(file: int | str) -> _Identity:
    status = os.stat(file)
    if not stat.S_ISSOCK(status.st_mode):
        raise OSError("no socket")
    return _Identity(status.st_dev, status.st_ino)
