"""Listening sockets that the supervisor opens and every program inherits.

They are handed over by systemd's protocol: descriptors from 3 on, their number
in ``LISTEN_FDS``, and in ``LISTEN_PID`` the process they are meant for (see
``sd_listen_fds(3)``). While no program runs, connections wait in the backlog.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
from typing import TYPE_CHECKING, TypeAlias

from reloader_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reloader_core.notices import Report

#: What connections may wait for while the program restarts.
_BACKLOG = 2048

#: The first descriptor of the protocol: SD_LISTEN_FDS_START.
_FIRST_DESCRIPTOR = 3

#: How a program that has no agent in it gets to know its own pid.
_SET_PID = ("/bin/sh", "-c", 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"')

_UNIX = "unix:"


def open_sockets(addresses: Iterable[str]) -> list[socket.socket]:
    """Listen at addresses, at all of them or at none.

    :param addresses: ``HOST:PORT``, ``[HOST]:PORT`` or ``unix:PATH``.
    :raises UsageError: an address cannot be had; says which and why.
    """
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            try:
                opened.append(_open(address))
            except OSError as error:
                reason = error.strerror or str(error)
                raise UsageError(
                    f"bind: cannot listen at {address}: {reason}; free it or choose another"
                ) from error
    except BaseException:
        close_sockets(opened)
        raise
    return opened


#: An address, and which time it is named: port 0 may be wanted twice.
_Key: TypeAlias = tuple[str, int]


class BoundSockets:
    """The addresses that are listened at, over changes of the configuration."""

    def __init__(self) -> None:
        self._bound: dict[_Key, socket.socket] = {}
        self._told: set[_Key] = set()

    def bind(self, addresses: Sequence[str]) -> dict[_Key, socket.socket]:
        """Listen at those of some addresses that are not listened at, at all or at none.

        :returns: all of them, for :meth:`use`.
        :raises UsageError: an address cannot be had.
        """
        keys = [
            (address, addresses[:place].count(address)) for place, address in enumerate(addresses)
        ]
        missing = [key for key in keys if key not in self._bound]
        opened = dict(zip(missing, open_sockets(address for address, _ in missing), strict=True))
        return {key: (self._bound | opened)[key] for key in keys}

    def use(self, wanted: dict[_Key, socket.socket]) -> None:
        """Listen at these, and no longer at others."""
        close_sockets(self._bound[key] for key in self._bound.keys() - wanted.keys())
        self._told &= wanted.keys()
        self._bound = wanted

    def give_up(self, wanted: dict[_Key, socket.socket]) -> None:
        """Do not use these: close what was opened for them."""
        close_sockets(wanted[key] for key in wanted.keys() - self._bound.keys())

    @property
    def listening(self) -> list[socket.socket]:
        """The sockets, in the order they were configured in."""
        return list(self._bound.values())

    def tell(self, report: Report) -> None:
        """Say where somebody listens, once for each address."""
        from reloader_core.notices import Level, Notice

        for key, listening in self._bound.items():
            if key not in self._told:
                self._told.add(key)
                text = f"listening at {describe_socket(listening)}"
                report(Notice(level=Level.INFO, event="listening", text=text))

    def close(self) -> None:
        """Give all addresses back."""
        self.use({})


def close_sockets(sockets: Iterable[socket.socket]) -> None:
    """Give addresses back."""
    for listening in sockets:
        path = listening.getsockname() if listening.family.name == "AF_UNIX" else None
        listening.close()
        if isinstance(path, str):
            with contextlib.suppress(OSError):
                os.unlink(path)


class Handover:
    """Sockets on their way into a program.

    :param sockets: the listening sockets, in the order of the protocol.
    """

    def __init__(self, sockets: Sequence[socket.socket] = ()) -> None:
        if sockets and sys.platform == "win32":
            raise UsageError("bind: sockets cannot be passed to a program on Windows; remove it")
        #: Where the program expects each, and which it is here.
        self.descriptors = {
            number: listening.fileno()
            for number, listening in enumerate(sockets, start=_FIRST_DESCRIPTOR)
        }

    @property
    def variables(self) -> dict[str, str]:
        """What the program finds in its environment, short of its own pid."""
        return {"LISTEN_FDS": str(len(self.descriptors))} if self.descriptors else {}

    @property
    def release_variables(self) -> dict[str, str]:
        """What an agent adds: ``{pid}`` is its own."""
        return {"LISTEN_PID": "{pid}"} if self.descriptors else {}

    def wrap(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """A command line that has its own pid in ``LISTEN_PID`` without an agent's help."""
        return (*_SET_PID, *argv) if self.descriptors else argv


def describe_socket(listening: socket.socket) -> str:
    """Where a socket listens, with the port that port 0 became."""
    name = listening.getsockname()
    if isinstance(name, str):
        return _UNIX + name
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open(address: str) -> socket.socket:
    if address.startswith(_UNIX):
        return _open_unix(address.removeprefix(_UNIX))
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, name = found[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(name)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _open_unix(path: str) -> socket.socket:
    if sys.platform == "win32":
        raise OSError("there are no Unix sockets for Python on Windows")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        listening.bind(path)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_stale(path: str) -> None:
    """Remove a socket nobody listens at; anything else at its place is left to ``bind``."""
    if sys.platform == "win32":
        return
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
