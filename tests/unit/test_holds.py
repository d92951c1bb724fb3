"""Holding changes: told once, released together."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from reloader_core.model import Change, ChangeKind
from reloader_core.supervisor.holds import Holds

if TYPE_CHECKING:
    from reloader_core.notices import Level
    from reloader_core.supervisor.watch.inspector import Inspector

CHANGES = (Change(path="/project/a.py", kind=ChangeKind.MODIFIED),)


class FakeInspector:
    def __init__(self) -> None:
        self.is_on_hold = False

    def hold(self, *, is_on_hold: bool) -> None:
        self.is_on_hold = is_on_hold


class Bench:
    def __init__(self) -> None:
        self.inspector = FakeInspector()
        self.said: list[str] = []

        def tell(level: Level, event: str, text: str, details: object = None, /) -> None:
            self.said.append(text)

        self.holds = Holds(cast("Inspector", self.inspector), root="/project", tell=tell)


def test_changes_are_on_hold_until_the_last_reason_is_gone() -> None:
    bench = Bench()
    bench.holds.add("pause", "somebody has paused it")
    bench.holds.add(7, "app.py is in a debugger")
    bench.holds.release("pause")
    assert bench.inspector.is_on_hold
    assert bench.holds.reasons == ("app.py is in a debugger",)
    bench.holds.release(7)
    assert not bench.inspector.is_on_hold


def test_what_is_held_is_told_with_the_reason() -> None:
    bench = Bench()
    bench.holds.add("pause", "somebody has paused it")
    bench.holds.tell_of(CHANGES)
    assert bench.said == ["a.py changed: not restarted while somebody has paused it"]
    assert bench.holds.changes == CHANGES
    bench.holds.tell_of(())
    assert bench.said[1:] == ["what changed was undone: nothing to restart"]


def test_nothing_is_told_after_the_release() -> None:
    bench = Bench()
    bench.holds.release("never added")
    bench.holds.tell_of(CHANGES)
    assert bench.said == []
