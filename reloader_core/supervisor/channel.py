"""The wake-up channel: signals, threads, descriptors and timers become one ordered stream.

The idea is the self-pipe: a signal handler and a thread write one byte, the
loop sleeps in a selector and reads everything there is. hupper showed how much
this simplifies a reloader.
"""

from __future__ import annotations

import collections
import contextlib
import select
import selectors
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from types import FrameType

#: The signals that end the supervisor, where the system has them.
QUIT_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
    if hasattr(signal, name)
)

#: A wait counts this much at most of what passed meanwhile: a supervisor that was itself
#: suspended has not waited.
_SLICE_SECONDS = 0.25

#: What a thread writes; signals are written as their own number, from 1 up.
_POSTED = b"\0"


class SignalReceived(NamedTuple):
    """A signal reached the supervisor."""

    number: int


class Due(NamedTuple):
    """Something whose owner deals with it itself, in its turn.

    :ivar take: to be called by the loop.
    """

    take: Callable[[], None]


class Channel:
    """One queue for everything the supervisor reacts to.

    :ivar quit_signals: for which nothing is waited out.
    """

    def __init__(self) -> None:
        self.quit_signals = frozenset(map(int, QUIT_SIGNALS))
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._posted: collections.deque[object] = collections.deque()
        # Read, and not received yet.
        self._signals: collections.deque[int] = collections.deque()
        self._reminders: dict[type, tuple[float, object]] = {}

    def post(self, event: object) -> None:
        """Add an event, from any thread."""
        self._posted.append(event)
        self.wake()

    def wake(self) -> None:
        """End a wait, from any thread."""
        # A full buffer means that a wake-up is under way already; a closed
        # socket that nobody listens any more.
        with contextlib.suppress(OSError):
            self._wake_writer.send(_POSTED)

    def attach(self, file: int | socket.socket, event: object) -> None:
        """Deliver an event whenever a descriptor is readable."""
        self._selector.register(file, selectors.EVENT_READ, event)

    def detach(self, file: int | socket.socket) -> None:
        """Forget a descriptor; unknown ones are no error."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def remind(self, event: object, at: float) -> None:
        """Deliver an event later, instead of the one of its class that is still to come.

        :param at: monotonic seconds.
        """
        self._reminders[type(event)] = (at, event)

    def forget(self, kind: type) -> None:
        """Deliver no reminder of a class."""
        self._reminders.pop(kind, None)

    def receive(self, deadline: float | None) -> list[object]:
        """Wait for events.

        :param deadline: monotonic seconds; ``None`` to wait for ever.
        :returns: the events that came in, in order; none at the deadline.
        """
        dues = [at for at, _ in self._reminders.values()]
        dues += [] if deadline is None else [deadline]
        # Their wake-ups may have been read by `wait_for`.
        dues += [0.0] if self._signals or self._posted else []
        timeout = max(0.0, min(dues) - time.monotonic()) if dues else None
        with _in_order():
            ready = [key.data for key, _ in self._selector.select(timeout)]
        # Signals come first: Ctrl-C ends supervisor and program at once, and
        # must not look as if the program had ended by itself.
        events = [*self._iter_wake_ups(), *(event for event in ready if event is not None)]
        now = time.monotonic()
        for kind, (at, event) in list(self._reminders.items()):
            if at <= now:
                del self._reminders[kind]
                events.append(event)
        return events

    def sleep(self, seconds: float) -> bool:
        """Wait, unless there is something to be received.

        :returns: whether there is; :meth:`receive` has it.
        """
        return bool(self._signals or self._posted) or self._sleep(seconds)

    @property
    def is_quitting(self) -> bool:
        """Whether a signal that ends it all is still to be received."""
        self._read_wake_ups()
        return not self.quit_signals.isdisjoint(self._signals)

    def wait_for(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, while no event is received.

        :param is_so: called at first, and whenever somebody has called :meth:`wake`.
        :param seconds: at most. A signal that ends it all is not waited out either.
        :returns: whether it is so.
        """
        while not is_so():
            if self.is_quitting or seconds <= 0:
                return is_so()
            began = time.monotonic()
            self._sleep(min(seconds, _SLICE_SECONDS))
            seconds -= min(time.monotonic() - began, _SLICE_SECONDS)
            self._read_wake_ups()
        return True

    def _sleep(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._wake_reader], [], [], seconds)
        return bool(readable)

    def _read_wake_ups(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._signals.extend(filter(None, self._wake_reader.recv(4096)))

    def _iter_wake_ups(self) -> Iterator[object]:
        self._read_wake_ups()
        while self._signals:
            number = self._signals.popleft()
            if not _is_undone(number, self._signals):
                yield SignalReceived(number=number)
        while self._posted:
            yield self._posted.popleft()

    @contextlib.contextmanager
    def catching_signals(self, numbers: Iterable[int]) -> Iterator[None]:
        """Turn signals into events for the time of a ``with`` block.

        Must be entered in the main thread. The former handlers are restored. Threads that are
        started meanwhile have SIGTSTP and SIGCONT blocked, as this one has but in
        :meth:`receive` (Linux).
        """
        former_fd = signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        former = {number: signal.signal(number, _ignore_in_python) for number in numbers}
        try:
            with _one_at_a_time():
                yield
        finally:
            for number, handler in former.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(former_fd)

    def close(self) -> None:
        """Give the descriptors back."""
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()


if sys.platform == "linux":
    #: Of these the last one counts. The kernel drops each for the other; but when one thread is
    #: about to tell of the one, another may tell of the other before it. So one thread takes
    #: both, and none while it does not wait for them.
    _ORDERED = (signal.SIGTSTP, signal.SIGCONT)

    @contextlib.contextmanager
    def _masked(how: int) -> Iterator[None]:
        former = signal.pthread_sigmask(how, _ORDERED)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)

    def _one_at_a_time() -> contextlib.AbstractContextManager[None]:
        return _masked(signal.SIG_BLOCK)

    def _in_order() -> contextlib.AbstractContextManager[None]:
        return _masked(signal.SIG_UNBLOCK)

else:
    # What is started from here would have them blocked as well.
    _one_at_a_time = _in_order = contextlib.nullcontext


def _is_undone(number: int, later: Container[int]) -> bool:
    """Whether it is a stop that was continued by now: to stop then would be for ever."""
    if sys.platform == "win32":
        return False
    return number == signal.SIGTSTP and signal.SIGCONT in later


def _ignore_in_python(number: int, frame: FrameType | None) -> None:
    """The byte that the interpreter wrote to the channel is all there is to do."""
