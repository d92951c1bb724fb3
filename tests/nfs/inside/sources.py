"""The backend that is tested, and what is expected of it in the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_backends import nfs
from reloader_core.testing import SourceTraits, open_backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource

#: Its name on the command line.
NAME = "nfs"

INTERVAL_SECONDS = 0.05
TRAITS = SourceTraits(deadline_seconds=10.0, quiet_seconds=4 * INTERVAL_SECONDS)


def open_source(notify: Callable[[str], None] | None = None, /, **options: object) -> ChangeSource:
    """Open the backend's source.

    :param notify: takes what it tells the user.
    :param options: those of its table.
    """
    return open_backend(nfs, options, interval=INTERVAL_SECONDS, notify=notify)
