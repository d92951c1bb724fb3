"""Listening sockets that the supervisor opens, or was started with, and every program inherits.

While no program runs, connections wait in the backlog.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from typing import TYPE_CHECKING, TypeAlias

from reloader_core.config.addresses import UNNAMED, Address, parse_address
from reloader_core.errors import UsageError
from reloader_core.supervisor.sockets.handover import FIRST_DESCRIPTOR, Listening

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence

    from reloader_core.notices import Report

#: An address, and which time it is named: port 0 may be wanted twice.
_Key: TypeAlias = tuple[Address, int]


class BoundSockets:
    """The addresses that are listened at, over changes of the configuration.

    :param received: what the supervisor was started with; it comes first.
    """

    def __init__(self, received: Iterable[Listening] = ()) -> None:
        self._received = list(received)
        self._bound: dict[_Key, Listening] = {}
        self._told: set[_Key] = set()

    def bind(self, addresses: Sequence[str], *, backlog: int) -> dict[_Key, Listening]:
        """Listen at those of some addresses that are not listened at, at all or at none.

        :param addresses: as the configuration has them.
        :param backlog: how many connections may wait at each of them.
        :returns: all of them, for :meth:`use`.
        :raises UsageError: an address cannot be had; says which and why.
        """
        parsed = [parse_address(text) for text in addresses]
        keys = [(address, parsed[:place].count(address)) for place, address in enumerate(parsed)]
        opened: dict[_Key, Listening] = {}
        try:
            for key in keys:
                if key in self._bound:
                    self._bound[key].socket.listen(backlog)
                else:
                    opened[key] = Listening(_open(key[0], backlog), key[0].name)
        except BaseException:
            _close(opened.values())
            raise
        return {key: (self._bound | opened)[key] for key in keys}

    def use(self, wanted: dict[_Key, Listening]) -> None:
        """Listen at these, and no longer at others."""
        _close(self._bound[key] for key in self._bound.keys() - wanted.keys())
        self._told &= wanted.keys()
        self._bound = wanted

    def give_up(self, wanted: dict[_Key, Listening]) -> None:
        """Do not use these: close what was opened for them."""
        _close(wanted[key] for key in wanted.keys() - self._bound.keys())

    @property
    def listening(self) -> list[Listening]:
        """The sockets, in the order they were configured in."""
        return [*self._received, *self._bound.values()]

    def tell(self, report: Report) -> None:
        """Say where somebody listens, once for each address."""
        from reloader_core.notices import Level, Notice

        for key, listening in self._bound.items():
            if key not in self._told:
                self._told.add(key)
                text = f"listening at {listening}"
                report(Notice(level=Level.INFO, event="listening", text=text))

    def close(self) -> None:
        """Give all addresses back, but for what was received: that is somebody else's."""
        self.use({})
        for listening in self._received:
            listening.socket.close()


def receive_sockets(environ: MutableMapping[str, str]) -> list[Listening]:
    """Take the sockets that this process was started with, by the same protocol.

    :param environ: rid of what speaks of them: it is not meant for the program.
    :raises UsageError: one of them is no socket that listens.
    """
    meant_for = environ.get("LISTEN_PID")
    count = environ.get("LISTEN_FDS", "")
    if meant_for != str(os.getpid()) or not count.isdecimal():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    received = []
    for place in range(int(count)):
        descriptor = FIRST_DESCRIPTOR + place
        name = names[place] if place < len(names) and names[place] else UNNAMED
        received.append(Listening(_received(descriptor), name))
    return received


def _received(descriptor: int) -> socket.socket:
    problem = f"descriptor {descriptor} of LISTEN_FDS is no socket that listens; check the unit"
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise UsageError(problem)
        os.set_inheritable(descriptor, False)
        listening = socket.socket(fileno=descriptor)
    except OSError as error:
        raise UsageError(f"{problem} ({error.strerror})") from error
    if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise UsageError(problem)
    return listening


def _close(sockets: Iterable[Listening]) -> None:
    """Give addresses back."""
    for listening in sockets:
        path = listening.socket.getsockname()
        listening.socket.close()
        if isinstance(path, str):
            with contextlib.suppress(OSError):
                os.unlink(path)


def _open(address: Address, backlog: int) -> socket.socket:
    try:
        if address.path:
            return _open_unix(address.path, backlog)
        return _open_tcp(address, backlog)
    except OSError as error:
        raise UsageError(
            f"bind: cannot listen at {address.text}: {_reason(address, error)}"
        ) from error


def _open_tcp(address: Address, backlog: int) -> socket.socket:
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    # A name may have several: one socket for it, and rather one of IPv4, which all know.
    family, _, _, _, name = min(found, key=lambda one: one[0] != socket.AF_INET)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(name)
        listening.listen(backlog)
    except BaseException:
        listening.close()
        raise
    return listening


def _open_unix(path: str, backlog: int) -> socket.socket:
    if sys.platform == "win32":
        raise OSError("there are no Unix sockets for Python on Windows")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        listening.bind(path)
        listening.listen(backlog)
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


def _reason(address: Address, error: OSError) -> str:
    """What is wrong, and what helps."""
    text = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        if address.path and not _is_socket(address.path):
            return "there is a file that is no socket; remove it or choose another"

        from reloader_core.supervisor.sockets.holders import describe_holder

        holder = describe_holder(port=address.port, path=address.path)
        return f"{text}{f' by {holder}' if holder else ''}; free it or choose another"
    if error.errno == errno.EACCES and 0 < address.port < 1024:
        return f"{text}; ports below 1024 are the administrator's, choose a higher one"
    if isinstance(error, socket.gaierror):
        return f"{text}; check its spelling, or give an address"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{text}; give an address of this machine"
    return f"{text}; choose another"


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return True
