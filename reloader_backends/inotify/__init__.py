"""The ``inotify`` backend: Linux tells of changes, nothing is looked at.

Directories are watched, not files: an editor that replaces a file by another
would take a watch on the file along. A path may lead through symbolic links, and
a directory on the way may be swapped for another, so all entries and directories
a path depends on are watched, and nothing else.

``kernel``  the watches, one per inode, and the kernel's limits (``limits``)
``paths``   which entries a path depends on
``trees``   directories with all that is in them
``source``  turns events into hints
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reloader_core.errors import BackendUnavailableError
from reloader_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from reloader_core.model import ChangeSource, OpenRequest

__all__ = ["open_change_source"]


@hookimpl
def open_change_source(request: OpenRequest) -> ChangeSource:
    """Open a source that the kernel wakes up; ``request`` has nothing it needs.

    :raises BackendUnavailableError: this is not Linux, Python was built without ctypes,
        or the user's inotify instances are used up.
    """
    if sys.platform == "linux":
        try:
            from reloader_backends.inotify.source import InotifySource
        except ImportError as error:
            raise BackendUnavailableError(f"inotify: {error}", fallback="stat") from error
        return InotifySource()
    raise BackendUnavailableError(f"inotify: there is none on {sys.platform}", fallback="stat")
