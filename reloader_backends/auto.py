"""The ``auto`` backend: the best one there is here."""

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
    """Open ``inotify`` on Linux and ``watchdog`` elsewhere, or what serves instead and say so.

    :raises BackendUnavailableError: neither works here.
    """
    try:
        return request.open_backend("inotify" if sys.platform == "linux" else "watchdog")
    except BackendUnavailableError as error:
        if error.fallback is None:
            raise
        source = request.open_backend(error.fallback)
        request.notify(f"watching with {error.fallback}: {error}")
        return source
