"""Holding files against the snapshot: from "may have changed" to a confirmed change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Change, ChangeBatch, Stamp
from reloader_core.policy.settle import WRITING_RECHECK_SECONDS, recheck_seconds
from reloader_core.policy.snapshot import CHANGES, Judgement, Snapshot
from reloader_core.supervisor.watch.files import appeared, digest_of, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen(kw_only=True)
class _Recheck:
    due: float
    noticed_at: float


class Comparison:
    """Compares, and gathers what turned out to be changed.

    :param snapshot: what the program runs; shared with the caller.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._rechecks: dict[str, _Recheck] = {}
        self._found: dict[str, Change] = {}
        self._noticed_at = 0.0

    def compare(
        self, paths: Iterable[str], noticed_at: float, *, is_being_written: bool = False
    ) -> None:
        """Compare files now, or soon if a writer is still at them.

        :param paths: which files.
        :param noticed_at: when they came to notice, monotonic seconds.
        :param is_being_written: a writer has them open.
        """
        for path in paths:
            if path not in self._snapshot:
                continue
            if is_being_written:
                self._look_again(path, noticed_at, WRITING_RECHECK_SECONDS)
            else:
                self._compare_one(path, noticed_at, is_recheck=False)

    def compare_due(self, now: float) -> None:
        """Compare the files whose second look is due."""
        for path, recheck in list(self._rechecks.items()):
            if recheck.due <= now:
                del self._rechecks[path]
                self._compare_one(path, recheck.noticed_at, is_recheck=True)

    @property
    def next_due(self) -> float | None:
        """When the next second look is due, monotonic seconds."""
        return min((recheck.due for recheck in self._rechecks.values()), default=None)

    def take(self) -> ChangeBatch | None:
        """The confirmed changes since the last call, ``None`` if there are none."""
        if not self._found:
            return None
        changes = tuple(self._found[path] for path in sorted(self._found))
        self._found.clear()
        return ChangeBatch(changes=changes, noticed_at=self._noticed_at)

    def _compare_one(self, path: str, noticed_at: float, *, is_recheck: bool) -> None:
        judgement, stamp = self._judge(path)
        kind = CHANGES.get(judgement)
        if kind is None:
            self._rechecks.pop(path, None)
            if judgement is Judgement.NEEDS_DIGEST:  # it changed while it was read
                self._look_again(path, noticed_at, WRITING_RECHECK_SECONDS)
            return
        expected = self._snapshot.expected_stamp(path)
        is_emptied = bool(stamp and not stamp.size and expected and expected.size)
        wait = recheck_seconds(kind, is_being_written=False, is_emptied=is_emptied)
        if wait and not is_recheck:
            self._look_again(path, noticed_at, wait)
            return
        self._rechecks.pop(path, None)
        self._snapshot.accept(path, stamp)
        if not self._found:
            self._noticed_at = noticed_at
        self._found[path] = Change(path=path, kind=kind)

    def _judge(self, path: str) -> tuple[Judgement, Stamp | None]:
        is_absent = self._snapshot.expected_stamp(path) is None
        stamp = appeared(path) if is_absent else stamp_of(path)
        judgement = self._snapshot.judge(path, stamp)
        if judgement is not Judgement.NEEDS_DIGEST:
            return judgement, stamp
        content = digest_of(path)
        if content is None:
            return judgement, stamp
        stamp, digest = content
        return self._snapshot.judge_content(path, stamp, digest), stamp

    def _look_again(self, path: str, noticed_at: float, seconds: float) -> None:
        known = self._rechecks.get(path)
        first = noticed_at if known is None else known.noticed_at
        self._rechecks[path] = _Recheck(due=time.monotonic() + seconds, noticed_at=first)
