"""Calling a source that may never return: on a thread of its own, with a deadline."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Caller:
    """One thread on which calls are made, one after the other.

    It is a daemon: a call that hangs for ever must not keep the tests from ending.

    :param name: the thread's name.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]
        self._calls = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def begin(self, function: Callable[[], _T]) -> Future[_T]:
        """Call a function when those before it have returned."""
        future: Future[_T] = Future()
        self._calls.put((function, future))
        return future

    def end(self, timeout: float) -> bool:
        """Have the thread end.

        :param timeout: seconds to wait for it.
        :returns: whether it ended; ``False`` when a call hangs.
        """
        self._calls.put(None)
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, future = call
            future.set_running_or_notify_cancel()
            try:
                result = function()
            except BaseException as error:  # it belongs to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)
