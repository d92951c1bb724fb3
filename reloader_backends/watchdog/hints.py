"""The hints that wait to be taken, and what was hinted at before.

A look finds what an event told as well. Both say so, and the later one is left
out if the path is still as it was when the earlier one was made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.model import Hint, HintScope, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hints"]

_Key = tuple[str, HintScope]


class Hints:
    """Collects hints, one for each path and scope."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, bool] = {}
        # Taken before the hint is given away, so a change after it has another stamp.
        self._told: dict[_Key, Stamp | None] = {}
        self._written: set[str] = set()

    def told(self, path: str, scope: HintScope, *, is_being_written: bool = False) -> None:
        """Note what an event said. It always counts: two writes may leave one stamp."""
        self._told[path, scope] = _stamp_of(path)
        self._waiting[path, scope] = is_being_written
        if is_being_written:
            self._written.add(path)
        else:
            self._written.discard(path)

    def seen(self, path: str, scope: HintScope) -> bool:
        """Note what a look found.

        :returns: whether it is news: ``False`` when it was hinted at as it is now.
        """
        key, stamp = (path, scope), _stamp_of(path)
        if key in self._told and self._told[key] == stamp:
            return False
        self._told[key] = stamp
        self._waiting.setdefault(key, path in self._written)
        return True

    def lost_track(self) -> None:
        """Hint at everything."""
        self._written.clear()
        self._waiting["", HintScope.EVERYTHING] = False

    def keep(self, is_watched: Callable[[str], bool]) -> None:
        """Forget what is not watched any more."""
        for key in [key for key in self._told if not is_watched(key[0])]:
            del self._told[key]
            self._waiting.pop(key, None)
        self._written = {path for path in self._written if is_watched(path)}

    def take(self) -> list[Hint]:
        """All that wait, each once."""
        waiting, self._waiting = self._waiting, {}
        return [
            Hint(path=path, scope=scope, is_being_written=is_being_written)
            for (path, scope), is_being_written in waiting.items()
        ]


def _stamp_of(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except (OSError, ValueError):
        return None
