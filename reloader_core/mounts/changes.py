"""When mounts come and go."""

from __future__ import annotations

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
            try:
                self._descriptor = os.open(MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLPRI)

    def fileno(self) -> int:
        """The descriptor, to be polled for ``POLLPRI``; negative where there is none."""
        return self._descriptor

    def take(self) -> bool:
        """Whether there was a change since the last call."""
        if sys.platform != "linux" or self._descriptor < 0:
            return False
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
