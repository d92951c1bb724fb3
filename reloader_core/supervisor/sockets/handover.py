"""Sockets on their way into a program, by systemd's protocol: see ``sd_listen_fds(3)``.

They are descriptors from 3 on, their number is in ``LISTEN_FDS``, their names in
``LISTEN_FDNAMES``, and in ``LISTEN_PID`` the process they are meant for. Programs that do not
know of it have them in their arguments: ``{fd}``, ``{host}``, ``{port}`` and ``{path}`` stand
for the first, ``{fd2}`` and so on for the second.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from reloader_core.errors import UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

#: The first descriptor of the protocol: SD_LISTEN_FDS_START.
FIRST_DESCRIPTOR = 3

#: How a program that has no agent in it gets to know its own pid.
_SET_PID = ("/bin/sh", "-c", 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"')

_PLACEHOLDER = re.compile(r"\{(fd|host|port|path)([1-9][0-9]*)?\}")


class Listening(NamedTuple):
    """A listening socket.

    :ivar name: what the program is told that it is.
    """

    socket: socket.socket
    name: str

    def __str__(self) -> str:
        """Where it listens, with the port that port 0 became."""
        name = self.socket.getsockname()
        if not isinstance(name, tuple):
            return f"unix:{name}"
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def fill(self, key: str, descriptor: int) -> str:
        """What a placeholder stands for; empty if it does not have that."""
        if key == "fd":
            return str(descriptor)
        name = self.socket.getsockname()
        if isinstance(name, tuple):
            return str({"host": name[0], "port": name[1]}.get(key, ""))
        return str(name) if key == "path" else ""


class Handover:
    """What one program gets.

    :param sockets: in the order of the protocol.
    """

    def __init__(self, sockets: Sequence[Listening] = ()) -> None:
        if sockets and sys.platform == "win32":
            raise UsageError("bind: sockets cannot be passed to a program on Windows; remove it")
        self._sockets = tuple(sockets)
        #: Where the program expects each, and which it is here.
        self.descriptors = {
            number: listening.socket.fileno()
            for number, listening in enumerate(sockets, start=FIRST_DESCRIPTOR)
        }

    @property
    def variables(self) -> dict[str, str]:
        """What the program finds in its environment, short of its own pid."""
        if not self._sockets:
            return {}
        names = ":".join(listening.name for listening in self._sockets)
        return {"LISTEN_FDS": str(len(self._sockets)), "LISTEN_FDNAMES": names}

    @property
    def release_variables(self) -> dict[str, str]:
        """What an agent adds: ``{pid}`` is its own."""
        return {"LISTEN_PID": "{pid}"} if self.descriptors else {}

    def fill(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """A command line with its placeholders filled in; what is not there stays as it is."""
        if not self._sockets:
            return argv
        return tuple(_PLACEHOLDER.sub(self._filled, word) for word in argv)

    def _filled(self, found: re.Match[str]) -> str:
        place = int(found[2] or 1) - 1
        if place >= len(self._sockets):
            return found[0]
        return self._sockets[place].fill(found[1], FIRST_DESCRIPTOR + place)

    def wrap(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """A command line that has its own pid in ``LISTEN_PID`` without an agent's help."""
        return (*_SET_PID, *argv) if self.descriptors else argv
