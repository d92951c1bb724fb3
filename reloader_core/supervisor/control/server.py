"""The socket of a supervisor, and the connections to it. No thread: the loop calls.

Nobody who connects can hold the supervisor up: nothing here waits, a request that is too
long or does not come to its end costs a buffer, and an answer that is not taken is dropped.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from reloader_core.control.address import (
    iter_runtime_directories,
    make_runtime_directory,
    socket_name,
)
from reloader_core.control.messages import MAX_REQUEST_BYTES, decode, encode
from reloader_core.supervisor.channel import Channel, Due

if TYPE_CHECKING:
    from collections.abc import Callable

#: Whoever comes while so many are there is sent away, and unheard if they are twice as many.
_MOST_CONNECTIONS = 64

#: An answer fits in the kernel's buffer, or is dropped; a status has some kilobytes.
_BUFFER_BYTES = 1 << 20

_CREDENTIALS = struct.Struct("3i")


class AlreadyControlledError(Exception):
    """Another supervisor listens for the same project."""


class Connection:
    """Somebody who asks."""

    def __init__(self, link: socket.socket, close: Callable[[Connection], None]) -> None:
        self.link = link
        self.received = b""
        #: Why it gets no other answer.
        self.refusal: str | None = None
        self._close = close

    def answer(self, **members: object) -> None:
        """Say what was asked for, and hang up."""
        self._finish({"ok": True, **members})

    def refuse(self, error: str) -> None:
        """Say why not, and hang up."""
        self._finish({"ok": False, "error": error})

    def _finish(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.link.sendall(encode(message))
        self._close(self)


class ControlServer:
    """Listens for a project.

    :param take: takes each request with its connection, which it answers now or later.
    :param drop: told of a connection that was closed, answered or not.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        take: Callable[[Connection, dict[str, Any]], None],
        drop: Callable[[Connection], None],
    ) -> None:
        self._channel = channel
        self._take = take
        self._drop = drop
        self._listening: socket.socket | None = None
        self._path = ""
        self._identity: tuple[int, int] | None = None
        self._connections: set[Connection] = set()

    def open(self, project_root: str) -> None:
        """Listen.

        :raises AlreadyControlledError: another supervisor does, for this project.
        :raises OSError: there is no place for a socket; the last reason.
        """
        if sys.platform == "win32":
            return
        error: OSError | None = None
        for directory in iter_runtime_directories(os.environ):
            path = os.path.join(directory, socket_name(project_root))
            try:
                make_runtime_directory(directory)
                self._listen(path)
            except OSError as failed:
                error = failed
            else:
                return
        raise error or OSError("there is no runtime directory")

    def _listen(self, path: str) -> None:
        if sys.platform == "win32":
            return
        listening = socket.socket(socket.AF_UNIX)
        try:
            _refuse_if_alive(path)
            # Made ready under another name: whoever finds it can connect.
            unfinished = f"{path}.{os.getpid()}"
            former = os.umask(0o177)
            try:
                listening.bind(unfinished)
            finally:
                os.umask(former)
            listening.listen()
            listening.setblocking(False)
            status = os.lstat(unfinished)
            os.replace(unfinished, path)
        except BaseException:
            listening.close()
            raise
        self._listening, self._path = listening, path
        self._identity = (status.st_dev, status.st_ino)
        self._channel.attach(listening, Due(self._accept))

    def _accept(self) -> None:
        if self._listening is None:
            return
        try:
            link, _ = self._listening.accept()
        except OSError:
            return  # it has hung up, or there are too many open files
        link.setblocking(False)
        connection = Connection(link, self._close_one)
        self._connections.add(connection)
        if len(self._connections) > 2 * _MOST_CONNECTIONS:
            self._close_one(connection)
            return
        # Whoever is refused is heard first: a connection that is closed with something
        # unread in it is reset, and the answer lost.
        if not _is_own_user(link):
            connection.refusal = "only the user who started the supervisor may ask it"
        elif len(self._connections) > _MOST_CONNECTIONS:
            connection.refusal = "too many ask at the same time"
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._channel.attach(link, Due(lambda: self._receive(connection)))

    def _receive(self, connection: Connection) -> None:
        if connection not in self._connections:
            return  # closed while this was on its way
        try:
            chunk = connection.link.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._close_one(connection)
            return
        is_asked = b"\n" in connection.received
        connection.received = (connection.received + chunk)[: MAX_REQUEST_BYTES + 1]
        line, end, _ = connection.received.partition(b"\n")
        if is_asked:
            return  # one request a connection
        if end and connection.refusal is not None:
            connection.refuse(connection.refusal)
        elif end:
            try:
                request = decode(line)
            except ValueError as error:
                connection.refuse(f"this is no request: {error}")
            else:
                self._take(connection, request)
        elif len(connection.received) > MAX_REQUEST_BYTES:
            connection.refuse(f"a request has {MAX_REQUEST_BYTES} bytes at most")

    def _close_one(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._channel.detach(connection.link)
            connection.link.close()
            self._drop(connection)

    def close(self) -> None:
        """Hang up on everybody, and remove the socket if it still is ours."""
        for connection in list(self._connections):
            connection.refuse("the supervisor ends")
        if self._listening is None:
            return
        self._channel.detach(self._listening)
        self._listening.close()
        self._listening = None
        with contextlib.suppress(OSError):
            status = os.lstat(self._path)
            if (status.st_dev, status.st_ino) == self._identity:
                os.unlink(self._path)


def _refuse_if_alive(path: str) -> None:
    """What a supervisor has left that was killed may be replaced; nothing else.

    :raises AlreadyControlledError: somebody listens there.
    """
    if sys.platform == "win32":
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
            probe.connect(path)
            raise AlreadyControlledError(path)


def _is_own_user(link: socket.socket) -> bool:
    """Whether this user has connected, or root, from whom nothing can be kept."""
    if sys.platform != "linux":
        return True  # the mode of the directory keeps others out
    data = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(data)
    return uid in (os.getuid(), 0)
