"""Tries whether a backend hears of a change, with a file of our own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource

__all__ = ["Probe", "cache_directory"]

#: How long a hint may take. A kernel that tells of changes does so at once.
_PATIENCE_SECONDS = 1.0
#: A thread of a backend may have been kept from running for as long as that.
_WRITES = 2

#: The same for all, so that one that was left behind is not joined by others. When two
#: write at a time, each hears of two changes.
_NAME = "probe"


def cache_directory() -> str:
    """The directory for files that nobody will miss; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "reloader")


class Probe:
    """One trial; :meth:`close` ends it early.

    :param open_source: opens a source of the backend, for this trial alone.
    :param directory: where the file is made; the directory is made as well.
    """

    def __init__(self, open_source: Callable[[], ChangeSource], directory: str) -> None:
        self._open_source = open_source
        self._directory = directory
        self._lock = threading.Lock()
        self._source: ChangeSource | None = None
        self._is_closed = False

    def is_deaf(self) -> bool:
        """Change the file and wait for a hint.

        :returns: whether none came; ``False`` also if it was closed meanwhile.
        :raises OSError: no file can be made there.
        :raises BackendUnavailableError: no second source can be opened.
        """
        path = os.path.join(self._directory, _NAME)
        os.makedirs(self._directory, exist_ok=True)
        _write(path)
        try:
            source = self._open_source()
            with self._lock:
                self._source = source
            try:
                return not self._hears(source, path)
            finally:
                source.close()
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)

    def close(self) -> None:
        """Have a trial end at once. Idempotent."""
        self._is_closed = True
        with self._lock:
            if self._source is not None:
                self._source.close()

    def _hears(self, source: ChangeSource, path: str) -> bool:
        source.watch(frozenset({path}), frozenset())
        for _ in range(_WRITES):
            _write(path)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not self._is_closed:
                rest = deadline - time.monotonic()
                if any(True for _ in source.wait(max(rest, 0.0))):
                    return True
                if rest <= 0:
                    break
        return self._is_closed


def _write(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b".")
