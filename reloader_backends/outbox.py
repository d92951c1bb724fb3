"""What a source's threads have to say, until somebody waits for it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.model import Tree

__all__ = ["Outbox"]


class Outbox:
    """Hints, merged; or the error that ends it all."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._hints: dict[tuple[str, HintScope], Hint] = {}
        self._error: BaseException | None = None
        self._is_closed = False

    def put(self, hints: Iterable[Hint]) -> None:
        """Add hints; the last word on a path counts."""
        with self._changed:
            for hint in hints:
                self._hints[hint.path, hint.scope] = hint
            self._changed.notify()

    def fail(self, error: BaseException) -> None:
        """Have every wait raise this from now on."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify()

    def keep(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Drop the hints at what is not watched any more."""
        whole = files.union(tree.root for tree in trees)
        roots = tuple(tree.root.rstrip(os.sep) + os.sep for tree in trees)
        with self._changed:
            for path, scope in list(self._hints):
                is_about_all = scope is HintScope.EVERYTHING
                if not (is_about_all or path in whole or path.startswith(roots)):
                    del self._hints[path, scope]

    def take(self, timeout: float | None) -> tuple[Hint, ...]:
        """Wait for hints.

        :param timeout: seconds; ``None`` to wait until there are some or it is closed.
        :raises BaseException: what was given to :meth:`fail`.
        """
        with self._changed:
            self._changed.wait_for(self._has_news, timeout)
            if self._is_closed:
                return ()
            if self._error is not None:
                raise self._error
            hints, self._hints = self._hints, {}
        return tuple(hints.values())

    def close(self) -> None:
        """Have a blocked :meth:`take`, and each later one, return at once with nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._hints) or self._error is not None or self._is_closed
