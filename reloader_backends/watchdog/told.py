"""What was hinted at already, so that a look does not tell once more what an event told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.model import HintScope, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Told", "stamp_of"]


class Told:
    """The stamp of each path when it was last hinted at.

    A stamp is taken before its hint is returned, so a change after it has another.
    """

    def __init__(self) -> None:
        self._stamps: dict[tuple[str, HintScope], Stamp | None] = {}

    def note(self, path: str, scope: HintScope) -> None:
        """Note that ``path`` is hinted at as it is now."""
        self._stamps[path, scope] = stamp_of(path)

    def is_news(self, path: str, scope: HintScope) -> bool:
        """Whether ``path`` is not as it was last hinted at; if so, note that it is now."""
        key, stamp = (path, scope), stamp_of(path)
        if key in self._stamps and self._stamps[key] == stamp:
            return False
        self._stamps[key] = stamp
        return True

    def keep(self, is_watched: Callable[[str], bool]) -> None:
        """Forget what is not watched any more."""
        for key in [key for key in self._stamps if not is_watched(key[0])]:
            del self._stamps[key]


def stamp_of(path: str) -> Stamp | None:
    """What is at ``path`` now; ``None`` when nothing can be reached there."""
    try:
        return Stamp.of(os.stat(path))
    except (OSError, ValueError):
        return None
