"""Enter on the terminal restarts the program by hand.

What is typed belongs to the program. While none runs, nobody else reads it. While one runs,
a lone Enter that it has left alone for a while is taken; anything more than that may be
typed ahead, and is never touched. Reading is done through a description of the terminal of
our own, for what is set on the program's (not to block) would be set for both.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from reloader_core.supervisor.cause import RestartAsked
from reloader_core.supervisor.channel import Due
from reloader_core.supervisor.child.terminal import is_in_foreground

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.supervisor.channel import Channel

#: A program that reads what is typed does so sooner than this.
_UNREAD_SECONDS = 0.5

#: How often it is looked at what somebody has typed ahead: not often, for nobody hurries.
_SLOW_LOOK_SECONDS = 1.0

WHY = "Enter was pressed"


class _LookLater(Due):
    """Something was typed, and it is to be seen whether anybody reads it."""


class Keyboard:
    """Listens to the terminal on standard input, if there is one.

    :param is_program_alive: whether somebody else may read what is typed.
    :param is_at_prompt: whether a debugger does.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        is_program_alive: Callable[[], bool],
        is_at_prompt: Callable[[], bool],
    ) -> None:
        self._channel = channel
        self._is_program_alive = is_program_alive
        self._is_at_prompt = is_at_prompt
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether Enter means anything."""
        return self._descriptor is not None and is_in_foreground()

    def open(self) -> None:
        """Begin to listen."""
        if sys.platform == "win32":
            return
        with contextlib.suppress(OSError):
            if os.isatty(0):
                flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._descriptor = os.open(os.ttyname(0), flags)
                self._listen()

    def close(self) -> None:
        """Give the terminal back."""
        if self._descriptor is not None:
            self._channel.detach(self._descriptor)
            self._channel.forget(_LookLater)
            os.close(self._descriptor)
            self._descriptor = None

    def look(self) -> None:
        """No program runs any more: what was typed ahead is for nobody."""
        if self._descriptor is not None:
            self._look()

    def _listen(self) -> None:
        if self._descriptor is not None:
            self._channel.attach(self._descriptor, Due(self._hear))

    def _hear(self) -> None:
        """Something can be read. Whoever it is for gets the time to do so."""
        assert self._descriptor is not None
        self._channel.detach(self._descriptor)
        if self._is_program_alive():
            self._look_later(_UNREAD_SECONDS)
        else:
            self._look()

    def _look_later(self, seconds: float) -> None:
        self._channel.remind(_LookLater(self._look), time.monotonic() + seconds)

    def _look(self) -> None:
        assert self._descriptor is not None
        self._channel.forget(_LookLater)
        self._channel.detach(self._descriptor)
        is_enter = False
        if is_in_foreground() and not self._is_at_prompt():
            count = _count_unread(self._descriptor)
            if not self._is_program_alive():
                is_enter = b"" in self._read_lines(count)
            elif count == 1 and _is_line_by_line(self._descriptor):
                is_enter = self._read_lines(count) == [b""]
        if is_enter:
            self._channel.post(RestartAsked(why=WHY))
        if _is_readable(self._descriptor):
            # Typed ahead, or the end of the input: it stays readable.
            self._look_later(_SLOW_LOOK_SECONDS)
        else:
            self._listen()

    def _read_lines(self, count: int) -> list[bytes]:
        assert self._descriptor is not None
        data = b""
        with contextlib.suppress(OSError):  # somebody was faster
            while len(data) < count and (chunk := os.read(self._descriptor, count - len(data))):
                data += chunk
        return data.splitlines()


def _count_unread(descriptor: int) -> int:
    """How many bytes are there to be read: of whole lines, if it is read line by line."""
    if sys.platform == "win32":
        return 0
    import fcntl
    import struct
    import termios

    with contextlib.suppress(OSError):
        buffer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", buffer)[0])
    return 0


def _is_line_by_line(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    import termios

    with contextlib.suppress(OSError, termios.error):
        return bool(termios.tcgetattr(descriptor)[3] & termios.ICANON)
    return False


def _is_readable(descriptor: int) -> bool:
    import select

    return bool(select.select([descriptor], [], [], 0)[0])
