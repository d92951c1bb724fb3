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

from reloader_backends.gate import Gate
from reloader_backends.stat import StatSource
from reloader_backends.watchdog.coverage import Coverage
from reloader_backends.watchdog.events import Deed, News
from reloader_backends.watchdog.hints import Hints
from reloader_backends.watchdog.keeper import Keeper
from reloader_backends.watchdog.lookout import Lookout
from reloader_backends.watchdog.losses import Losses
from reloader_backends.watchdog.places import Place
from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import Tree

__all__ = ["WatchdogSource"]

#: One look in so many is at everything, also at what events cover.
_INTERVALS_PER_FULL_LOOK = 5
#: A directory that nobody needs appeared: whether it is one of many is counted then.
_RECOUNT_SECONDS = 1.0


class WatchdogSource:
    """A change source that watchdog wakes up, and that looks.

    :param interval_seconds: between two looks at what events do not cover.
    :param notify: shows one line to the user.
    :raises BackendUnavailableError: watchdog cannot watch here.
    """

    def __init__(self, *, interval_seconds: float, notify: Callable[[str], None]) -> None:
        full_seconds = interval_seconds * _INTERVALS_PER_FULL_LOOK
        self._news: deque[News] = deque()
        self._losses = Losses()
        self._wakeup = threading.Event()
        self._lookout = Lookout(self._receive, self._hear_of_loss)
        self._coverage = Coverage()
        self._keeper = Keeper(
            self._lookout,
            self._coverage,
            interval_seconds=interval_seconds,
            full_seconds=full_seconds,
            notify=notify,
        )
        self._hints = Hints()
        self._is_divided = True
        self._fast = StatSource(interval_seconds=interval_seconds)
        self._full = StatSource(interval_seconds=full_seconds)
        # Later than both of theirs, so that they look when they are asked.
        self._interval = interval_seconds
        self._look_due = time.monotonic() + interval_seconds
        # Guards all of the above but what watchdog's threads call. close() does not
        # take it: a look may hang in a dead server's stat().
        self._lock = threading.Lock()
        self._gate = Gate(wake=self._wakeup.set, release=self._lookout.close)

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        :raises BackendUnavailableError: a limit was reached.
        """
        with self._lock:
            if self._gate.is_closed:
                return
            # From here on nothing is lost; the rest makes it quick.
            self._full.watch(files, trees)
            is_less = not (self._coverage.files <= files and self._coverage.groves.keys() <= trees)
            if self._coverage.replace(files, trees):
                self._keeper.plan_within(0.0)
            self._is_divided = False
            self._divide()
            if is_less:
                self._hints.keep(self._coverage.is_watched)
        self._wakeup.set()

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until something may have changed, at most ``timeout`` seconds.

        :raises BackendUnavailableError: a limit was reached, or watchdog fails again
            and again.
        """
        with self._gate.waiting() as is_open:
            if not is_open:
                return ()
            return self._wait(math.inf if timeout is None else time.monotonic() + timeout)

    def close(self) -> None:
        """Give the threads back, or have the blocked ``wait`` do it at once."""
        self._fast.close()
        self._full.close()
        self._gate.close()

    # On watchdog's threads.

    def _receive(self, news: News) -> None:
        self._losses.count()
        self._news.append(news)
        self._wakeup.set()

    def _hear_of_loss(self) -> None:
        self._losses.note()
        self._wakeup.set()

    # On the waiting thread, or in watch().

    def _wait(self, deadline: float) -> list[Hint]:
        while not self._gate.is_closed:
            self._wakeup.clear()
            with self._lock:
                self._collect()
                hints = self._hints.take()
                due = min(self._look_due, self._keeper.due, self._losses.due or math.inf)
            if hints:
                return hints
            now = time.monotonic()
            if now >= deadline:
                break
            due = min(due, deadline)
            self._wakeup.wait(None if due == math.inf else max(0.0, due - now))
        return []

    def _collect(self) -> None:
        """Take all there is, and do what is due."""
        while self._news:
            self._take(self._news.popleft())
        self._look()
        if self._losses.take() or self._keeper.check_health():
            self._keeper.lose_track()
            self._hints.lost_track()
            self._is_divided = False
        self._keeper.judge_silence()
        self._divide()

    def _divide(self) -> None:
        """Schedule what is worth it, and look, from now on, at what events do not cover."""
        if self._keeper.plan_if_due() or not self._is_divided:
            self._fast.watch(*self._coverage.divide())
            self._is_divided = True

    def _take(self, news: News) -> None:
        is_being_written = _is_being_written(news)
        for path in list(self._coverage.places.find(news.path)):
            self._hints.told(path, HintScope.PATH, is_being_written=is_being_written)
            self._keeper.hear(path)
            if news.deed.is_structural:
                self._reconsider(path)
        for grove in self._coverage.groves.values():
            was_whole = grove.is_whole
            for path, scope in grove.iter_hints(news):
                if scope is HintScope.TREE:
                    self._hints.told(path, scope)
                    grove.forget()
                    self._keeper.plan_within(0.0)
                else:
                    self._hints.told(path, scope, is_being_written=is_being_written)
            if was_whole and not grove.is_whole:
                self._is_divided = False
        if not news.deed.is_structural:
            return
        if self._coverage.is_on_the_way(news.path):
            self._suspect(news.path)
        elif news.is_directory and news.deed is not Deed.GONE:
            for grove in self._coverage.groves.values():
                # It may be one more that the tree's filter leaves out.
                grove.is_surveyed &= not grove.holds(news.path)
            self._keeper.plan_within(_RECOUNT_SECONDS)

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._look_due:
            self._look_due += self._interval * (1 + (now - self._look_due) // self._interval)
        for hint in self._fast.wait(0):
            if hint.scope is HintScope.PATH:
                self._look_into(hint.path)
                if self._coverage.is_only_a_directory(hint.path):
                    continue  # That it is another one now is all that would matter.
            self._take_look(hint)
        for hint in self._full.wait(0):
            if self._take_look(hint):
                self._keeper.expect_event(hint.path)

    def _take_look(self, hint: Hint) -> bool:
        if hint.scope is HintScope.TREE:
            for grove in self._coverage.groves.values():
                grove.forget()
            self._keeper.plan_within(0.0)
        else:
            self._reconsider(hint.path)
        return self._hints.seen(hint.path, hint.scope)

    def _look_into(self, directory: str) -> None:
        """Rely on nothing in a directory that is another one than it was."""
        for swapped in list(self._coverage.iter_swapped(directory)):
            if swapped.real is not None:
                self._suspect(swapped.real)
            if isinstance(swapped, Place):
                self._lose(swapped)
            else:
                swapped.forget()
                self._hints.told(directory, HintScope.TREE)
            self._keeper.plan_within(0.0)
            self._is_divided = False

    def _suspect(self, real: str) -> None:
        """Rely on nothing in a directory, given without links, that came or went."""
        self._lookout.suspect(real)
        for place in list(self._coverage.places.iter_at_or_below(real)):
            self._lose(place)
        for grove in self._coverage.groves.values():
            if grove.real is not None and (grove.real + os.sep).startswith(real + os.sep):
                grove.forget()
                self._hints.told(grove.tree.root, HintScope.TREE)
        self._keeper.plan_within(0.0)
        self._is_divided = False

    def _lose(self, place: Place) -> None:
        place.forget()
        for path in place.iter_files():
            self._hints.told(path, HintScope.PATH)
            self._reconsider(path)

    def _reconsider(self, path: str) -> None:
        if self._coverage.reconsider(path):
            self._keeper.plan_within(0.0)
            self._is_divided = False


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
