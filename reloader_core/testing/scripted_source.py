"""A change source whose hints a test writes."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from reloader_core.model import Tree


@attrs.frozen(kw_only=True)
class Watched:
    """What one call of ``watch`` asked for."""

    files: frozenset[str]
    trees: frozenset[Tree]


class ScriptedSource:
    """Looks at no file: it says what a test has it say, and remembers what it was asked.

    It keeps the contract of :class:`~reloader_core.model.ChangeSource` for
    threads, so it may stand where a real one does.

    :ivar calls: every call of ``watch``, the first one first.
    """

    def __init__(self) -> None:
        self.calls: list[Watched] = []
        self._changed = threading.Condition()
        self._said: collections.deque[tuple[Hint, ...] | Exception] = collections.deque()
        self._watch_error: Exception | None = None
        self._is_closed = False

    # What a test does

    def hint(
        self,
        path: str | os.PathLike[str],
        scope: HintScope = HintScope.PATH,
        *,
        is_being_written: bool = False,
    ) -> None:
        """Have ``wait`` return one hint."""
        self.say(Hint(path=str(path), scope=scope, is_being_written=is_being_written))

    def say(self, *hints: Hint) -> None:
        """Have one ``wait`` return these hints."""
        self._put(hints)

    def fail(self, error: Exception) -> None:
        """Have ``wait`` raise, once what was said before was heard."""
        self._put(error)

    def fail_watch(self, error: Exception) -> None:
        """Have the next ``watch`` raise."""
        self._watch_error = error

    @property
    def files(self) -> frozenset[str]:
        """The files that are watched now."""
        return self.calls[-1].files if self.calls else frozenset()

    @property
    def trees(self) -> frozenset[Tree]:
        """The trees that are watched now."""
        return self.calls[-1].trees if self.calls else frozenset()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def until_watched(self, path: str | os.PathLike[str], timeout: float = 10.0) -> None:
        """Wait until a file, or the root of a tree, is watched.

        :raises AssertionError: it is not, within ``timeout`` seconds.
        """

        def is_watched() -> bool:
            return str(path) in self.files or str(path) in {tree.root for tree in self.trees}

        with self._changed:
            if not self._changed.wait_for(is_watched, timeout):
                raise AssertionError(f"{str(path)!r} is not watched, only {sorted(self.files)}")

    # What its user does

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Remember what is watched.

        :raises Exception: what was given to :meth:`fail_watch`.
        """
        with self._changed:
            error, self._watch_error = self._watch_error, None
            if error is not None:
                raise error
            self.calls.append(Watched(files=files, trees=trees))
            self._changed.notify_all()

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Give what a test said, one saying for each call.

        :raises Exception: what was given to :meth:`fail`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._said or self._is_closed, timeout)
            if self._is_closed or not self._said:
                return ()
            said = self._said.popleft()
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        """Wake a blocked ``wait``."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _put(self, said: tuple[Hint, ...] | Exception) -> None:
        with self._changed:
            self._said.append(said)
            self._changed.notify_all()
