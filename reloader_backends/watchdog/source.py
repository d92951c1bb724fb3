"""Joins events and looks: events make a hint quick, looks make sure that there is one."""

from __future__ import annotations

import math
import os
import stat
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from reloader_backends.stat import StatSource
from reloader_backends.watchdog.coverage import Coverage
from reloader_backends.watchdog.events import Deed, News
from reloader_backends.watchdog.lookout import Lookout
from reloader_backends.watchdog.losses import Losses
from reloader_backends.watchdog.places import Place
from reloader_backends.watchdog.plan import choose
from reloader_backends.watchdog.told import Told
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import Tree

__all__ = ["WatchdogSource"]

#: One look in so many is at everything, also at what events cover.
_INTERVALS_PER_FULL_LOOK = 5
#: Threads that died are noticed within this time.
_HEALTH_SECONDS = 1.0
#: Directories come and go by the hundred; what to schedule is not decided more often.
_PLAN_SECONDS = 0.25
#: A directory that nobody needs appeared: whether it is one of many.
_RECOUNT_SECONDS = 1.0
#: An old schedule is ending.
_ENDING_SECONDS = 0.02
#: An event that is this late does not come any more; watchdog keeps some for 0.5 s.
_LATEST_EVENT_SECONDS = 1.5
_MOST_REBUILDS = 3
#: A fault this long after the last one is another fault.
_FORGIVEN_SECONDS = 30.0


class WatchdogSource:
    """A change source that watchdog wakes up, and that looks.

    :param interval_seconds: between two looks at what events do not cover.
    :param notify: shows one line to the user.
    :raises BackendUnavailableError: watchdog cannot watch here.
    """

    def __init__(self, *, interval_seconds: float, notify: Callable[[str], None]) -> None:
        self._interval = interval_seconds
        self._notify = notify
        self._news: deque[News] = deque()
        self._losses = Losses()
        self._wakeup = threading.Event()
        self._lookout = Lookout(self._receive, self._hear_of_loss)
        self._coverage = Coverage()
        self._told = Told()
        self._hints: dict[tuple[str, HintScope], bool] = {}
        self._written: set[str] = set()
        self._untold: dict[str, float] = {}
        now = time.monotonic()
        self._plan_due = math.inf
        self._planned_at = self._lost_at = self._failed_at = -math.inf
        self._failures = 0
        self._is_divided = True
        self._health_due = now + _HEALTH_SECONDS
        self._full_seconds = interval_seconds * _INTERVALS_PER_FULL_LOOK
        self._fast = StatSource(interval_seconds=interval_seconds)
        self._full = StatSource(interval_seconds=self._full_seconds)
        self._look_due = time.monotonic() + interval_seconds
        # Guards all of the above but what the observer's threads call. close() does
        # not take it: a look may hang in a dead server's stat().
        self._lock = threading.Lock()
        # Guards who gives the threads back: the last one out.
        self._gate = threading.Lock()
        self._is_waiting = False
        self._is_closed = False

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        :raises BackendUnavailableError: a limit was reached.
        """
        with self._lock:
            if self._is_closed:
                return
            # From here on nothing is lost; the rest makes it quick.
            self._full.watch(files, trees)
            is_less = bool(self._coverage.files - files or self._coverage.groves.keys() - trees)
            if self._coverage.replace(files, trees):
                self._plan_within(0.0)
            self._is_divided = False
            self._plan_if_due(time.monotonic())
            self._divide()
            if is_less:
                self._told.keep(self._is_watched)
                self._hints = {k: v for k, v in self._hints.items() if self._is_watched(k[0])}
        self._wakeup.set()

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until something may have changed, at most ``timeout`` seconds.

        :raises BackendUnavailableError: watchdog fails again and again.
        """
        with self._gate:
            if self._is_closed:
                return ()
            self._is_waiting = True
        try:
            return self._wait(math.inf if timeout is None else time.monotonic() + timeout)
        finally:
            with self._gate:
                self._is_waiting = False
                if self._is_closed:
                    self._lookout.close()

    def close(self) -> None:
        """Give the threads back, or have the blocked ``wait`` do it at once."""
        with self._gate:
            if self._is_closed:
                return
            self._is_closed = True
            self._fast.close()
            self._full.close()
            self._wakeup.set()
            if not self._is_waiting:
                self._lookout.close()

    # On the observer's threads.

    def _receive(self, news: News) -> None:
        self._losses.count()
        self._news.append(news)
        self._wakeup.set()

    def _hear_of_loss(self) -> None:
        self._losses.note()
        self._wakeup.set()

    # On the waiting thread, or in watch().

    def _wait(self, deadline: float) -> list[Hint]:
        while not self._is_closed:
            self._wakeup.clear()
            with self._lock:
                due = self._collect()
                hints, self._hints = self._hints, {}
            if hints:
                return [
                    Hint(path=path, scope=scope, is_being_written=is_being_written)
                    for (path, scope), is_being_written in hints.items()
                ]
            now = time.monotonic()
            if now >= deadline:
                break
            self._wakeup.wait(max(0.0, min(due, deadline) - now))
        return []

    def _collect(self) -> float:
        """Take all there is.

        :returns: when there may be more, without an event.
        """
        while self._news:
            self._take(self._news.popleft())
        self._look()
        now = time.monotonic()
        if self._losses.take():
            self._lose_track()
        if now >= self._health_due:
            self._health_due = now + _HEALTH_SECONDS
            fault = self._lookout.find_fault()
            if fault is not None:
                self._rebuild(fault)
        self._judge_silence(now)
        self._plan_if_due(now)
        self._divide()
        rest = self._losses.seconds_to_wait()
        return min(
            self._look_due,
            self._plan_due,
            self._health_due,
            math.inf if rest is None else now + rest,
            min(self._untold.values(), default=math.inf),
        )

    def _take(self, news: News) -> None:
        is_being_written = _is_being_written(news)
        for path in list(self._coverage.places.find(news.path)):
            self._hint(path, HintScope.PATH, is_being_written)
            self._untold.pop(path, None)
            if news.deed.is_structural and self._coverage.reconsider(path):
                self._plan_within(0.0)
                self._is_divided = False
        for grove in self._coverage.groves.values():
            was_whole = grove.is_whole
            for path, scope in grove.iter_hints(news):
                self._hint(path, scope, is_being_written and scope is HintScope.PATH)
                if scope is HintScope.TREE:
                    grove.forget()
                    self._plan_within(0.0)
            if grove.is_whole != was_whole:
                self._is_divided = False
        if not news.deed.is_structural:
            return
        if self._coverage.is_on_the_way(news.path):
            self._suspect(news.path)
        elif news.is_directory and news.deed is not Deed.GONE:
            self._plan_within(_RECOUNT_SECONDS)

    def _suspect(self, real: str) -> None:
        """Rely on nothing in a directory, without links, that came or went."""
        self._lookout.suspect(real)
        for place in list(self._coverage.places.iter_at_or_below(real)):
            self._lose(place)
        for grove in self._coverage.groves.values():
            if grove.real is not None and (grove.real + os.sep).startswith(real + os.sep):
                grove.forget()
                self._hint(grove.tree.root, HintScope.TREE, False)
        self._plan_within(0.0)
        self._is_divided = False

    def _lose(self, place: Place) -> None:
        place.forget()
        for path in place.iter_files():
            self._hint(path, HintScope.PATH, False)
            self._coverage.reconsider(path)

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._look_due:
            self._look_due += self._interval * (1 + (now - self._look_due) // self._interval)
        for hint in self._fast.wait(0):
            if hint.scope is HintScope.PATH:
                for swapped in list(self._coverage.iter_swapped(hint.path)):
                    if swapped.real is not None:
                        self._suspect(swapped.real)
                    if isinstance(swapped, Place):
                        self._lose(swapped)
                    else:
                        swapped.forget()
                        self._hint(hint.path, HintScope.TREE, False)
                    self._plan_within(0.0)
                if self._coverage.is_only_a_directory(hint.path):
                    continue  # That it is another one now is all that would matter.
            self._take_look(hint)
        for hint in self._full.wait(0):
            if self._take_look(hint) and self._coverage.is_covered_for(
                hint.path, self._full_seconds + _LATEST_EVENT_SECONDS
            ):
                self._untold.setdefault(hint.path, time.monotonic() + _LATEST_EVENT_SECONDS)

    def _take_look(self, hint: Hint) -> bool:
        """Pass on what was found by looking, unless it was hinted at as it is now."""
        if hint.scope is HintScope.TREE:
            for grove in self._coverage.groves.values():
                grove.forget()
            self._plan_within(0.0)
        elif self._coverage.reconsider(hint.path):
            self._plan_within(0.0)
            self._is_divided = False
        is_news = self._told.is_news(hint.path, hint.scope)
        if is_news:
            self._hints.setdefault((hint.path, hint.scope), hint.path in self._written)
        return is_news

    def _hint(self, path: str, scope: HintScope, is_being_written: bool) -> None:
        self._told.note(path, scope)
        self._hints[path, scope] = is_being_written
        if is_being_written:
            self._written.add(path)
        else:
            self._written.discard(path)

    def _is_watched(self, path: str) -> bool:
        return path in self._coverage.files or any(
            path == tree.root or path.startswith(tree.root.rstrip(os.sep) + os.sep)
            for tree in self._coverage.groves
        )

    def _judge_silence(self, now: float) -> None:
        """Rely no more on events that did not come."""
        for path in [path for path, due in self._untold.items() if due <= now]:
            del self._untold[path]
            if now - self._lost_at < self._full_seconds + 2 * _LATEST_EVENT_SECONDS:
                continue
            directory = self._coverage.distrust(path, self._lookout)
            if directory is not None:
                self._notify(
                    f"watchdog: the system tells nothing of changes in {directory}; "
                    f"looking there every {self._interval:g} s"
                )
                self._plan_within(0.0)

    def _lose_track(self) -> None:
        self._lost_at = time.monotonic()
        self._hints["", HintScope.EVERYTHING] = False
        self._written.clear()
        self._untold.clear()
        for schedule in self._lookout:
            schedule.is_stale = True
        self._coverage.forget_all()
        self._plan_within(0.0)
        self._is_divided = False

    def _rebuild(self, fault: str) -> None:
        now = time.monotonic()
        self._failures = 1 + (self._failures if now - self._failed_at < _FORGIVEN_SECONDS else 0)
        self._failed_at = now
        if self._failures > _MOST_REBUILDS:
            raise BackendUnavailableError(
                f"watchdog: {fault}, for the {self._failures}th time", fallback="stat"
            )
        self._notify(f"watchdog: {fault}; starting it anew")
        self._lookout.close()
        self._lookout.open()
        self._lose_track()

    def _plan_within(self, seconds: float) -> None:
        due = max(time.monotonic() + seconds, self._planned_at + _PLAN_SECONDS)
        self._plan_due = min(self._plan_due, due)

    def _plan_if_due(self, now: float) -> None:
        """Schedule what is best scheduled now."""
        if now < self._plan_due:
            return
        self._plan_due = math.inf
        needed, refused = self._coverage.locate()
        candidates = choose(needed, refused=refused, kept=self._lookout.paths)
        if self._lookout.arrange(candidates):
            self._planned_at = time.monotonic()
        else:
            self._plan_due = now + _ENDING_SECONDS
        self._coverage.confirm(self._lookout)
        self._is_divided = False
        if self._lookout.refusal is not None:
            self._notify(
                f"watchdog: {self._lookout.refusal}; "
                f"looking every {self._interval:g} s at the directories it cannot watch"
            )
            self._lookout.refusal = None

    def _divide(self) -> None:
        """Look, from now on, at what events do not cover now."""
        if not self._is_divided:
            self._fast.watch(*self._coverage.divide())
            self._is_divided = True


def _is_being_written(news: News) -> bool:
    """Whether the event is one of several of a writer who has yet to close the file."""
    if sys.platform != "linux" or news.deed not in (Deed.MADE, Deed.WRITTEN):
        return False  # Only Linux tells when a file is closed.
    try:
        status = os.lstat(news.path)
    except OSError:
        return False
    # A change of the attributes alone, or a name that was moved here, changes the
    # second time only. Links are made at one stroke.
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_mtime_ns == status.st_ctime_ns
        and (status.st_nlink == 1 or news.deed is Deed.WRITTEN)
    )
