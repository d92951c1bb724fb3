"""Calls into code that may not return: each kind on a thread of its own, waited for so long.

A call into a plugin, a backend or the file system of a server may take for ever, and
nothing can end it. Who makes it on a :class:`Line` need not wait for it for longer than
it wants to. What is done about a call that takes too long is the caller's to decide;
most leave the line alone as long as it is stuck.
"""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Call", "Line"]

_T = TypeVar("_T")


class Call(Generic[_T]):
    """A function that is called once, and what came of it.

    :param function: what is called.
    :param what: who or what it concerns, for whoever looks at the line.
    :param wake: called when it is done, on the thread that made it.
    :ivar began_at: when it was made, monotonic seconds; ``None`` as long as it waits.
    :ivar done_at: when it returned; ``None`` until then.
    :ivar is_given_up: nobody waits for it any more. For its owner to set.
    """

    def __init__(
        self,
        function: Callable[[], _T],
        *,
        what: object = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.what = what
        self.began_at: float | None = None
        self.done_at: float | None = None
        self.is_given_up = False
        self._function = function
        self._wake = wake
        self._done = threading.Event()
        self._value: _T | None = None
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has returned, or raised."""
        return self._done.is_set()

    def make(self) -> None:
        """Call the function. Whatever it raises is kept for :meth:`result`."""
        self.began_at = time.monotonic()
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error
        self.done_at = time.monotonic()
        self._done.set()
        if self._wake is not None:
            self._wake()

    def refuse(self, error: BaseException) -> None:
        """Have it raise without being made."""
        self._error = error
        self._done.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is done.

        :param seconds: at most; ``None`` for ever.
        :returns: whether it is.
        """
        return self._done.wait(seconds)

    def result(self) -> _T:
        """What it returned, once it is done.

        :raises BaseException: whatever the function raised.
        """
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # done, so it is what was returned


class Line:
    """A thread that makes calls, one after the other, in the order they were put.

    The thread is started by the first call. It is a daemon: a call that hangs does not
    keep the process from ending.

    :param name: the thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: collections.deque[Call[object]] = collections.deque()
        self._current: Call[object] | None = None
        self._has_thread = False
        self._is_closed = False

    @property
    def current(self) -> Call[object] | None:
        """The call that is being made."""
        current = self._current
        return None if current is None or current.is_done else current

    @property
    def is_idle(self) -> bool:
        """Whether every call is done."""
        with self._changed:
            return self.current is None and not self._waiting

    @property
    def waiting(self) -> int:
        """How many calls have not begun."""
        return len(self._waiting)

    def put(self, call: Call[_T]) -> Call[_T]:
        """Have a call made after all that were put before.

        :returns: the same call.
        :raises RuntimeError: no thread can be started, or the line is closed.
        """
        with self._changed:
            if self._is_closed:
                raise RuntimeError(f"{self._name} has been closed")
            if not self._has_thread:
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
                self._has_thread = True
            self._waiting.append(call)  # type: ignore[arg-type]  # what it returns is its own
            self._changed.notify_all()
        return call

    def withdraw(self, call: Call[_T]) -> bool:
        """Have a call not made.

        :returns: whether it had not begun; otherwise it goes on.
        """
        with self._changed:
            try:
                self._waiting.remove(call)  # type: ignore[arg-type]
            except ValueError:
                return False
            return True

    def close(self) -> None:
        """Have the thread end when the calls that were put are done. Idempotent."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _serve(self) -> None:
        while (call := self._take()) is not None:
            call.make()
            del call  # what came of it is not kept until the next one

    def _take(self) -> Call[object] | None:
        with self._changed:
            self._current = None
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._waiting:
                self._current = self._waiting.popleft()
            return self._current
