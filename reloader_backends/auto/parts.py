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

    The hop from one thread to another costs time. So a part that is alone is waited for
    directly: its first source is ``direct``, and there is no thread. It ends when another
    source has to take that one's place; a wait in it returns then, for it is closed.

    :param backend: the ``reloader_type`` to open.
    :param open_backend: opens one.
    :param hear: takes hints, on any thread.
    :param fail: takes an error that nobody expected, or that nothing else can serve for.
    :param tell_fallback: is told which backend serves instead, and why.
    :param is_direct: whoever wants its hints calls ``direct.wait``.
    :raises BackendUnavailableError: neither it nor what may serve instead can be opened.
    :ivar backend: the one that serves.
    :ivar direct: the source to wait for directly, if it is to be.
    """

    def __init__(
        self,
        backend: str,
        *,
        open_backend: Callable[[str], ChangeSource],
        hear: Callable[[Iterable[Hint]], None],
        fail: Callable[[BaseException], None],
        tell_fallback: Callable[[str, Exception], None],
        is_direct: bool = False,
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
        self.direct = self._source if is_direct else None
        if not is_direct:
            self._start()

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

    def leave_direct(self) -> None:
        """Have it waited for on a thread from now on, by opening it anew.

        :raises BackendUnavailableError: neither it nor what may serve instead can be opened.
        """
        with self._lock:
            if self.direct is None or self._is_closed:
                return
            try:
                source = self._open(self.backend)
            except BackendUnavailableError as error:
                source = self._open_fallback(error)
            self._put_in_place(source)

    def recover(self, source: ChangeSource, error: BackendUnavailableError) -> None:
        """Open what serves instead of a source that failed, unless that was done already.

        :raises BackendUnavailableError: nothing serves.
        """
        with self._lock:
            if source is self._source and not self._is_closed:
                self._put_in_place(self._open_fallback(error))

    def close(self) -> None:
        """Close the source; the thread ends when its wait returns. Idempotent."""
        with self._exchange:
            self._is_closed = True
            self.direct = None
            source = self._source
        source.close()

    def _watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        if self._is_closed or (files, trees) == (self._files, self._trees):
            return
        self._files, self._trees = files, trees
        try:
            self._source.watch(files, trees)
        except BackendUnavailableError as error:
            self._put_in_place(self._open_fallback(error))

    def _put_in_place(self, source: ChangeSource) -> None:
        """Have another source watch, and hint at everything: the old one had more to say."""
        with self._exchange:
            old, self._source = self._source, source
            was_direct, self.direct = self.direct is not None, None
            if self._is_closed:
                source.close()
        if was_direct:
            self._start()
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
                source = self._open(fallback)
            except BackendUnavailableError as another:
                error = another
                continue
            self._tell_fallback(fallback, error)
            return source

    def _open(self, backend: str) -> ChangeSource:
        """Open a source, and have it watch."""
        source = self._open_backend(backend)
        try:
            if self._files or self._trees:
                source.watch(self._files, self._trees)
        except BaseException:
            source.close()
            raise
        return source

    def _start(self) -> None:
        threading.Thread(target=self._pump, name="reloader-auto-part", daemon=True).start()

    # On the thread from here on.

    def _pump(self) -> None:
        try:
            while not self._is_closed:
                self._wait(self._source)
        except BaseException as error:
            # Also SystemExit, which would end this thread without a word.
            if not self._is_closed:
                self._fail(error)

    def _wait(self, source: ChangeSource) -> None:
        try:
            hints = tuple(source.wait(None))
        except BackendUnavailableError as error:
            self.recover(source, error)
            return
        if hints and not self._is_closed:
            self._hear(hints)


def iter_hints(files: Iterable[str], trees: Iterable[Tree]) -> Iterable[Hint]:
    """A hint at each of these."""
    for path in files:
        yield Hint(path=path)
    for tree in trees:
        yield Hint(path=tree.root, scope=HintScope.TREE)
