"""Waits for changes of the mounts, and does on the same thread what must not be waited for."""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import TYPE_CHECKING

from reloader_core.mounts import MountChanges

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MountWatcher"]


class MountWatcher:
    """Sleeps until something is mounted or unmounted, or it is woken.

    Where the kernel does not tell of mounts there is no thread, and nothing happens.

    :param on_mount: called when the mounts have changed, on the thread.
    :param on_wake: called after :meth:`wake`, on the thread.
    :param on_failure: takes what the others raised; the thread ends.
    """

    def __init__(
        self,
        *,
        on_mount: Callable[[], None],
        on_wake: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._on_mount = on_mount
        self._on_wake = on_wake
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._wakeup = -1
        self._changes = MountChanges()
        if sys.platform == "linux" and self._changes.fileno() >= 0:
            try:
                self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            except OSError:  # no descriptors left: whoever needs one says so
                self._changes.close()

    def start(self) -> None:
        """Start the thread. What changed since this object was made is told."""
        if self._wakeup >= 0:
            self._thread = threading.Thread(
                target=self._run, name="reloader-auto-mounts", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        """Have ``on_wake`` called soon, from any thread."""
        with self._lock:
            if sys.platform == "linux" and self._wakeup >= 0:
                os.eventfd_write(self._wakeup, 1)

    def close(self) -> None:
        """Have the thread end, and give the descriptors back. Idempotent."""
        self._is_closed = True
        if self._thread is None:
            self._release()
        else:
            self.wake()

    def _release(self) -> None:
        with self._lock:
            if self._wakeup >= 0:
                os.close(self._wakeup)
                self._wakeup = -1
            self._changes.close()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:
            self._on_failure(error)
        finally:
            self._release()

    def _serve(self) -> None:
        if sys.platform != "linux":
            return
        poll = select.poll()
        poll.register(self._changes.fileno(), select.POLLPRI)
        poll.register(self._wakeup, select.POLLIN)
        while not self._is_closed:
            events = dict(poll.poll())
            if self._is_closed:
                break
            # The poll above has taken it: there is no second word about it.
            if self._changes.fileno() in events:
                self._on_mount()
            if self._wakeup in events:
                os.eventfd_read(self._wakeup)
                self._on_wake()
