"""The ``watchdog`` backend: the system tells of changes where it can, looks do the rest.

watchdog knows the notifications of Linux, macOS and Windows. They are quick and
not complete: on no system do they tell of a file's other names, of what is
behind a link, of a directory above that was moved away, or of what the system
itself lost. So events only make a hint quick. That none is missing is the word
of two ``stat`` sources: one looks, once per interval, at what events do not
cover; the other, less often, at everything.

``events``   what watchdog says, as values
``lookout``  its observer: what is scheduled, and whether it is alive
``plan``     which directories are worth being scheduled
``places``   which watched files are in which directory
``trees``    which directories belong to a tree
``coverage`` which of all these events cover
``keeper``   when to schedule anew, and what went silent
``losses``   whether events were lost
``hints``    what waits to be taken, and what was hinted at before
``source``   joins them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.errors import BackendUnavailableError
from reloader_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from reloader_core.model import ChangeSource, OpenRequest

__all__ = ["open_change_source"]


@hookimpl
def open_change_source(request: OpenRequest) -> ChangeSource:
    """Open a source that watchdog wakes up and that looks every ``request.interval`` seconds.

    :raises BackendUnavailableError: watchdog is not installed, knows only polling
        here, or a limit of the system was reached.
    """
    try:
        from reloader_backends.watchdog.source import WatchdogSource
    except ImportError as error:
        raise BackendUnavailableError(
            f"watchdog: {error}; install the package watchdog", fallback="stat"
        ) from error
    return WatchdogSource(interval_seconds=request.interval, notify=request.notify)
