"""What a supervisor says of itself."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any

from reloader_core.policy import lifecycle

if TYPE_CHECKING:
    from reloader_core.model import ReloadReport

#: Restarts that are remembered.
_MOST_RESTARTS = 10


class History:
    """What has happened, as far as somebody may ask.

    :ivar error: why nothing runs, or what keeps changes from being acted on; ``None`` when
        nothing is wrong.
    """

    def __init__(self) -> None:
        self._restarts: collections.deque[dict[str, Any]] = collections.deque(maxlen=_MOST_RESTARTS)
        self.error: str | None = None

    def add(self, report: ReloadReport) -> None:
        """A restart is over."""
        self._restarts.append(
            {
                "at": time.time(),
                "reason": report.reason,
                "changes": [change.path for change in report.changes],
                "noticed_seconds": report.noticed_seconds,
                "stopped_seconds": report.stopped_seconds,
                "started_seconds": report.started_seconds,
                "ready_seconds": report.ready_seconds,
                "seconds": report.seconds,
            }
        )

    @property
    def restarts(self) -> list[dict[str, Any]]:
        """The last restarts, the newest last, as ``control.Restart`` names their members."""
        return list(self._restarts)


def describe_state(state: lifecycle.State) -> str:
    """A state of the program's life in a word."""
    match state:
        case lifecycle.Running():
            return "running"
        case lifecycle.Stopping() | lifecycle.Quitting():
            return "stopping"
        case lifecycle.Waiting() | lifecycle.Checking() | lifecycle.Ended():
            return "waiting"
        case _:
            return "starting"


def to_wall_clock(at: float) -> float:
    """A monotonic time as seconds since the epoch, by the clock as it is now."""
    return time.time() - (time.monotonic() - at)
