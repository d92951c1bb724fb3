"""How the verdicts of several plugins become one decision, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from reloader_core.model import ChangeBatch, Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_STRENGTH = {Decision.RELOAD: 1, Decision.DEFER: 2, Decision.VETO: 3}


@attrs.frozen(kw_only=True)
class Outcome:
    """What happens to a batch.

    :ivar decision: for the batch as a whole: a restart if any change needs
        one, else a deferral if any is deferred, else a veto.
    :ivar reasons: what plugins said in favour of the decision, by plugin name.
    :ivar defer_seconds: with a deferral, when to ask again.
    """

    decision: Decision
    reasons: tuple[tuple[str, str], ...] = ()
    defer_seconds: float = 0.0


def combine(batch: ChangeBatch, verdicts: Iterable[tuple[str, Verdict]]) -> Outcome:
    """Combine what the plugins said of a batch.

    For each path a veto beats a deferral, which beats a reload. A path nobody
    spoke of is reloaded.

    :param batch: the changes.
    :param verdicts: plugin names and their verdicts, in any order.
    :returns: the outcome; it does not depend on the order.
    """
    known = sorted(verdicts, key=lambda item: (item[0], item[1].reason))
    decisions = {_decision_on(path, known) for path in batch.paths}
    if Decision.RELOAD in decisions:
        decision = Decision.RELOAD
    elif Decision.DEFER in decisions:
        decision = Decision.DEFER
    else:
        decision = Decision.VETO
    said = [(name, verdict) for name, verdict in known if verdict.decision is decision]
    waits = [verdict.seconds for _, verdict in said if decision is Decision.DEFER]
    return Outcome(
        decision=decision,
        reasons=tuple((name, verdict.reason) for name, verdict in said),
        defer_seconds=max(waits, default=0.0),
    )


def _decision_on(path: str, verdicts: list[tuple[str, Verdict]]) -> Decision:
    spoken = [
        verdict.decision
        for _, verdict in verdicts
        if verdict.paths is None or path in verdict.paths
    ]
    return max(spoken, key=_STRENGTH.__getitem__, default=Decision.RELOAD)
