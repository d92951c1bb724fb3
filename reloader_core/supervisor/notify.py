"""What a program says of itself by systemd's protocol: see ``sd_notify(3)``.

It finds an address in ``NOTIFY_SOCKET`` and sends ``READY=1`` there. If somebody waits for the
supervisor to say so, a service manager, the supervisor does when the program has.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = "NOTIFY_SOCKET"

#: The kernel's ``struct ucred``: process, user, group.
_CREDENTIALS = struct.Struct("3i")

_MOST_BYTES = 4096

#: What is said of the program itself and not of the service: who it is, what it stores.
_NOT_PASSED_ON = (b"READY=", b"MAINPID=", b"FDSTORE", b"FDNAME=", b"FDPOLL=")


class NotifySocket:
    """Where one program after the other says it.

    On Linux only. The address has no name in the file system, so nothing is left behind.

    :ivar socket: to be waited for; ``None`` where there is none.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.socket: socket.socket | None = None
        self._variables: dict[str, str] = {}
        self._manager = environ.get(_VARIABLE, "")
        if sys.platform == "linux":
            self._open()

    def _open(self) -> None:
        if sys.platform != "linux":
            return
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            own.setblocking(False)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            own.bind("")  # the kernel finds a name, see "Autobind feature" in unix(7)
            name = own.getsockname()
        except OSError:
            # Another kernel behind Linux's interface.
            own.close()
            return
        self.socket = own
        self._variables = {_VARIABLE: "@" + os.fsdecode(name[1:])}

    def add_to(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment of a program that can say so."""
        return {**environment, **self._variables}

    def begin_program(self) -> None:
        """Another program is to run: what the one before has said does not count for it."""
        while self._receive() is not None:
            pass

    def hear(self) -> bool:
        """Take what was said.

        :returns: whether a program is ready.
        """
        is_ready = False
        while (message := self._receive()) is not None:
            lines = message.split(b"\n")
            is_ready = is_ready or b"READY=1" in lines
            rest = [line for line in lines if line and not line.startswith(_NOT_PASSED_ON)]
            if rest:
                self._tell_manager(b"\n".join(rest))
        return is_ready

    def tell_ready(self) -> None:
        """Say to who waits for it that the service is ready."""
        self._tell_manager(b"READY=1")

    def _receive(self) -> bytes | None:
        """One message; empty if it is none of ours."""
        if sys.platform != "linux" or self.socket is None:
            return None
        try:
            data, ancillary, _, _ = self.socket.recvmsg(
                _MOST_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size)
            )
        except OSError:
            return None
        for level, kind, body in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                _, user, _ = _CREDENTIALS.unpack(body[: _CREDENTIALS.size])
                if user in (0, os.getuid()):
                    return data
        return b""

    def _tell_manager(self, message: bytes) -> None:
        if sys.platform == "win32" or not self._manager:
            return
        address = "\0" + self._manager[1:] if self._manager[0] == "@" else self._manager
        with (
            contextlib.suppress(OSError, ValueError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link,
        ):
            link.setblocking(False)
            link.sendto(message, address)

    def close(self) -> None:
        """Give it back."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
