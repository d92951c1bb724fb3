"""Guesses that events were lost, from how many came at once.

Of a queue that overflowed, watchdog tells its log at most. But a queue that was
full is read in one go, without a quiet moment.
"""

from __future__ import annotations

import sys
import time

__all__ = ["Losses"]

#: Without an event for this long, all that were queued have been read.
_QUIET_SECONDS = 0.2
#: A full queue is read within this time, also on a machine that is busy with other things.
#: That of Linux has 16,384 events.
_READ_SECONDS = 30.0 if sys.platform == "linux" else 10.0
#: The buffer that watchdog gives Windows for one directory, in events with long names.
_FEWEST_EVENTS = 400


class Losses:
    """Counts events. ``count`` and ``note`` are called on any thread."""

    def __init__(self) -> None:
        self._limit = _suspicious_number()
        self._events = 0
        self._is_certain = False
        self._began_at = self._last_at = time.monotonic()

    def count(self) -> None:
        """One event came."""
        self._last_at = time.monotonic()
        if self._last_at > self._began_at + _READ_SECONDS and self._events < self._limit:
            self._events, self._began_at = 0, self._last_at
        self._events += 1

    def note(self) -> None:
        """Some were lost for certain."""
        self._is_certain = True
        self._last_at = time.monotonic()

    @property
    def due(self) -> float | None:
        """When to call :meth:`take`, monotonic seconds; ``None`` if nothing suggests a loss."""
        if self._is_certain or self._events >= self._limit:
            return min(self._last_at + _QUIET_SECONDS, self._began_at + 2 * _READ_SECONDS)
        return None

    def take(self) -> bool:
        """Whether some may have been lost, once all that were queued have been read."""
        due, now = self.due, time.monotonic()
        if now < (self._last_at + _QUIET_SECONDS if due is None else due):
            return False
        self._events, self._is_certain, self._began_at = 0, False, now
        return due is not None


def _suspicious_number() -> int:
    if sys.platform == "linux":
        try:
            with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
                # Some events are merged or left out before they get here.
                return max(1, int(file.read()) // 4)
        except (OSError, ValueError):
            pass
    return _FEWEST_EVENTS
