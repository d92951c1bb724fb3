"""The threads that ask one server: never more than so many, whatever it does.

A call to a server that is away blocks for minutes, or for ever, and cannot be taken
back. So each call is made by one of these threads, never by one that has anything else
to do, and no thread is started in the place of one that is stuck. They are daemons: the
interpreter ends without waiting for them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Crew"]

_T = TypeVar("_T")
_R = TypeVar("_R")

#: How much the last call counts in the mean duration of one.
_WEIGHT = 0.1


class Crew:
    """Threads that make calls side by side.

    :param name: of the threads.
    :param most: how many calls may be under way at a time.
    :ivar seconds_per_call: how long one of :meth:`map` takes of late, in the mean.
    :ivar slowest_call: how long the longest of them took since this was set to zero.
    """

    def __init__(self, name: str, most: int) -> None:
        self.seconds_per_call = 0.0
        self.slowest_call = 0.0
        self._name = name
        self._most = most
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._helpers: list[threading.Thread] = []
        # By thread, when its call began. Each writes its own entry only.
        self._under_way: dict[int, float] = {}

    def oldest_call(self) -> float | None:
        """When the oldest call that is under way began, or should have; monotonic seconds."""
        return min(self._under_way.copy().values(), default=None)

    def call(self, function: Callable[[_T], _R], item: _T, *, allowed_seconds: float = 0.0) -> _R:
        """Make a call on this thread, so that it is known to be under way.

        :param allowed_seconds: what it may take because it is many calls in one.
        :raises BaseException: whatever the function raises.
        """
        me = threading.get_ident()
        self._under_way[me] = time.monotonic() + allowed_seconds
        try:
            return function(item)
        finally:
            del self._under_way[me]

    def map(
        self, function: Callable[[_T], _R], items: Iterable[_T], *, within_seconds: float
    ) -> list[tuple[_T, _R]]:
        """Make a call for each item, as many at a time as it takes to be done in time.

        :param function: raises nothing.
        :param within_seconds: when they should be done; ``0.0`` for as soon as may be.
        :returns: in no particular order.
        """
        waiting = list(items)
        total = len(waiting) * self.seconds_per_call
        width = int(total / within_seconds) + 1 if within_seconds > 0.0 else self._most
        width = min(width, self._most, len(waiting))
        if width <= 1:
            return [(item, self._time(function, item)) for item in waiting]
        done: list[tuple[_T, _R]] = []
        finished: queue.SimpleQueue[None] = queue.SimpleQueue()

        def work() -> None:
            try:
                done.extend((item, self._time(function, item)) for item in _take_from(waiting))
            finally:
                finished.put(None)

        self._start(width - 1)
        for _ in range(width - 1):
            self._jobs.put(work)
        work()
        for _ in range(width):
            finished.get()
        return done

    def _time(self, function: Callable[[_T], _R], item: _T) -> _R:
        began = time.monotonic()
        try:
            return self.call(function, item)
        finally:
            took = time.monotonic() - began
            self.slowest_call = max(self.slowest_call, took)
            self.seconds_per_call += _WEIGHT * (took - self.seconds_per_call)

    def close(self) -> None:
        """Let the threads end; one that is stuck does so when its call returns."""
        for _ in self._helpers:
            self._jobs.put(None)

    def _start(self, count: int) -> None:
        while len(self._helpers) < count:
            helper = threading.Thread(target=self._help, name=self._name, daemon=True)
            helper.start()
            self._helpers.append(helper)

    def _help(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _take_from(items: list[_T]) -> Iterator[_T]:
    # Popping is one step for all threads.
    with contextlib.suppress(IndexError):
        while True:
            yield items.pop()
