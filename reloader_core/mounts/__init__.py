"""Which file system a path is on, and whether others than this kernel change files there.

Read from ``/proc/self/mountinfo``, proc_pid_mountinfo(5), and from local links only: a
question about a path must not touch a file system whose server may be away. Where there
is no such file (off Linux) everything counts as local.

``table``    what is mounted where
``places``   which mounts a path leads over
``changes``  when mounts come and go
"""

from __future__ import annotations

from reloader_core.mounts.changes import MountChanges
from reloader_core.mounts.places import Place, Places, is_below
from reloader_core.mounts.table import Mount, MountTable, is_no_answer

__all__ = ["Mount", "MountChanges", "MountTable", "Place", "Places", "is_below", "is_no_answer"]
