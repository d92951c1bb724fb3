"""From confirmed changes to what is done about them, with the plugins' say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import ChangeBatch, Decision
from reloader_core.notices import Level
from reloader_core.policy.verdicts import combine
from reloader_core.supervisor.messages import Tell, describe_changes

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.hooks import Hooks


@attrs.frozen(kw_only=True)
class AskAgain:
    """Changes that a plugin wanted put off are due."""


class Decisions:
    """Asks the plugins about changes and tells the user what came of it.

    :param root: paths below it are shown relative to it.
    :param reload: called when a restart is wanted, with what was said in favour.
    """

    def __init__(
        self,
        *,
        hooks: Hooks,
        channel: Channel,
        root: str,
        tell: Tell,
        reload: Callable[[ChangeBatch, str], None],
    ) -> None:
        self._hooks = hooks
        self._channel = channel
        self._root = root
        self._tell = tell
        self._reload = reload
        self._deferred: ChangeBatch | None = None

    @property
    def has_put_off(self) -> bool:
        """Whether a plugin wanted changes put off that are still to be decided about."""
        return self._deferred is not None

    def ask_again(self) -> None:
        """Decide about the changes that were put off."""
        batch, self._deferred = self._deferred, None
        if batch is not None:
            self.decide(batch)

    def decide(self, batch: ChangeBatch) -> None:
        """Decide about changes, together with those that were put off before."""
        batch = _join(self._deferred, batch)
        self._deferred = None
        self._channel.forget(AskAgain)
        what = describe_changes(batch.changes, self._root)
        verdicts = self._hooks.verdicts(batch)
        if self._channel.is_quitting:
            # Not everybody was asked, and nothing is started any more.
            self._deferred = batch
            return
        outcome = combine(batch, verdicts)
        said = "; ".join(f"{reason} ({name})" for name, reason in outcome.reasons)
        match outcome.decision:
            case Decision.VETO:
                self._tell(Level.INFO, "vetoed", f"{what}: not restarted: {said}")
            case Decision.DEFER:
                self._deferred = batch
                due = time.monotonic() + outcome.defer_seconds
                self._channel.remind(AskAgain(), due)
                self._tell(Level.INFO, "deferred", f"{what}: restart put off: {said}")
            case Decision.RELOAD:
                self._reload(batch, said)


def _join(first: ChangeBatch | None, second: ChangeBatch) -> ChangeBatch:
    if first is None:
        return second
    changes = {change.path: change for change in (*first.changes, *second.changes)}
    return ChangeBatch(
        changes=tuple(changes[path] for path in sorted(changes)), noticed_at=first.noticed_at
    )
