"""Why a restart is under way, and when its stages were reached."""

from __future__ import annotations

import attrs

from reloader_core.model import Change, ChangeBatch, ChangeKind, Child, ReloadReport
from reloader_core.supervisor.messages import describe_changes


@attrs.frozen(kw_only=True)
class RestartAsked:
    """Somebody wants the program restarted, whatever has changed.

    :ivar why: shown to the user: "Enter was pressed".
    """

    why: str


@attrs.define(kw_only=True)
class Cause:
    """What led to a restart, gathered until the new program runs.

    :ivar noticed_at: the first hint, monotonic seconds, as the other two.
    :ivar decided_at: the decision to restart.
    :ivar stopped_at: the end of the old program; the decision if there was none.
    :ivar said: what plugins said in favour, or who asked for it.
    """

    noticed_at: float
    decided_at: float
    stopped_at: float
    said: str = ""
    _changes: dict[str, Change] = attrs.field(factory=dict, init=False)

    def add(self, batch: ChangeBatch) -> None:
        """More changes that the same restart is for."""
        for change in batch.changes:
            known = self._changes.get(change.path)
            # A file that is filled right after it was made was created, for people.
            is_filled = (
                known is not None
                and known.kind is ChangeKind.CREATED
                and change.kind is ChangeKind.MODIFIED
            )
            if not is_filled:
                self._changes[change.path] = change

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, ordered by path."""
        return tuple(self._changes[path] for path in sorted(self._changes))

    def report(self, child: Child, *, now: float, root: str) -> ReloadReport:
        """The finished restart.

        :param child: the new program.
        :param now: when it began to run.
        :param root: paths below it are shown relative to it.
        """
        reasons = [describe_changes(self.changes, root)] if self.changes else []
        return ReloadReport(
            child=child,
            changes=self.changes,
            reason=", ".join([*reasons, self.said] if self.said else reasons),
            noticed_seconds=self.decided_at - self.noticed_at,
            stopped_seconds=self.stopped_at - self.decided_at,
            started_seconds=now - self.stopped_at,
        )
