"""Reasons for which confirmed changes are not acted on for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.notices import Level
from reloader_core.supervisor.messages import Tell, describe_changes

if TYPE_CHECKING:
    from reloader_core.model import Change
    from reloader_core.supervisor.watch.inspector import Inspector


class Holds:
    """As long as there is a reason, changes wait; what is undone meanwhile is none.

    A restart that somebody asks for is not held: it has all the changes.

    :param inspector: keeps the changes.
    :param root: paths below it are shown relative to it.
    """

    def __init__(self, inspector: Inspector, *, root: str, tell: Tell) -> None:
        self._inspector = inspector
        self._root = root
        self._tell = tell
        self._reasons: dict[object, str] = {}
        self._changes: tuple[Change, ...] = ()

    def add(self, key: object, reason: str) -> None:
        """Hold changes back.

        :param key: whose reason it is, to be released by.
        :param reason: goes on after "not restarted while": "app.py is in a debugger".
        """
        if not self._reasons:
            self._inspector.hold(is_on_hold=True)
        self._reasons[key] = reason

    def release(self, key: object) -> None:
        """One reason less; without any, what has changed is acted on. Unknown keys are no error."""
        if self._reasons.pop(key, None) is not None and not self._reasons:
            self._inspector.hold(is_on_hold=False)
            self._changes = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why changes are held, the oldest reason first."""
        return tuple(self._reasons.values())

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is held, as far as it was found by now."""
        return self._changes

    def tell_of(self, changes: tuple[Change, ...]) -> None:
        """The inspector holds these, and no others.

        :param changes: none when all was undone.
        """
        if not self._reasons:
            return  # released meanwhile
        self._changes = changes
        if not changes:
            self._tell(Level.INFO, "undone", "what changed was undone: nothing to restart")
            return
        what = describe_changes(changes, self._root)
        why = " and ".join(self._reasons.values())
        details = {"paths": [change.path for change in changes], "reasons": list(self.reasons)}
        self._tell(Level.INFO, "on-hold", f"{what}: not restarted while {why}", details)
