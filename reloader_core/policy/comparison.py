"""From "this file may have changed" to changes that are acted on.

A hint is confirmed by stamp first, by content second. A difference is believed
when the file is done: not while a writer has it open, not while it may be on its
way back, not while version control is at work in its repository. Believed
differences are handed out together, and only when all that differs compiles:
code that cannot start never costs the program that runs.

Nothing here looks at a disk or a clock: both come in, the disk as a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from reloader_core.model import Change, ChangeBatch, ChangeKind, Stamp
from reloader_core.policy.parking import Lock, Parking
from reloader_core.policy.settle import (
    LOCK_LOOK_SECONDS,
    OUT_OF_REACH_SECONDS,
    WRITER_LOOK_SECONDS,
    Doubt,
    patience_seconds,
    tick_seconds,
)
from reloader_core.policy.snapshot import CHANGES, Judgement, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen(kw_only=True)
class Fault:
    """Why a changed source cannot be started.

    :ivar path: the file.
    :ivar text: what Python says of it: file, line, the line itself, a caret.
    """

    path: str
    text: str


class OutOfReachError(Exception):
    """The file system does not answer: nothing is known of the file."""


class Disk(Protocol):
    """What a comparison asks of the disk; each answer is about now.

    A method may raise :exc:`OutOfReachError`, but for ``lock_over``.
    """

    def stamp_of(self, path: str) -> Stamp | None:
        """A file's stamp; ``None`` when it is not there."""

    def appeared(self, path: str) -> Stamp | None:
        """The stamp of a file that was not there; ``None`` if it still is not."""

    def digest_of(self, path: str) -> tuple[Stamp, bytes] | None:
        """A file's content as a digest, and the stamp it belongs to.

        :returns: ``None`` when it cannot be read or changed meanwhile.
        """

    def has_writer(self, path: str) -> bool | None:
        """Whether anybody has a file open for writing; ``None`` if that cannot be known."""

    def lock_over(self, path: str) -> Lock | None:
        """The lock of version control in the repository that holds a file, if there is one."""

    def fault_of(self, path: str) -> Fault | None:
        """What keeps a source from being compiled, if anything does."""


@attrs.frozen(kw_only=True)
class _Doubtful:
    """A difference that is not believed yet.

    :ivar stamp: the state it is about.
    :ivar since: for how long it has been in that state, monotonic seconds, as the rest.
    :ivar due: when it is looked at again.
    """

    stamp: Stamp | None
    since: float
    due: float
    noticed_at: float
    is_being_written: bool


@attrs.frozen(kw_only=True)
class _OutOfReach:
    """A file whose file system does not answer.

    :ivar due: when it is asked again, monotonic seconds.
    """

    noticed_at: float
    due: float


@attrs.frozen(kw_only=True)
class _Found:
    """A difference that is believed and was not handed out yet."""

    change: Change
    stamp: Stamp | None
    noticed_at: float


class Comparison:
    """Compares, and gathers what turned out to be changed.

    :param snapshot: what the program runs; shared with the caller.
    :param disk: what is on disk.
    :ivar parking: what is not compared yet, because version control is at work.
    :ivar own: files that the supervisor itself has read: a new program does not have them.
    :ivar is_on_hold: somebody wants nothing handed out for now. What is undone meanwhile
        is no change.
    """

    def __init__(self, snapshot: Snapshot, disk: Disk) -> None:
        self._snapshot = snapshot
        self._disk = disk
        self._doubtful: dict[str, _Doubtful] = {}
        self.parking = Parking(disk.lock_over)
        self.own: frozenset[str] = frozenset()
        self.is_on_hold = False
        self._found: dict[str, _Found] = {}
        self._faults: dict[str, Fault] = {}
        self._within_tick: dict[str, float] = {}
        self._out_of_reach: dict[str, _OutOfReach] = {}

    def compare(
        self,
        paths: Iterable[str],
        noticed_at: float,
        now: float,
        *,
        is_being_written: bool = False,
    ) -> None:
        """Compare files now, or when they are done.

        :param paths: which files.
        :param noticed_at: when they came to notice, monotonic seconds.
        :param now: monotonic seconds.
        :param is_being_written: the backend says that a writer has them open.
        """
        for path in paths:
            if path in self._snapshot and not self.parking.take_in(path, noticed_at, now):
                self._compare_if_in_reach(path, noticed_at, now, is_being_written=is_being_written)

    def compare_due(self, now: float) -> None:
        """Compare the files whose next look is due."""
        free = self.parking.let_go(now)
        for path, noticed_at in free.items():
            self.compare((path,), noticed_at, now)
        if free:
            # Hints may lag behind: all that version control did is found together.
            self.compare(self._snapshot.paths() - free.keys(), now, now)
        for path, out_of_reach in list(self._out_of_reach.items()):
            if out_of_reach.due <= now:
                del self._out_of_reach[path]
                self.compare((path,), out_of_reach.noticed_at, now)
        for path, doubtful in list(self._doubtful.items()):
            if doubtful.due <= now:
                self._compare_if_in_reach(
                    path, doubtful.noticed_at, now, is_being_written=doubtful.is_being_written
                )
        for path, due in list(self._within_tick.items()):
            if due <= now:
                del self._within_tick[path]
                try:
                    self._compare_after_tick(path, now)
                except OutOfReachError:
                    self._within_tick[path] = now + OUT_OF_REACH_SECONDS

    def judge_after_tick(self, path: str, now: float) -> None:
        """The program has loaded a file; another state of it may have the same stamp."""
        stamp = self._snapshot.expected_stamp(path)
        if stamp is not None and stamp.has_whole_seconds:
            self._within_tick[path] = now + tick_seconds(stamp)

    def next_due(self, now: float) -> float | None:
        """When the next look is due, monotonic seconds; ``None`` if there is none."""
        dues = [doubtful.due for doubtful in self._doubtful.values()]
        dues += self._within_tick.values()
        dues += [out_of_reach.due for out_of_reach in self._out_of_reach.values()]
        if self.parking.locks:
            dues.append(now + LOCK_LOOK_SECONDS)
        return min(dues, default=None)

    @property
    def is_unsettled(self) -> bool:
        """Whether code is still being changed, so that no program should start now."""
        return bool(self.parking.locks) or any(map(self._snapshot.is_source, self._doubtful))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Why nothing is handed out: what does not compile, ordered by path."""
        return tuple(self._faults[path] for path in sorted(self._faults))

    @property
    def held_changes(self) -> tuple[Change, ...]:
        """What waits for the end of a hold and for nothing else, ordered by path."""
        if not self.is_on_hold or self._faults or self.is_unsettled:
            return ()
        return self._changes()

    @property
    def held_paths(self) -> tuple[str, ...]:
        """What is believed to have changed and was not handed out."""
        return tuple(sorted(self._found))

    def find_directory(self, path: str, now: float) -> None:
        """The directory that the program starts in is back, which is a change, too."""
        change = Change(path=path, kind=ChangeKind.CREATED)
        self._found[path] = _Found(change=change, stamp=None, noticed_at=now)

    def take(self) -> ChangeBatch | None:
        """Hand out the believed changes; they count as dealt with from then on.

        :returns: ``None`` if there are none, or if they should not be acted on
            yet: one does not compile, more code is still being changed, or they are
            on hold.
        """
        if not self._found or self._faults or self.is_unsettled or self.is_on_hold:
            return None
        noticed_at = min(found.noticed_at for found in self._found.values())
        changes = self._changes()
        self._accept(self._found)
        return ChangeBatch(changes=changes, noticed_at=noticed_at)

    def _changes(self) -> tuple[Change, ...]:
        return tuple(self._found[path].change for path in sorted(self._found))

    def begin_program(self) -> None:
        """A new program is about to run: it has all that was noticed and not handed out."""
        self._accept(self._found, keep=self.own)
        self._faults.clear()
        self._accept(self._doubtful, keep=self.own)

    def _accept(
        self,
        differences: dict[str, _Found] | dict[str, _Doubtful],
        *,
        keep: frozenset[str] = frozenset(),
    ) -> None:
        for path in differences.keys() - keep:
            self._snapshot.accept(path, differences.pop(path).stamp)

    def _compare_if_in_reach(
        self, path: str, noticed_at: float, now: float, *, is_being_written: bool
    ) -> None:
        """Compare a file now, or when its file system answers."""
        try:
            self._compare_one(path, noticed_at, now, is_being_written=is_being_written)
        except OutOfReachError:
            due = now + OUT_OF_REACH_SECONDS
            self._out_of_reach[path] = _OutOfReach(noticed_at=noticed_at, due=due)

    def _compare_one(
        self, path: str, noticed_at: float, now: float, *, is_being_written: bool
    ) -> None:
        before = self._doubtful.pop(path, None)
        expected = self._snapshot.expected_stamp(path)
        stamp = self._disk.appeared(path) if expected is None else self._disk.stamp_of(path)
        judgement = self._snapshot.judge(path, stamp)
        if judgement not in CHANGES and judgement is not Judgement.NEEDS_DIGEST:
            self._retract(path)
            return
        if (found := self._found.get(path)) is not None and found.stamp == stamp:
            return
        if before is None or before.stamp != stamp:
            before = _Doubtful(
                stamp=stamp,
                since=now,
                due=now,
                noticed_at=noticed_at,
                is_being_written=is_being_written,
            )
        doubt = self._doubt(path, stamp, expected, is_being_written=is_being_written)
        wait = before.since + patience_seconds(doubt) - now
        if wait > 0:
            due = now + min(wait, WRITER_LOOK_SECONDS if doubt is Doubt.WRITER else wait)
            self._doubtful[path] = attrs.evolve(before, due=due, is_being_written=is_being_written)
            return
        if judgement is Judgement.NEEDS_DIGEST:
            assert stamp is not None
            self._compare_content(path, stamp, before, now)
        else:
            self._believe(path, CHANGES[judgement], stamp, before.noticed_at, now)

    def _doubt(
        self,
        path: str,
        stamp: Stamp | None,
        expected: Stamp | None,
        *,
        is_being_written: bool,
    ) -> Doubt:
        """Why a difference may not be what it will be."""
        if stamp is None:
            return Doubt.DELETED
        has_writer = self._disk.has_writer(path)
        if has_writer:
            return Doubt.WRITER
        if not stamp.size and expected is not None and expected.size:
            return Doubt.EMPTIED
        if has_writer is None:
            return Doubt.SAID_TO_BE_WRITTEN if is_being_written else Doubt.UNKNOWN_WRITER
        return Doubt.NONE

    def _compare_content(self, path: str, stamp: Stamp, before: _Doubtful, now: float) -> None:
        content = self._disk.digest_of(path)
        if content is not None and content[0] == stamp:
            judgement = self._snapshot.judge_content(path, stamp, content[1])
            kind = CHANGES.get(judgement)
            if kind is None:
                self._retract(path)
                self._within_tick[path] = now + tick_seconds(stamp)
            else:
                self._believe(path, kind, stamp, before.noticed_at, now)
        elif now - before.since < patience_seconds(Doubt.UNREADABLE):
            # It changed while it was read; or it may not be read, for the moment perhaps.
            due = now + WRITER_LOOK_SECONDS
            self._doubtful[path] = attrs.evolve(before, due=due, is_being_written=False)
        elif self._snapshot.has_content_times(path, stamp):
            self._retract(path)  # only the permission to read it went
        else:
            self._believe(path, ChangeKind.MODIFIED, stamp, before.noticed_at, now)

    def _compare_after_tick(self, path: str, now: float) -> None:
        """Judge the content once more whose stamp was young.

        File times advance in ticks: another save of the same size within the same
        tick leaves the same stamp, and would never be noticed.
        """
        stamp = self._disk.stamp_of(path)
        found = self._found.get(path)
        if found is not None and found.stamp == stamp:
            self._judge_source(path, found)
        elif stamp is not None and self._snapshot.knows_content(path, stamp):
            content = self._disk.digest_of(path)
            if content is not None and content[0] == stamp:
                kind = CHANGES.get(self._snapshot.judge_content(path, stamp, content[1]))
                if kind is not None:
                    self._believe(path, kind, stamp, now, now)
        elif path in self._snapshot:
            self._compare_one(path, now, now, is_being_written=False)

    def _believe(
        self, path: str, kind: ChangeKind, stamp: Stamp | None, noticed_at: float, now: float
    ) -> None:
        change = Change(path=path, kind=kind)
        found = self._found[path] = _Found(change=change, stamp=stamp, noticed_at=noticed_at)
        self._judge_source(path, found)
        if path in self._faults or (stamp is not None and stamp.has_whole_seconds):
            self._within_tick[path] = now + tick_seconds(stamp)

    def _judge_source(self, path: str, found: _Found) -> None:
        self._faults.pop(path, None)
        if found.stamp is not None and self._snapshot.is_source(path):
            try:
                fault = self._disk.fault_of(path)
            except OutOfReachError:
                # Not to be started without having been judged.
                del self._found[path]
                raise
            if fault is not None:
                self._faults[path] = fault

    def _retract(self, path: str) -> None:
        """It is as the program has it: whatever was believed of it is over."""
        self._found.pop(path, None)
        self._faults.pop(path, None)
