"""Closing a source while another thread waits in it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Gate"]


class Gate:
    """Has what a source holds given back by whoever is the last one out.

    :param wake: ends a blocked wait; called by :meth:`close`.
    :param release: gives everything back; called once, when nobody waits any more.
    :ivar is_closed: :meth:`close` was called.
    """

    def __init__(self, *, wake: Callable[[], object], release: Callable[[], object]) -> None:
        self._wake = wake
        self._release = release
        self._lock = threading.Lock()
        self._is_waiting = False
        self.is_closed = False

    @contextlib.contextmanager
    def waiting(self) -> Iterator[bool]:
        """Keep everything open for the time of a ``with`` block.

        :returns: ``False`` when it was closed before: then there is nothing to wait for.
        """
        with self._lock:
            is_open = not self.is_closed
            self._is_waiting = is_open
        try:
            yield is_open
        finally:
            with self._lock:
                self._is_waiting = False
                if is_open and self.is_closed:
                    self._release()

    def close(self) -> None:
        """Give everything back, or have whoever waits do it at once. Idempotent."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
            if self._is_waiting:
                self._wake()
            else:
                self._release()
