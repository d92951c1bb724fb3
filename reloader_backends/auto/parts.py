"""An open backend: its thread, and what takes its place when it fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from reloader_core.errors import BackendUnavailableError
from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import ChangeSource, Tree

__all__ = ["Part", "iter_hints"]

#: What serves when a backend failed and named no other.
_LAST_RESORT = "stat"


class Part:
    """One change source that is waited for on a thread of its own.

    :param backend: the ``reloader_type`` to open.
    :param open_backend: opens one.
    :param hear: takes hints, on any thread.
    :param fail: takes an error that nobody expected, or that nothing else can serve for.
    :param tell_fallback: is told which backend serves instead, and why.
    :raises BackendUnavailableError: neither it nor what may serve instead can be opened.
    :ivar backend: the one that serves.
    """

    def __init__(
        self,
        backend: str,
        *,
        open_backend: Callable[[str], ChangeSource],
        hear: Callable[[Iterable[Hint]], None],
        fail: Callable[[Exception], None],
        tell_fallback: Callable[[str, Exception], None],
    ) -> None:
        self.backend = backend
        self._open_backend = open_backend
        self._hear = hear
        self._fail = fail
        self._tell_fallback = tell_fallback
        self._files: frozenset[str] = frozenset()
        self._trees: frozenset[Tree] = frozenset()
        # Guards what is watched. close() does not take it: a look may hang.
        self._lock = threading.Lock()
        # Guards which source it is, and is held for no time.
        self._exchange = threading.Lock()
        self._is_closed = False
        self._failed: set[str] = set()
        try:
            self._source = open_backend(backend)
        except BackendUnavailableError as error:
            self._source = self._open_fallback(error)
        self._thread = threading.Thread(target=self._pump, name="reloader-auto-part", daemon=True)
        self._thread.start()

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these, with another backend if need be.

        :raises BackendUnavailableError: there is none that works.
        """
        with self._lock:
            self._watch(files, trees)

    def rewatch(
        self,
        files: frozenset[str],
        trees: frozenset[Tree],
        *,
        stale_files: frozenset[str],
        stale_trees: frozenset[Tree],
    ) -> None:
        """The same, and take up anew what leads to other directories than before.

        A source need not notice that something was mounted over a directory it watches:
        that one is still there, and nothing happens in it.
        """
        with self._lock:
            if stale_files & files or stale_trees & trees:
                self._watch(files - stale_files, trees - stale_trees)
            self._watch(files, trees)

    def close(self) -> None:
        """Close the source; the thread ends when its wait returns. Idempotent."""
        with self._exchange:
            self._is_closed = True
            source = self._source
        source.close()

    def _watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        if self._is_closed or (files, trees) == (self._files, self._trees):
            return
        self._files, self._trees = files, trees
        try:
            self._source.watch(files, trees)
        except BackendUnavailableError as error:
            self._fall_back(error)

    def _fall_back(self, error: BackendUnavailableError) -> None:
        """Put another source in the place of one that failed, and hint at all it watched."""
        source = self._open_fallback(error)
        with self._exchange:
            old, self._source = self._source, source
            if self._is_closed:
                source.close()
        old.close()
        self._hear(iter_hints(self._files, self._trees))

    def _open_fallback(self, error: BackendUnavailableError) -> ChangeSource:
        """Open what serves instead, and have it watch."""
        while True:
            self._failed.add(self.backend)
            fallback = error.fallback or _LAST_RESORT
            if fallback in self._failed:
                raise error
            self.backend = fallback
            try:
                source = self._open_backend(fallback)
                if self._files or self._trees:
                    self._take_up(source)
            except BackendUnavailableError as another:
                error = another
                continue
            self._tell_fallback(fallback, error)
            return source

    def _take_up(self, source: ChangeSource) -> None:
        try:
            source.watch(self._files, self._trees)
        except BaseException:
            source.close()
            raise

    # On the thread from here on.

    def _pump(self) -> None:
        try:
            while not self._is_closed:
                self._wait(self._source)
        except Exception as error:
            if not self._is_closed:
                self._fail(error)

    def _wait(self, source: ChangeSource) -> None:
        try:
            hints = tuple(source.wait(None))
        except BackendUnavailableError as error:
            with self._lock:
                if source is self._source and not self._is_closed:
                    self._fall_back(error)
            return
        if hints and not self._is_closed:
            self._hear(hints)


def iter_hints(files: Iterable[str], trees: Iterable[Tree]) -> Iterable[Hint]:
    """A hint at each of these."""
    for path in files:
        yield Hint(path=path)
    for tree in trees:
        yield Hint(path=tree.root, scope=HintScope.TREE)
