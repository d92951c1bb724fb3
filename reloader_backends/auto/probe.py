"""Tries whether a backend hears of a change, with a file of our own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

from reloader_core.mounts import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource
    from reloader_core.mounts import Mount, MountTable

__all__ = ["Probe", "Prober", "cache_directory"]

#: From a watch to the trial whether it hears: a program that starts has other things to do.
_DELAY_SECONDS = 1.0

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


class Prober:
    """Tries once for each mount whether the kernel tells of changes there, in the background.

    :param open_backend: opens a source for the trial.
    :param on_deaf: is told of a mount on which none was told, and which backend heard nothing.
    """

    def __init__(
        self,
        open_backend: Callable[[str], ChangeSource],
        on_deaf: Callable[[Mount, str], None],
    ) -> None:
        self._open_backend = open_backend
        self._on_deaf = on_deaf
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._job: tuple[str, frozenset[str], MountTable, frozenset[Mount]] | None = None
        self._is_running = False
        self._probe: Probe | None = None
        self._tried: set[Mount] = set()

    def try_soon(
        self, backend: str, files: frozenset[str], table: MountTable, deaf: frozenset[Mount]
    ) -> None:
        """Make the trial if the file for it can be where one of these is."""
        if not files or table.find(cache_directory()) in self._tried:
            return
        with self._lock:
            self._job = (backend, files, table, deaf)
            if self._is_running or self._closed.is_set():
                return
            self._is_running = True
        threading.Thread(target=self._run, name="reloader-auto-probe", daemon=True).start()

    def close(self) -> None:
        """End a trial that is under way."""
        with self._lock:
            self._closed.set()
            probe = self._probe
        if probe is not None:
            probe.close()

    def _run(self) -> None:
        while not self._closed.wait(_DELAY_SECONDS):
            with self._lock:
                job, self._job = self._job, None
                if job is None:
                    self._is_running = False
                    return
            self._try(*job)

    def _try(
        self, backend: str, files: frozenset[str], table: MountTable, deaf: frozenset[Mount]
    ) -> None:
        directory = cache_directory()
        places = Places(table)
        place = places.find(directory)
        if place.is_remote or place.mount in self._tried or place.mount in deaf:
            return
        directories = {os.path.dirname(path) for path in files}
        if table.mounts and not any(places.find(path).mount == place.mount for path in directories):
            return
        self._tried.add(place.mount)
        probe = Probe(lambda: self._open_backend(backend), directory)
        with self._lock:
            if self._closed.is_set():
                return
            self._probe = probe
        try:
            is_deaf = probe.is_deaf()
        except Exception:
            # There is no file to be made, or no second source to be had, so it is not
            # known. What ails the backend shows where it is needed.
            return
        if is_deaf:
            self._on_deaf(place.mount, backend)


def _write(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b".")
