"""Hints on their way from the source's thread to the inspector's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.model import Hint, HintScope


class HintBox:
    """Keeps each hint once: a source that repeats itself costs no memory, and one look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hints: dict[tuple[str, HintScope], tuple[Hint, float]] = {}

    def put(self, hints: Iterable[Hint], at: float) -> bool:
        """Add hints.

        The latest word counts about whether a file is being written, the earliest about
        when it was noticed.

        :param at: when they came, monotonic seconds.
        :returns: whether there were none before.
        """
        with self._lock:
            was_empty = not self._hints
            for hint in hints:
                key = (hint.path, hint.scope)
                known = self._hints.get(key)
                self._hints[key] = (hint, at if known is None else known[1])
            return was_empty

    def take(self) -> list[tuple[Hint, float]]:
        """All of them, in the order in which they came first, each with its time."""
        with self._lock:
            hints, self._hints = self._hints, {}
        return list(hints.values())
