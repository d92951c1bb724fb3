"""One file system of which the server has to be asked: what is watched there, look by look.

A look asks for all directories, from the top down, at the beginning of an interval, and
for the files in small parts over the rest of it, so that the server gets a trickle and
not a burst. What is in a directory that changed is asked for at once. Where nothing has
changed for a while the files have their turn less often; directories keep theirs, which
tell of everything but a file that is written in place.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import stat
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from reloader_backends.installed import is_installed
from reloader_backends.nfs.crew import Crew
from reloader_backends.nfs.sync import Status, is_gone, status_of
from reloader_backends.nfs.ways import Ways
from reloader_backends.stat.trees import Hints, TreeListing
from reloader_core.model import HintScope, Stamp
from reloader_core.mounts import is_no_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import Tree

__all__ = ["Pace", "Share"]

#: So often within an interval some of the files are asked for.
_PART_SECONDS: Final = 0.05
#: The part of an interval in which all of its requests should be answered.
_BUSY_PART: Final = 0.8
#: An installed file has its turn less often by this factor, as in the ``stat`` backend.
_INSTALLED_SLICES: Final = 10
#: To read a tree for the first time is many calls. They may take this much longer than one.
_TREE_SECONDS: Final = 60.0
#: Without a change for so long, files have their turn less and less often.
_STEADY_SECONDS: Final = 120.0
#: For so long a directory that changed is listed again: another change in the same tick of
#: the server's clock leaves no trace, and some servers count whole seconds.
_COARSEST_TIMESTAMP_SECONDS: Final = 2.5

#: What an NFS client makes of a file that was removed while a process has it open.
_SILLY_NAME: Final = re.compile(r"\.nfs[0-9a-fA-F]{8,}")


class _Unknown:
    """A file nobody could look at when it came to be watched."""


_UNKNOWN: Final = _Unknown()
_Seen = Stamp | _Unknown | None


@attrs.frozen(kw_only=True)
class Pace:
    """How often and how many at a time.

    :ivar interval: seconds from one look to the next.
    :ivar max_interval: seconds that a file waits for its turn at most while nothing changes.
    :ivar concurrency: the most requests that are under way at a time.
    :ivar timeout_seconds: an answer that takes longer is told to the user.
    """

    interval: float
    max_interval: float
    concurrency: int
    timeout_seconds: float


@attrs.define(eq=False)
class _Known:
    """What was seen of each file; the ``stat`` backend's trees enter theirs here.

    :ivar appeared: what they have entered since that was last looked at.
    """

    seen: dict[str, _Seen] = attrs.field(factory=dict)
    appeared: list[str] = attrs.field(factory=list)

    def __contains__(self, path: str) -> bool:
        return path in self.seen

    def remember(self, path: str, seen: object) -> None:
        """Hold a file that a tree has found against its absence."""
        if seen is None and not _is_silly(path):
            self.seen[path] = None
            self.appeared.append(path)

    def forget(self, path: str) -> _Seen:
        """No longer ask for a file."""
        return self.seen.pop(path, None)


class Share:
    """Watches the files of one mount, on threads of its own.

    :param point: where it is mounted, for messages.
    :param pace: how often, and how many requests at a time.
    :param hint: takes each hint; called on this share's thread, as the rest.
    :param fail: takes an error that nobody expected; the share is over then.
    :param notify: shows one line to the user.
    """

    def __init__(
        self,
        point: str,
        pace: Pace,
        *,
        hint: Callable[[str, HintScope], None],
        fail: Callable[[Exception], None],
        notify: Callable[[str], None],
    ) -> None:
        self._point = point
        self._pace = pace
        self._hint = hint
        self._fail = fail
        self._notify = notify
        self._crew = Crew(f"reloader-nfs {point}", pace.concurrency)
        self._wake = threading.Event()
        self._is_closed = False
        # Guards the request and whether the server is away.
        self._lock = threading.Lock()
        self._request: tuple[frozenset[str], frozenset[Tree]] | None = None
        self._waiting: list[threading.Event] = []
        self._away_since: float | None = None
        # Of the thread alone from here on.
        self._files: frozenset[str] = frozenset()
        self._trees: dict[Tree, TreeListing] = {}
        self._known = _Known()
        self._rechecks = max(2, math.ceil(_COARSEST_TIMESTAMP_SECONDS / pace.interval))
        self._levels: list[list[str]] = []
        self._directories: dict[str, Stamp | None] = {}
        # The project's own files, and those that were installed.
        self._turns: tuple[list[str], list[str]] = ([], [])
        self._is_planned = True
        self._pending: list[str] = []
        self._part_size = 1
        now = time.monotonic()
        self._look_due = now + pace.interval
        self._part_due = now
        self._quiet_since = now
        threading.Thread(target=self._run, name=f"reloader-nfs {point}", daemon=True).start()

    @property
    def is_away(self) -> bool:
        """Whether the server has not answered for too long."""
        return self._away_since is not None

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> threading.Event:
        """Watch exactly these from now on.

        :returns: set once every later change leads to a hint.
        """
        is_done = threading.Event()
        with self._lock:
            self._request = (files, trees)
            self._waiting.append(is_done)
        self._wake.set()
        return is_done

    def check(self, now: float) -> None:
        """Say so when the server has not answered for too long; called on any thread."""
        oldest = self._crew.oldest_call()
        if oldest is not None and now - oldest > self._pace.timeout_seconds:
            self._tell_away("no answer")

    def close(self) -> None:
        """End the threads, each when its call returns."""
        self._is_closed = True
        self._wake.set()

    # On the thread from here on.

    def _run(self) -> None:
        try:
            while not self._is_closed:
                self._wake.clear()
                self._take_request()
                now = time.monotonic()
                due = min(self._part_due, self._look_due) if self._pending else self._look_due
                if now < due:
                    self._wake.wait(due - now)
                elif self._pending:
                    self._ask_for_part(now)
                else:
                    self._begin_look(now)
        except Exception as error:
            self._fail(error)
        finally:
            self._crew.close()

    def _take_request(self) -> None:
        with self._lock:
            request, self._request = self._request, None
            waiting, self._waiting = self._waiting, []
        if request is not None:
            self._watch(*request)
        for is_done in waiting:
            is_done.set()

    def _watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        added = files - self._files
        if len(files) < len(self._files) + len(added) or self._trees.keys() - trees:
            for tree in self._trees.keys() - trees:
                del self._trees[tree]
            needed = files.union(*(listing.iter_files() for listing in self._trees.values()))
            for path in self._known.seen.keys() - needed:
                self._known.forget(path)
        found = set(added)
        for tree in trees - self._trees.keys():
            listing = self._trees[tree] = TreeListing(tree)
            enter = partial(listing.enter, rechecks=self._rechecks)
            inside = self._crew.call(enter, tree.root, allowed_seconds=_TREE_SECONDS)
            found.update(path for path in inside if not _is_silly(path))
        found -= self._known.seen.keys()
        self._files = files
        # As the client remembers it. If that is wrong, the next look will differ.
        self._known.seen.update(
            self._crew.map(_remembered, found, within_seconds=self._pace.interval / 4)
        )
        self._is_planned = False
        self._quiet_since = time.monotonic()

    def _plan(self) -> None:
        self._is_planned = True
        ways = Ways()

        for listing in self._trees.values():
            for directory in listing.iter_directories():
                self._crew.call(ways.add_directory, directory)
        for path in self._known.seen:
            self._crew.call(ways.add_file, path)
        self._levels = ways.levels
        wanted = {directory for level in self._levels for directory in level}
        self._directories = {
            path: stamp for path, stamp in self._directories.items() if path in wanted
        }
        # Whoever has waited longest has the next turn, as before.
        rest = self._known.seen.keys() - set(itertools.chain(*self._turns))
        for turns in self._turns:
            turns[:] = [path for path in turns if path in self._known]
        for path in sorted(rest):
            self._turns[is_installed(path)].append(path)

    def _begin_look(self, now: float) -> None:
        # Looks that were missed are left out.
        self._look_due = max(self._look_due + self._pace.interval, now)
        if not self._is_planned:
            self._plan()
        self._crew.slowest_call = 0.0
        changed = self._ask_for_directories()
        if changed is None:
            return
        if self._crew.slowest_call > self._pace.timeout_seconds:
            # With `softerr` the client answers from its cache when the server has not.
            self._tell_away("no answer")
            return
        self._tell_answers()
        urgent = self._paths_in(changed)
        self._look_at_trees()
        appeared, self._known.appeared = self._known.appeared, []
        if not self._ask_for([*urgent, *appeared], 0.0):
            return
        if changed or appeared:
            self._is_planned = False
        asked = {*urgent, *appeared}
        self._pending = [path for path in self._take_turns(now) if path not in asked]
        parts = max(1, int(_BUSY_PART * self._pace.interval / _PART_SECONDS))
        self._part_size = math.ceil(len(self._pending) / parts)
        self._part_due = now

    def _ask_for_directories(self) -> dict[str, bool] | None:
        """Ask for the directories, each after those on the way to it.

        :returns: those that changed, and whether it is another directory now; ``None`` if
            the server does not answer.
        """
        changed: dict[str, bool] = {}
        for level in self._levels:
            answers = self._crew.map(_ask, level, within_seconds=self._pace.interval / 4)
            for directory, answer in answers:
                if isinstance(answer, OSError):
                    if is_no_answer(answer) or directory == self._point:
                        self._tell_away(answer.strerror or str(answer))
                        return None
                    continue  # It may not be asked for, which says nothing of what is in it.
                stamp = None if answer is None else answer.stamp
                before = self._directories.get(directory, _UNKNOWN)
                self._directories[directory] = stamp
                if not isinstance(before, _Unknown) and before != stamp:
                    changed[directory] = before is None or stamp is None or before[:2] != stamp[:2]
        return changed

    def _paths_in(self, changed: dict[str, bool]) -> list[str]:
        """The files in directories that changed, at any depth where it is another directory."""
        if not changed:
            return []
        others = tuple(
            path.rstrip(os.sep) + os.sep for path, is_other in changed.items() if is_other
        )
        return [
            path
            for path in self._known.seen
            if os.path.dirname(path) in changed or path.startswith(others)
        ]

    def _look_at_trees(self) -> None:
        """List what changed in the trees, of which the client knows by now."""
        hints: Hints = {}

        def look(listing: TreeListing) -> None:
            listing.look(self._known, self._files, hints, self._rechecks)

        for listing in self._trees.values():
            self._crew.call(look, listing)
        for path, scope in hints:
            self._tell(path, scope)
            self._is_planned = False

    def _take_turns(self, now: float) -> list[str]:
        """The files whose turn it is in this look."""
        quiet = now - self._quiet_since
        slower = max(
            1.0, min(quiet / _STEADY_SECONDS, self._pace.max_interval / self._pace.interval)
        )
        due: list[str] = []
        for turns, slices in zip(self._turns, (1, _INSTALLED_SLICES), strict=True):
            count = math.ceil(len(turns) / (slices * slower))
            due += turns[:count]
            turns[:] = turns[count:] + turns[:count]
        return due

    def _ask_for_part(self, now: float) -> None:
        # When the next look is due, all that is left is late.
        size = len(self._pending) if now >= self._look_due else self._part_size
        part, self._pending = self._pending[:size], self._pending[size:]
        self._part_due = now + _PART_SECONDS
        if not self._ask_for(part, _PART_SECONDS * _BUSY_PART):
            self._pending = []

    def _ask_for(self, paths: Iterable[str], within_seconds: float) -> bool:
        """Ask for files, and hint at those that changed.

        :returns: whether the server answered.
        """
        for path, answer in self._crew.map(_ask, paths, within_seconds=within_seconds):
            if isinstance(answer, OSError):
                if is_no_answer(answer):
                    self._tell_away(answer.strerror or str(answer))
                    return False
                continue
            stamp = None if answer is None else _stamp(answer.stamp, answer.mode)
            if path in self._known and stamp != self._known.seen[path]:
                self._known.seen[path] = stamp
                self._tell(path, HintScope.PATH)
        return True

    def _tell(self, path: str, scope: HintScope) -> None:
        self._quiet_since = time.monotonic()
        self._hint(path, scope)

    def _tell_away(self, reason: str) -> None:
        with self._lock:
            if self._away_since is not None:
                return
            self._away_since = time.monotonic()
        self._notify(f"nfs: {self._point} does not answer ({reason}); changes there wait")

    def _tell_answers(self) -> None:
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            self._quiet_since = time.monotonic()
            seconds = self._quiet_since - since
            self._notify(f"nfs: {self._point} answers again, after {seconds:.0f} s")


def _is_silly(path: str) -> bool:
    return _SILLY_NAME.fullmatch(os.path.basename(path)) is not None


def _ask(path: str) -> Status | OSError | None:
    try:
        return status_of(path)
    except OSError as error:
        return error


def _remembered(path: str) -> _Seen:
    try:
        status = os.stat(path)
    except ValueError:
        return None
    except OSError as error:
        return None if is_gone(error) else _UNKNOWN
    return _stamp(Stamp.of(status), status.st_mode)


def _stamp(stamp: Stamp, mode: int) -> Stamp:
    """What is compared; entries that come and go do not make a directory another one."""
    if stat.S_ISDIR(mode):
        return Stamp(stamp.device, stamp.inode, 0, 0, 0)
    return stamp
