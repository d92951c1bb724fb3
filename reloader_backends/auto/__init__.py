"""The ``auto`` backend: opens the backend that each file system needs.

The kernel tells of changes on local file systems only, so those are for ``inotify``
(``watchdog`` off Linux), and those that others change as well are for ``nfs``. Each
backend that is open is a part of ours. What is mounted is read once, and again when the
kernel says that it changed; that the kernel tells of changes at all is tried out.

``choice``  which part watches what
``parts``   an open backend, and what takes its place when it fails
``links``   local links on the way to a remote file system
``mounts``  waits for changes of the mounts
``probe``   tries whether a backend hears of a change
``source``  joins them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_backends.auto.source import AutoSource
from reloader_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from reloader_core.model import OpenRequest

__all__ = ["AutoSource", "open_change_source"]


@hookimpl
def open_change_source(request: OpenRequest) -> AutoSource:
    """Open what local file systems need; the rest is opened when there is a file for it.

    :raises BackendUnavailableError: no backend works here.
    """
    return AutoSource(request)
