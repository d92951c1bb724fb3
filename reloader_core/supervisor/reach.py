"""Asking file systems whose server may be away, without waiting for it.

A call to a dead server blocks for minutes, or for ever. So each call that may go to one
is made on a thread of its mount, and waited for only so long. As long as it is stuck,
nothing else on that mount is asked, and no thread is started in its place.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from reloader_core.mounts import MountTable
from reloader_core.policy.comparison import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.mounts import Mount

_T = TypeVar("_T")

#: A call to a server that takes longer is left alone; changes elsewhere wait that long.
_PATIENCE_SECONDS = 1.0

#: For how long it is believed what is mounted where.
_REMEMBER_SECONDS = 1.0


class Reach:
    """Makes calls about paths, here or on the thread of a remote mount."""

    def __init__(self) -> None:
        self._table = MountTable()
        self._remote = frozenset[int]()
        self._mounts: dict[str, Mount] = {}
        self._forget_at = 0.0
        self._lines: dict[str, _Line] = {}

    def is_remote(self, path: str) -> bool:
        """Whether others than this kernel may change files there."""
        return self._remote_mount(path) is not None

    def is_answering(self, path: str) -> bool:
        """Whether the file system of a path answers, whatever it says."""
        try:
            self.call(path, lambda: os.path.exists(path))
        except OutOfReachError:
            return False
        return True

    def call(self, path: str, function: Callable[[], _T]) -> _T:
        """Make a call about a path.

        :param path: what the call is about; it says which server is asked.
        :raises OutOfReachError: the server does not answer.
        :raises BaseException: whatever the function raises.
        """
        mount = self._remote_mount(path)
        if mount is None:
            return function()
        line = self._lines.get(mount.point)
        if line is None:
            line = self._lines[mount.point] = _Line(mount.point)
        return line.call(function)

    def _remote_mount(self, path: str) -> Mount | None:
        now = time.monotonic()
        if now >= self._forget_at:
            self._forget_at = now + _REMEMBER_SECONDS
            self._table = MountTable.read()
            self._mounts.clear()
            is_remote = self._table.is_remote_mount
            self._remote = frozenset(m.id for m in self._table.mounts if is_remote(m))
        if not self._remote:
            return None
        mount = self._find(os.path.dirname(path))
        if mount.id not in self._remote:
            mount = self._table.first_remote(path)  # it may be a link, or a mount itself
        return mount if mount.id in self._remote else None

    def _find(self, directory: str) -> Mount:
        mount = self._mounts.get(directory)
        if mount is None:
            mount = self._mounts[directory] = self._table.first_remote(directory)
        return mount


class _Line:
    """The thread that asks one server."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stuck: threading.Event | None = None
        threading.Thread(target=self._serve, name=f"reloader-disk {point}", daemon=True).start()

    def call(self, function: Callable[[], _T]) -> _T:
        if self._stuck is not None and not self._stuck.is_set():
            raise OutOfReachError(self._point)
        results: list[_T] = []
        errors: list[BaseException] = []
        is_done = threading.Event()

        def call() -> None:
            try:
                results.append(function())
            except BaseException as error:
                errors.append(error)
            finally:
                is_done.set()

        self._calls.put(call)
        if not is_done.wait(_PATIENCE_SECONDS):
            self._stuck = is_done
            raise OutOfReachError(self._point)
        if errors:
            raise errors[0]
        return results[0]

    def _serve(self) -> None:
        while True:
            self._calls.get()()
