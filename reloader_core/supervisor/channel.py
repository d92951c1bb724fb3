"""The wake-up channel: signals, threads and descriptors become one ordered stream.

The idea is the self-pipe: a signal handler and a thread write one byte, the
loop sleeps in a selector and reads everything there is. hupper showed how much
this simplifies a reloader.
"""

from __future__ import annotations

import collections
import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

import attrs

#: What a thread writes; signals are written as their own number, from 1 up.
_POSTED = b"\0"


@attrs.frozen(kw_only=True)
class SignalReceived:
    """A signal reached the supervisor."""

    number: int


class Channel:
    """One queue for everything the supervisor reacts to."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, tuple)
        self._posted: collections.deque[object] = collections.deque()

    def post(self, event: object) -> None:
        """Add an event, from any thread."""
        self._posted.append(event)
        # A full buffer means that a wake-up is under way already; a closed
        # socket that nobody listens any more.
        with contextlib.suppress(OSError):
            self._wake_writer.send(_POSTED)

    def attach(self, file: int | socket.socket, read: Callable[[], Iterable[object]]) -> None:
        """Have ``read`` turn a descriptor into events whenever it is readable."""
        self._selector.register(file, selectors.EVENT_READ, read)

    def detach(self, file: int | socket.socket) -> None:
        """Forget a descriptor; unknown ones are no error."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def receive(self, deadline: float | None) -> list[object]:
        """Wait for events.

        :param deadline: monotonic seconds; ``None`` to wait for ever.
        :returns: the events that came in, in order; none at the deadline.
        """
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = self._selector.select(timeout)
        # Signals come first: Ctrl-C ends supervisor and program at once, and
        # must not look as if the program had ended by itself.
        events = list(self._read_wake_ups())
        for key, _ in ready:
            events.extend(key.data())
        return events

    def _read_wake_ups(self) -> Iterator[object]:
        numbers: bytes = b""
        with contextlib.suppress(BlockingIOError):
            numbers = self._wake_reader.recv(4096)
        for number in numbers:
            if number:
                yield SignalReceived(number=number)
        while self._posted:
            yield self._posted.popleft()

    @contextlib.contextmanager
    def catching_signals(self, numbers: Iterable[int]) -> Iterator[None]:
        """Turn signals into events for the time of a ``with`` block.

        Must be entered in the main thread. The former handlers are restored.
        """
        former = {number: signal.signal(number, _ignore_in_python) for number in numbers}
        former_fd = signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_fd)
            for number, handler in former.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def close(self) -> None:
        """Give the descriptors back."""
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()


def _ignore_in_python(number: int, frame: FrameType | None) -> None:
    """The byte that the interpreter wrote to the channel is all there is to do."""
