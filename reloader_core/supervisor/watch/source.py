"""The open change source: its thread, and what takes its place when it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, Hint, Tree

#: Opens a backend by its ``reloader_type``.
OpenSource = Callable[[str], ChangeSource]

#: What serves when a backend failed and named no other. Looking at files works
#: everywhere.
LAST_RESORT = "stat"

#: A source that raised is opened anew this often before it is given up.
_MOST_REBUILDS = 2

#: Sources that are opened in a row before there is a pause.
_MOST_ATTEMPTS = _MOST_REBUILDS + 3


class Watching:
    """Keeps one change source open and waits for its hints on a thread of its own.

    :param reloader_type: the backend to open first.
    :param open_source: opens a backend.
    :param warn: shows one line to the user.
    """

    def __init__(
        self,
        reloader_type: str,
        *,
        open_source: OpenSource,
        warn: Callable[[str], None],
    ) -> None:
        self.reloader_type = reloader_type
        self._open_source = open_source
        self._warn = warn
        self._source: ChangeSource | None = None
        self._thread: threading.Thread | None = None
        self._rebuilds = 0
        self._on_hints: Callable[[tuple[Hint, ...], float], None] = lambda hints, at: None
        self._on_failure: Callable[[Exception], None] = lambda error: None

    def attach(
        self,
        *,
        on_hints: Callable[[tuple[Hint, ...], float], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Say where hints and failures go; both are called on the waiting thread.

        :param on_hints: takes hints and when they came (monotonic seconds).
        :param on_failure: takes the exception; answer it with :meth:`recover`.
        """
        self._on_hints = on_hints
        self._on_failure = on_failure

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> bool:
        """Watch exactly these, with another source if need be.

        :returns: whether every later change leads to a hint; ``False`` when no
            backend can be opened now, and another attempt is due later.
        """
        for _ in range(_MOST_ATTEMPTS):
            try:
                if self._source is None:
                    self._open()
                assert self._source is not None
                self._source.watch(files, trees)
            except Exception as error:
                self.recover(error)
            else:
                return True
        self._warn("no backend can be opened: changes are not noticed for now")
        return False

    def recover(self, error: Exception) -> None:
        """Give up the open source and decide which one is opened next.

        :param error: why; a :class:`BackendUnavailableError` names the fallback.
        """
        self.close()
        if isinstance(error, BackendUnavailableError):
            fallback = error.fallback or LAST_RESORT
            fault = str(error)
        else:
            self._rebuilds += 1
            is_lost = self._rebuilds > _MOST_REBUILDS
            fallback = LAST_RESORT if is_lost else self.reloader_type
            fault = f"the {self.reloader_type} backend failed: {type(error).__name__}: {error}"
        verb = "opening it anew" if fallback == self.reloader_type else f"using {fallback} instead"
        self._warn(f"{fault}; {verb}")
        self.reloader_type = fallback

    def _open(self) -> None:
        source = self._open_source(self.reloader_type)
        self._source = source
        self._thread = threading.Thread(
            target=self._wait, args=(source,), name="reloader-watcher", daemon=True
        )
        self._thread.start()

    def _wait(self, source: ChangeSource) -> None:
        try:
            while source is self._source:
                hints = tuple(source.wait(None))
                if hints:
                    self._on_hints(hints, time.monotonic())
        except Exception as error:
            if source is self._source:
                self._on_failure(error)

    def close(self, timeout: float = 2.0) -> None:
        """Close the source and wait for its thread, but not for ever.

        :param timeout: seconds; a source that hangs is left behind, its thread
            is a daemon.
        """
        source, self._source = self._source, None
        thread, self._thread = self._thread, None
        if source is not None:
            source.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
