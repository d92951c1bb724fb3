"""Servers that open their listening sockets without Python's ``socket``: they get one of those.

So these are kept over restarts as others are. Run by the agent when such a server is loaded,
under its rules.
"""

import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def hook_uvloop(uvloop: "Any", report: "Callable[[Any, Any], None]") -> None:
    """Give ``create_server`` a socket where it would open a single one."""
    original = uvloop.Loop.create_server

    async def create_server(
        self: "Any",
        protocol_factory: "Any",
        host: "Any" = None,
        port: "Any" = None,
        *,
        sock: "Any" = None,
        **options: "Any",
    ) -> "Any":
        own = _open_for_loop(host, port, options) if sock is None else None
        if own is None:
            return await original(self, protocol_factory, host, port, sock=sock, **options)
        for name in ("family", "flags", "reuse_address"):
            options.pop(name, None)
        try:
            server = await original(self, protocol_factory, sock=own, **options)
        except BaseException:
            own.close()
            raise
        if options.get("start_serving", True):
            report(socket, own)
        return server

    create_server.__doc__ = original.__doc__
    uvloop.Loop.create_server = create_server


def _open_for_loop(host: "Any", port: "Any", options: "dict[str, Any]") -> "Any":
    """A socket that is bound; none if the loop would open another one, or several."""
    if not isinstance(host, str) or not host or not port or options.get("reuse_port"):
        return None
    family, flags = options.get("family", 0), options.get("flags", socket.AI_PASSIVE)
    is_shared = options.get("reuse_address") is not False
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, flags)
        return _bound(found[0], is_shared=is_shared) if len(found) == 1 else None
    except OSError:
        # The loop will say it in its own words.
        return None


def _bound(address: "tuple[Any, ...]", *, is_shared: bool) -> "Any":
    family, kind, protocol, _, name = address
    own = socket.socket(family, kind, protocol)
    try:
        if is_shared:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        own.setblocking(False)
        own.bind(name)
    except BaseException:
        own.close()
        raise
    return own


def hook_granian(module: "Any", report: "Callable[[Any, Any], None]") -> None:
    """Have workers share one socket of the main process, as they do where it is Granian's own.

    On Linux each would open one for itself, with ``SO_REUSEPORT``. In Granian 2 the class is in a
    module of its own, in Granian 1 it is the server itself.
    """
    if hasattr(module, "__path__"):
        return  # the package of that module in Granian 2
    server = getattr(module, "AbstractServer", None) or module.Granian
    original = server._init_shared_socket
    holder = sys.modules["granian.net"].SocketHolder

    def _init_shared_socket(self: "Any") -> None:
        if getattr(self, "bind_uds", None):
            original(self)
            return
        own = None
        try:
            found = socket.getaddrinfo(self.bind_addr, self.bind_port, 0, socket.SOCK_STREAM)
            own = _bound(found[0], is_shared=True)
            own.listen(self.backlog)
            shared = _hold(holder, own.fileno(), self.backlog)
        except (OSError, TypeError):
            # The address is taken, or it is another version of Granian.
            if own is not None:
                own.close()
            original(self)
            return
        report(socket, own)
        self._sfd, self._shd = own.detach(), shared

    server._init_shared_socket = _init_shared_socket


def _hold(holder: "Any", number: int, backlog: int) -> "Any":
    try:
        return holder(number, False, backlog)
    except TypeError:
        return holder(number)  # Granian 1
