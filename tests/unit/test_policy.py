"""Settling, backing off and combining verdicts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reloader_core.model import Change, ChangeBatch, ChangeKind, Decision, Verdict
from reloader_core.policy import backoff, settle
from reloader_core.policy.verdicts import combine


def batch_of(*paths: str) -> ChangeBatch:
    changes = tuple(Change(path=path, kind=ChangeKind.MODIFIED) for path in sorted(paths))
    return ChangeBatch(changes=changes, noticed_at=0.0)


def say(decision: Decision, *paths: str, seconds: float = 1.0) -> Verdict:
    return Verdict(decision=decision, reason=decision.value, paths=paths or None, seconds=seconds)


A = frozenset("a")


def test_a_lone_change_hardly_waits() -> None:
    assert settle.Burst.begin(1.0).quiet_at == 1.0 + settle.LONE_QUIET_SECONDS


def test_the_second_change_makes_a_burst() -> None:
    burst = settle.Burst.begin(1.0, A).grow(1.1, A)
    assert burst.quiet_at == 1.1 + settle.BURST_QUIET_SECONDS


def test_several_files_at_once_are_a_burst() -> None:
    assert settle.Burst.begin(1.0, frozenset("ab")).quiet_at == 1.0 + settle.BURST_QUIET_SECONDS
    assert settle.Burst.begin(1.0, frozenset("a")).quiet_at == 1.0 + settle.LONE_QUIET_SECONDS


def test_a_burst_without_end_is_acted_on() -> None:
    burst = settle.Burst.begin(0.0, A)
    for tick in range(1000):
        burst = burst.grow(tick * 0.1, A)
    assert burst.quiet_at == settle.LONGEST_BURST_SECONDS


def test_a_change_long_after_a_burst_stands_alone() -> None:
    earlier = settle.Burst.begin(0.0, A)
    assert settle.Burst.after(earlier, 60.0, A).count == 1
    assert settle.Burst.after(None, 60.0, A).count == 1
    assert settle.Burst.after(earlier, 0.1, A).count == 2
    assert settle.Burst.after(earlier, 1.0, A, since=0.9).count == 2


def test_who_asks_for_a_restart_does_not_wait_for_quiet() -> None:
    earlier = settle.Burst.begin(0.0, A)
    asked = settle.Burst.after(earlier, 0.1)
    assert asked.quiet_at == 0.1 + settle.LONE_QUIET_SECONDS
    assert asked.grow(0.105).quiet_at == 0.1 + settle.LONE_QUIET_SECONDS
    assert asked.grow(0.105, A).quiet_at == 0.105 + settle.BURST_QUIET_SECONDS


def test_a_slow_writer_of_many_files_is_waited_for_by_its_own_pace() -> None:
    burst = settle.Burst.begin(0.0, frozenset("a"))
    burst = burst.grow(0.3, frozenset("b"))
    assert burst.quiet_at == pytest.approx(0.3 + 0.3 * settle.PACE_FACTOR)
    burst = burst.grow(1.3, frozenset("c"))
    assert burst.quiet_at == pytest.approx(1.3 + settle.LONGEST_QUIET_SECONDS)


def test_one_file_saved_again_and_again_says_nothing_about_a_pace() -> None:
    burst = settle.Burst.begin(0.0, frozenset("a")).grow(0.4, frozenset("a"))
    assert burst.quiet_at == pytest.approx(0.4 + settle.BURST_QUIET_SECONDS)


def test_a_pace_is_kept_over_a_start() -> None:
    earlier = settle.Burst.begin(0.0, frozenset("a"))
    burst = settle.Burst.after(earlier, 0.4, frozenset("b"))
    assert burst.quiet_at == pytest.approx(0.4 + 0.4 * settle.PACE_FACTOR)


def test_a_held_burst_is_not_over_before() -> None:
    burst = settle.Burst.begin(0.0).hold(7.0)
    assert burst.quiet_at == 7.0
    assert burst.hold(0.0).quiet_at == settle.LONE_QUIET_SECONDS


def test_every_doubt_has_a_patience() -> None:
    for doubt in settle.Doubt:
        assert (settle.patience_seconds(doubt) > 0.0) == (doubt is not settle.Doubt.NONE)


def test_quick_restarts_are_delayed_more_and_more_and_then_refused() -> None:
    delays = [backoff.restart_delay(count) for count in range(5)]
    assert delays == [0.0, 0.5, 1.0, None, None]
    assert backoff.is_quick(0.1)
    assert not backoff.is_quick(60.0)


def test_without_an_opinion_the_program_is_restarted() -> None:
    assert combine(batch_of("a"), []).decision is Decision.RELOAD


def test_a_veto_beats_a_deferral_beats_a_reload() -> None:
    everybody = [("v", say(Decision.VETO)), ("d", say(Decision.DEFER)), ("r", say(Decision.RELOAD))]
    assert combine(batch_of("a"), everybody).decision is Decision.VETO
    assert combine(batch_of("a"), everybody[1:]).decision is Decision.DEFER
    assert combine(batch_of("a"), everybody[2:]).decision is Decision.RELOAD


def test_a_veto_of_one_file_does_not_hide_the_change_of_another() -> None:
    outcome = combine(batch_of("a.py", "b.html"), [("templates", say(Decision.VETO, "b.html"))])
    assert outcome.decision is Decision.RELOAD


def test_a_deferral_waits_for_the_longest() -> None:
    said = [("a", say(Decision.DEFER, seconds=0.5)), ("b", say(Decision.DEFER, seconds=2.0))]
    assert combine(batch_of("a"), said).defer_seconds == 2.0


def test_the_reasons_are_those_of_the_decision() -> None:
    said = [("x", say(Decision.RELOAD)), ("y", say(Decision.VETO))]
    assert combine(batch_of("a"), said).reasons == (("y", "veto"),)


verdicts = st.builds(
    Verdict,
    decision=st.sampled_from(Decision),
    reason=st.sampled_from(["one", "two"]),
    paths=st.one_of(st.none(), st.frozensets(st.sampled_from("abc"))),
    seconds=st.sampled_from([0.5, 1.0]),
)


@given(st.lists(st.tuples(st.sampled_from("pqr"), verdicts), max_size=4))
def test_the_outcome_does_not_depend_on_the_order_of_plugins(
    said: list[tuple[str, Verdict]],
) -> None:
    outcomes = {
        (outcome.decision, outcome.defer_seconds)
        for order in itertools.permutations(said)
        for outcome in [combine(batch_of("a", "b", "c"), order)]
    }
    assert len(outcomes) == 1
