"""Local links on the way to a remote file system, of which the kernel tells at once.

A backend that watches a link looks at what it leads to, and hangs when the server there is
away. So this is not left to the part that watches everything else, nor is it waited for
long. It only makes a hint quick: the part for remote file systems looks at all that is on
the way as well. So nothing takes its place when it fails.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from reloader_backends.auto.parts import Part
from reloader_core.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import ChangeSource, Hint

__all__ = ["Links"]

_PATIENCE_SECONDS = 0.5


class Links:
    """Has a backend watch paths, on a thread that may hang.

    :param backend: its ``reloader_type``.
    :param open_backend: opens it.
    :param hear: takes hints, on any thread.
    :param fail: takes an error that nobody expected.
    """

    def __init__(
        self,
        backend: str,
        *,
        open_backend: Callable[[str], ChangeSource],
        hear: Callable[[Iterable[Hint]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._backend = backend
        self._open_backend = open_backend
        self._hear = hear
        self._fail = fail
        self._lock = threading.Lock()
        self._part: Part | None = None
        self._wanted: frozenset[str] | None = None
        self._stale: frozenset[str] = frozenset()
        self._waiting: list[threading.Event] = []
        self._is_busy = False
        self._is_over = False

    def watch(self, paths: frozenset[str], *, stale: frozenset[str]) -> None:
        """Watch exactly these soon.

        :param stale: those to be taken up anew, because they lead elsewhere than before.
        """
        is_done = threading.Event()
        with self._lock:
            if self._is_over or (not paths and self._part is None and not self._is_busy):
                return
            self._wanted, self._stale = paths, self._stale | stale
            self._waiting.append(is_done)
            if not self._is_busy:
                self._is_busy = True
                threading.Thread(target=self._run, name="reloader-auto-links", daemon=True).start()
        is_done.wait(_PATIENCE_SECONDS)

    def close(self) -> None:
        """Close what is open; a thread that hangs ends when the server answers. Idempotent."""
        with self._lock:
            self._is_over = True
            part, self._part = self._part, None
        if part is not None:
            part.close()

    # On the thread from here on.

    def _run(self) -> None:
        while True:
            with self._lock:
                paths, self._wanted = self._wanted, None
                stale, self._stale = self._stale, frozenset()
                waiting, self._waiting = self._waiting, []
                if paths is None or self._is_over:
                    self._is_busy = False
                    break
            try:
                self._watch(paths, stale)
            except Exception as error:
                self._lose(error)
            for is_done in waiting:
                is_done.set()
        for is_done in waiting:
            is_done.set()

    def _watch(self, paths: frozenset[str], stale: frozenset[str]) -> None:
        part = self._part
        if part is None:
            part = Part(
                self._backend,
                open_backend=self._open_only,
                hear=self._hear,
                fail=self._lose,
                tell_fallback=lambda backend, error: None,
            )
            with self._lock:
                self._part = part
                is_over = self._is_over
            if is_over:
                part.close()
        part.rewatch(paths, frozenset(), stale_files=stale, stale_trees=frozenset())

    def _open_only(self, backend: str) -> ChangeSource:
        if backend != self._backend:
            raise BackendUnavailableError(f"{backend} would not be quicker")
        return self._open_backend(backend)

    def _lose(self, error: BaseException) -> None:
        self.close()
        if not isinstance(error, BackendUnavailableError):
            self._fail(error)
