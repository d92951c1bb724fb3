"""Guesses that events were lost, from how many came at once.

Of a queue that overflowed, watchdog tells its log at most. But a queue that was
full has been read in one go, without a quiet moment.
"""

from __future__ import annotations

import sys
import time

__all__ = ["Losses"]

#: Without an event for this long, all that were queued have been read.
_QUIET_SECONDS = 0.2
#: The buffer that watchdog gives Windows for one directory, in events with long names.
_FEWEST_EVENTS = 400


def _queue_length() -> int:
    if sys.platform == "linux":
        try:
            with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
                # Some events are merged or left out before they get here.
                return max(1, int(file.read()) // 4)
        except (OSError, ValueError):
            pass
    return _FEWEST_EVENTS


class Losses:
    """Counts events between quiet moments. ``count`` and ``note`` are called on any thread."""

    def __init__(self) -> None:
        self._limit = _queue_length()
        self._events = 0
        self._last_at = 0.0
        self._is_certain = False

    def count(self) -> None:
        """One event came."""
        self._events += 1
        self._last_at = time.monotonic()

    def note(self) -> None:
        """Some were lost for certain."""
        self._is_certain = True
        self._last_at = time.monotonic()

    def seconds_to_wait(self) -> float | None:
        """When to ask again; ``None`` when nothing suggests a loss."""
        if self._is_certain or self._events >= self._limit:
            return max(0.0, self._last_at + _QUIET_SECONDS - time.monotonic())
        return None

    def take(self) -> bool:
        """Whether some may have been lost, asked at a quiet moment."""
        if time.monotonic() < self._last_at + _QUIET_SECONDS:
            return False
        is_lost = self._is_certain or self._events >= self._limit
        self._events, self._is_certain = 0, False
        return is_lost
