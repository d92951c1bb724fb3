"""On which mount a path is, found without asking a server; and when mounts come and go."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

from reloader_core.mounts import MOUNTINFO

if TYPE_CHECKING:
    from reloader_core.mounts import Mount, MountTable

__all__ = ["MountChanges", "first_remote"]

_MOST_LINKS = 40  # The kernel's own bound, MAXSYMLINKS.


def first_remote(path: str, table: MountTable) -> Mount:
    """The first mount on the way to a path that a server may keep from answering.

    Links are followed up to there, so that no server is asked.

    :param path: absolute; it need not exist.
    :returns: the mount that the path is on if there is none such.
    """
    parts = [part for part in path.split(os.sep) if part][::-1]
    real, links = "", 0
    mount = table.find("/")
    while parts:
        part = parts.pop()
        if part == ".":
            continue
        if part == "..":
            real = os.path.dirname(real).rstrip(os.sep)
            continue
        here = f"{real}{os.sep}{part}"
        mount = table.find(here)
        if table.is_remote_mount(mount):
            return mount
        try:
            target = os.readlink(here) if links < _MOST_LINKS else None
        except (OSError, ValueError):
            target = None
        if target is None:
            real = here
            continue
        links += 1
        parts += [step for step in target.split(os.sep) if step][::-1]
        if os.path.isabs(target):
            real = ""
    return table.find(real or os.sep)


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
