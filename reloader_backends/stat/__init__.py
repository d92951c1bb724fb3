"""The ``stat`` backend: looks at the watched paths once per interval.

It works everywhere and needs nothing from the kernel. What it remembers is a
stamp per path, compared with ``!=`` only; no file's time is ever compared with
the local clock.

``stamps``  what was seen of each file; which files a look is about
``absent``  files that do not exist
``trees``   directories with all that is in them
``source``  the rhythm of the looks
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_backends.stat.source import StatSource
from reloader_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from reloader_core.model import OpenRequest

__all__ = ["SLICES", "StatSource", "open_change_source"]

#: An installed file has its turn at every tenth look.
SLICES = 10


@hookimpl
def open_change_source(request: OpenRequest) -> StatSource:
    """Open a source that looks every ``request.interval`` seconds."""
    return StatSource(interval_seconds=request.interval, slices=SLICES)
