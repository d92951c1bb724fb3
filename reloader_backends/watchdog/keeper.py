"""Keeps watchdog of use: decides when to schedule anew, and hears when it goes silent."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from reloader_backends.watchdog.plan import choose
from reloader_core.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_backends.watchdog.coverage import Coverage
    from reloader_backends.watchdog.lookout import Lookout

__all__ = ["Keeper"]

#: Threads that died are noticed within this time.
_HEALTH_SECONDS = 1.0
#: Directories come and go by the hundred; what to schedule is not decided more often.
_PLAN_SECONDS = 0.25
#: An old schedule is ending.
_ENDING_SECONDS = 0.02
#: An event that is this late does not come any more; watchdog keeps some for 0.5 s.
_LATEST_EVENT_SECONDS = 1.5
_MOST_REBUILDS = 3
#: A fault this long after the last one is another fault.
_FORGIVEN_SECONDS = 30.0


class Keeper:
    """Brings what is watched and what is scheduled together.

    :param interval_seconds: between two looks at what events do not cover.
    :param full_seconds: between two looks at everything.
    :param notify: shows one line to the user.
    """

    def __init__(
        self,
        lookout: Lookout,
        coverage: Coverage,
        *,
        interval_seconds: float,
        full_seconds: float,
        notify: Callable[[str], None],
    ) -> None:
        self._lookout = lookout
        self._coverage = coverage
        self._pace = f"every {interval_seconds:g} s"
        self._full_seconds = full_seconds
        self._notify = notify
        self._plan_due = math.inf
        self._planned_at = self._lost_at = self._failed_at = -math.inf
        self._health_due = time.monotonic() + _HEALTH_SECONDS
        self._failures = 0
        self._is_refusal_told = False
        self._unheard: dict[str, float] = {}

    @property
    def due(self) -> float:
        """When there is something to do, monotonic seconds."""
        return min(self._plan_due, self._health_due, *self._unheard.values())

    def plan_within(self, seconds: float) -> None:
        """See to it that what is scheduled is decided on anew."""
        due = max(time.monotonic() + seconds, self._planned_at + _PLAN_SECONDS)
        self._plan_due = min(self._plan_due, due)

    def plan_if_due(self) -> bool:
        """Schedule what is best scheduled now.

        :returns: whether what events cover may have changed.
        :raises BackendUnavailableError: a limit was reached.
        """
        now = time.monotonic()
        if now < self._plan_due:
            return False
        self._plan_due = math.inf
        needed, refused = self._coverage.locate()
        if self._lookout.arrange(choose(needed, refused=refused, kept=self._lookout.paths)):
            self._planned_at = time.monotonic()
        else:
            self._plan_due = now + _ENDING_SECONDS
        self._coverage.confirm(self._lookout)
        if self._lookout.refusal is not None and not self._is_refusal_told:
            self._is_refusal_told = True
            self._notify(
                f"watchdog: {self._lookout.refusal}; what it cannot watch is looked at {self._pace}"
            )
        return True

    def lose_track(self) -> None:
        """Events were lost: rely on nothing that was found out before."""
        self._lost_at = time.monotonic()
        self._unheard.clear()
        for schedule in self._lookout:
            schedule.is_stale = True
        self._coverage.forget_all()
        self.plan_within(0.0)

    def check_health(self) -> bool:
        """Replace the observer if one of its threads died.

        :returns: whether events were lost for that.
        :raises BackendUnavailableError: this happens again and again.
        """
        now = time.monotonic()
        if now < self._health_due:
            return False
        self._health_due = now + _HEALTH_SECONDS
        fault = self._lookout.find_fault()
        if fault is None:
            if any(schedule.is_over for schedule in self._lookout):
                self.plan_within(0.0)
            return False
        self._failures = 1 + (self._failures if now - self._failed_at < _FORGIVEN_SECONDS else 0)
        self._failed_at = now
        if self._failures > _MOST_REBUILDS:
            raise BackendUnavailableError(
                f"watchdog: {fault}, for the {self._failures}th time", fallback="stat"
            )
        self._notify(f"watchdog: {fault}; starting it anew")
        self._lookout.close()
        self._lookout.open()
        return True

    def expect_event(self, path: str) -> None:
        """A look found what an event should have told: it may still come."""
        if self._coverage.is_covered_for(path, self._full_seconds + _LATEST_EVENT_SECONDS):
            self._unheard.setdefault(path, time.monotonic() + _LATEST_EVENT_SECONDS)

    def hear(self, path: str) -> None:
        """An event about a watched path came."""
        self._unheard.pop(path, None)

    def judge_silence(self) -> None:
        """Rely no more on the events of directories where one did not come."""
        now = time.monotonic()
        for path in [path for path, due in self._unheard.items() if due <= now]:
            del self._unheard[path]
            if now - self._lost_at < self._full_seconds + 2 * _LATEST_EVENT_SECONDS:
                continue
            directory = self._coverage.distrust(path, self._lookout)
            if directory is not None:
                self._notify(
                    f"watchdog: the system tells nothing of changes in {directory}; "
                    f"it is looked at {self._pace}"
                )
                self.plan_within(0.0)
