"""What the inspector has to say to the supervisor's loop, and when it says it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import Change, ChangeBatch
    from reloader_core.policy.comparison import Comparison, Fault

#: Version control is done sooner than this, mostly: nothing is said of its lock before.
_LOCK_IS_LONG_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class DiskChanged:
    """Confirmed: the disk differs from what the program runs.

    :ivar generation: which program, counted as in :class:`~reloader_core.model.Child`.
    :ivar confirmed_at: monotonic seconds.
    """

    batch: ChangeBatch
    generation: int
    confirmed_at: float


@attrs.frozen(kw_only=True)
class ChangesHeld:
    """Confirmed, but not to be acted on while something does not compile.

    :ivar paths: what changed.
    :ivar faults: what is wrong; none when it was undone.
    """

    paths: tuple[str, ...]
    faults: tuple[Fault, ...]


@attrs.frozen(kw_only=True)
class ChangesOnHold:
    """Confirmed, but somebody wants nothing done for now.

    :ivar changes: all that waits; none when it was undone.
    """

    changes: tuple[Change, ...]


@attrs.frozen(kw_only=True)
class Unsettled:
    """Whether code is half done on disk: a writer is at it, or version control."""

    is_unsettled: bool


@attrs.frozen(kw_only=True)
class Verified:
    """All files were compared because a program had ended; what differs was said before.

    :ivar can_start: nothing was found that does not compile or is on hold.
    """

    can_start: bool


@attrs.frozen(kw_only=True)
class Checked:
    """All files were compared because somebody asked; what differs was said before.

    :ivar token: of the question.
    :ivar faults: what does not compile, and keeps all changes from being acted on.
    """

    token: int
    faults: tuple[Fault, ...]


@attrs.frozen(kw_only=True)
class LockWaitedFor:
    """Version control takes its time.

    :ivar path: its lock.
    :ivar is_abandoned: it was waited for in vain.
    """

    path: str
    is_abandoned: bool


@attrs.frozen(kw_only=True)
class InspectorFailed:
    """The inspector met an error nobody expected, and is over."""

    error: BaseException


Answer: TypeAlias = (
    DiskChanged
    | ChangesHeld
    | ChangesOnHold
    | Unsettled
    | Verified
    | Checked
    | LockWaitedFor
    | InspectorFailed
)


class Answers:
    """Says each thing once.

    :param comparison: has what there is to say.
    :param post: takes it.
    """

    def __init__(self, comparison: Comparison, post: Callable[[Answer], None]) -> None:
        self._comparison = comparison
        self._post = post
        self._faults: tuple[Fault, ...] = ()
        self._on_hold: tuple[Change, ...] = ()
        self._is_unsettled = False
        self._is_verifying = False
        self._checks: list[int] = []
        self._generation = 0
        self._locks: dict[str, float] = {}
        self._told_locks: set[tuple[str, bool]] = set()

    def begin_program(self, generation: int) -> None:
        """A new program is about to run: what it makes of a fault is its own to say."""
        self._faults = ()
        self._on_hold = ()
        self._generation = generation
        self._is_verifying = False

    def verify(self) -> None:
        """Say so when all that was compared is settled and said."""
        self._is_verifying = True

    def check(self, token: int) -> None:
        """Likewise, for somebody who asks."""
        self._checks.append(token)

    def give(self) -> ChangeBatch | None:
        """Say what is new.

        :returns: the changes that were said, if any.
        """
        batch = self._comparison.take()
        if batch is not None:
            now = time.monotonic()
            self._post(DiskChanged(batch=batch, generation=self._generation, confirmed_at=now))
        faults = self._comparison.faults
        if faults != self._faults:
            self._faults = faults
            if batch is None:  # which would speak for itself
                self._post(ChangesHeld(paths=self._comparison.held_paths, faults=faults))
        on_hold = self._comparison.held_changes
        if on_hold != self._on_hold:
            self._on_hold = on_hold
            if batch is None and not faults:  # which would speak for themselves
                self._post(ChangesOnHold(changes=on_hold))
        if self._comparison.is_unsettled != self._is_unsettled:
            self._is_unsettled = self._comparison.is_unsettled
            self._post(Unsettled(is_unsettled=self._is_unsettled))
        if self._is_verifying and not self._is_unsettled:
            self._is_verifying = False
            self._post(Verified(can_start=not (faults or on_hold)))
        if not self._is_unsettled:
            for token in self._checks:
                self._post(Checked(token=token, faults=faults))
            self._checks.clear()
        self._tell_of_locks(time.monotonic())
        return batch

    def _tell_of_locks(self, now: float) -> None:
        waited_for = {lock.path for lock in self._comparison.parking.locks}
        abandoned = {lock.path for lock in self._comparison.parking.abandoned_locks}
        if not (waited_for or abandoned or self._locks):
            return
        self._locks = {path: self._locks.get(path, now) for path in waited_for}
        is_long = {path for path, at in self._locks.items() if now - at > _LOCK_IS_LONG_SECONDS}
        now_told = {(path, False) for path in is_long} | {(path, True) for path in abandoned}
        for path, is_abandoned in sorted(now_told - self._told_locks):
            self._post(LockWaitedFor(path=path, is_abandoned=is_abandoned))
        self._told_locks = now_told
