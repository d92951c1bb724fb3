"""watchdog's observer: what is scheduled with it, whether it lives, and its end.

There is one observer. It and its emitters are threads, and they die quietly: of
an exception in a handler, of a fault of their own, or because the directory they
watch was removed. The last is no fault; who scheduled it decides what follows.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING

import attrs
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from reloader_backends.inotify import limits
from reloader_backends.watchdog.events import WANTED, Deed, Handler, LossListener, News
from reloader_core.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from watchdog.observers.api import BaseObserver, EventEmitter, ObservedWatch

    from reloader_backends.watchdog.plan import Candidate

__all__ = ["Lookout", "Schedule"]

#: What could not be scheduled is tried again this much later.
_RETRY_SECONDS = 30.0
#: How long the end of the observer is waited for.
_FAREWELL_SECONDS = 2.0


@attrs.define(eq=False)
class Schedule:
    """A directory that is being watched.

    :ivar candidate: the directories that were there when this began.
    :ivar is_stale: something in it may be another directory since, which watchdog
        may or may not have noticed.
    :ivar is_over: the directory was removed, and with it the watch.
    """

    candidate: Candidate
    watch: ObservedWatch
    emitter: EventEmitter | None
    threads: frozenset[threading.Thread]
    is_stale: bool = False
    is_over: bool = False

    def spans(self, path: str) -> bool:
        """Whether ``path``, without links, is in it, is itself or is above it."""
        own, other = (p.rstrip(os.sep) + os.sep for p in (self.candidate.path, path))
        if self.candidate.is_recursive and other.startswith(own):
            return True
        return own.startswith(other)


class Lookout:
    """Keeps an observer and its schedules.

    :param post: takes news, on the observer's thread.
    :param on_loss: called when watchdog says that it lost some, on any thread.
    :raises BackendUnavailableError: watchdog cannot watch here.
    """

    def __init__(self, post: Callable[[News], None], on_loss: Callable[[], None]) -> None:
        self._post = post
        self._handler = Handler(self._take)
        self._listener = LossListener(on_loss)
        self._schedules: dict[str, Schedule] = {}
        self._refused_until: dict[str, float] = {}
        #: Why fewer directories are watched than were asked for, the first time it was so.
        self.refusal: OSError | None = None
        self._observer: BaseObserver | None = None
        self._threads: frozenset[threading.Thread] = frozenset()
        self.open()

    def open(self) -> None:
        """Start an observer, after :meth:`close` if there was one.

        :raises BackendUnavailableError: watchdog cannot watch here.
        """
        # Version 7 warns when directories are made one in the other faster than it
        # adds them. The user can do nothing about it, and made an error it ends the thread.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning, r"watchdog\.")
        before = set(threading.enumerate())
        try:
            observer = Observer()
        except OSError as error:
            raise _unavailable(error) from error
        self._observer = observer
        logging.getLogger("watchdog").addHandler(self._listener)
        if isinstance(observer, PollingObserver):
            self.close()
            raise BackendUnavailableError(
                "watchdog: it knows only polling here, which looks at every file there is",
                fallback="stat",
            )
        try:
            observer.start()
        except BaseException:
            self.close()
            raise
        self._threads = _new_threads(before) | {observer}

    def close(self) -> None:
        """Give all threads and descriptors back. Idempotent."""
        logging.getLogger("watchdog").removeHandler(self._listener)
        observer, self._observer = self._observer, None
        self._schedules.clear()
        if observer is not None:
            # A thread that died may have left anything behind.
            with contextlib.suppress(Exception):
                observer.stop()
            if observer.is_alive():
                observer.join(_FAREWELL_SECONDS)

    def __iter__(self) -> Iterator[Schedule]:
        return iter(list(self._schedules.values()))

    @property
    def paths(self) -> frozenset[str]:
        """The scheduled directories."""
        return frozenset(self._schedules)

    def get(self, path: str) -> Schedule | None:
        """What is scheduled for this very directory."""
        return self._schedules.get(path)

    def inode_of(self, directory: str) -> int | None:
        """The inode that a directory had when it was scheduled, if it still counts."""
        for schedule in self:
            if not (schedule.is_stale or schedule.is_over):
                inode = schedule.candidate.directories.get(directory)
                if inode is not None:
                    return inode
        return None

    def suspect(self, path: str) -> None:
        """Note that another directory may be at ``path`` than the one that is watched."""
        for schedule in self:
            if schedule.spans(path):
                schedule.is_stale = True

    def arrange(self, candidates: Iterable[Candidate]) -> bool:
        """Schedule these and nothing else.

        :returns: whether it is done; ``False`` when an old schedule is still
            ending, and this is to be called again soon.
        :raises BackendUnavailableError: a limit was reached by the first of them.
        """
        wanted = {candidate.path: candidate for candidate in candidates}
        is_done = True
        for path, schedule in list(self._schedules.items()):
            candidate = wanted.get(path)
            if candidate is None or schedule.is_over or not _serves(schedule, candidate):
                if self._end(schedule):
                    del self._schedules[path]
                else:
                    is_done = False
        now = time.monotonic()
        for path, candidate in wanted.items():
            if path not in self._schedules and self._refused_until.get(path, 0.0) <= now:
                self._begin(candidate, now)
        return is_done

    def _begin(self, candidate: Candidate, now: float) -> None:
        assert self._observer is not None
        before = set(threading.enumerate())
        path = candidate.path
        try:
            watch = self._observer.schedule(
                self._handler, path, recursive=candidate.is_recursive, event_filter=WANTED
            )
        except Exception as error:  # On macOS and Windows it may be of any kind.
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EMFILE):
                if not self._schedules:
                    raise _unavailable(error, path) from error
                self.refusal = error
            self._refused_until[path] = now + _RETRY_SECONDS
            return
        self._refused_until.pop(path, None)
        emitters = [emitter for emitter in self._observer.emitters if emitter.watch == watch]
        self._schedules[path] = Schedule(
            candidate=candidate,
            watch=watch,
            emitter=emitters[0] if emitters else None,
            threads=_new_threads(before) | set(emitters),
        )

    def _end(self, schedule: Schedule) -> bool:
        """Unschedule, or begin to.

        On Linux an emitter sleeps up to half a second for the second half of a
        move. ``unschedule`` waits for it, and holds all other events up.
        """
        assert self._observer is not None
        schedule.is_stale = True
        if sys.platform == "linux" and schedule.emitter is not None:
            with contextlib.suppress(Exception):
                schedule.emitter.stop()
            if schedule.emitter.is_alive():
                return False
        # It may have ended by itself, in any state.
        with contextlib.suppress(Exception):
            self._observer.unschedule(schedule.watch)
        return True

    def find_fault(self) -> str | None:
        """What is wrong with the threads; ``None`` when they live or ended as they should."""
        if not all(thread.is_alive() for thread in self._threads):
            return "its observer ended"
        for schedule in self:
            if schedule.is_stale or schedule.is_over:
                continue
            if not all(thread.is_alive() for thread in schedule.threads):
                path, inode = schedule.candidate.path, schedule.candidate.directories
                try:
                    is_there = os.stat(path).st_ino == inode[path]
                except OSError:
                    is_there = False
                if is_there:
                    return f"its watch on {path} ended"
                schedule.is_over = True
        return None

    def _take(self, news: News) -> None:
        if news.deed is Deed.GONE and news.is_directory:
            schedule = self._schedules.get(news.path)
            if schedule is not None:
                schedule.is_over = True
        self._post(news)


def _serves(schedule: Schedule, candidate: Candidate) -> bool:
    """Whether what is scheduled does what the candidate would."""
    directories = schedule.candidate.directories
    return (
        not schedule.is_stale
        and schedule.candidate.is_recursive == candidate.is_recursive
        and all(directories.get(path) == candidate.directories[path] for path in candidate.needed)
    )


def _new_threads(before: set[threading.Thread]) -> frozenset[threading.Thread]:
    """The threads of watchdog that were started since; some belong to nothing that is public."""
    return frozenset(
        thread
        for thread in set(threading.enumerate()) - before
        if type(thread).__module__.partition(".")[0] == "watchdog"
    )


def _unavailable(error: OSError, path: str = "this system") -> BackendUnavailableError:
    if sys.platform == "linux" and error.errno == errno.ENOSPC:
        return limits.out_of_watches(path)
    if sys.platform == "linux" and error.errno == errno.EMFILE:
        return limits.out_of_instances()
    return BackendUnavailableError(
        f"watchdog: {path} cannot be watched: {error.strerror or error}", fallback="stat"
    )
