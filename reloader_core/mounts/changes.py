"""When mounts come and go."""

from __future__ import annotations

import contextlib
import os
import select
import sys

from reloader_core.mounts.table import MOUNTINFO

__all__ = ["MountChanges"]


class MountChanges:
    """Tells whether something was mounted or unmounted; proc_pid_mountinfo(5)."""

    def __init__(self) -> None:
        self._descriptor = -1
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._descriptor = os.open(MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)

    def fileno(self) -> int:
        """The descriptor, to be polled for ``POLLPRI``; negative where there is none."""
        return self._descriptor

    def take(self) -> bool:
        """Whether there was a change since the last call; called on any thread."""
        if sys.platform != "linux" or self._descriptor < 0:
            return False
        # One of its own: a poll object refuses to be used by two threads at a time.
        poll = select.poll()
        poll.register(self._descriptor, select.POLLPRI)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
