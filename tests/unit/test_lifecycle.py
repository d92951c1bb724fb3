"""The life of the program: the table's rows, and two promises for any order of events."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reloader_core.policy import lifecycle as lc
from reloader_core.policy.settle import BURST_QUIET_SECONDS, LONE_QUIET_SECONDS

GRACE = 5.0


def reload_wanted(now: float = 10.0) -> lc.ReloadWanted:
    return lc.ReloadWanted(now=now, grace_seconds=GRACE, paths=frozenset({"a.py"}))


def quit_wanted(now: float = 10.0, *, was_delivered: bool = False) -> lc.QuitWanted:
    return lc.QuitWanted(now=now, grace_seconds=GRACE, exit_code=143, was_delivered=was_delivered)


def exited(code: int, now: float = 10.0, *, has_crashed: bool = False, pid: int = 1) -> lc.Exited:
    return lc.Exited(pid=pid, now=now, returncode=code, has_crashed=has_crashed)


def running(since: float = 0.0, starts: int = 1, quick_restarts: int = 0) -> lc.Running:
    return lc.Running(pid=1, since=since, starts=starts, quick_restarts=quick_restarts)


def after(state: lc.State, *events: lc.Event) -> tuple[lc.State, list[lc.Effect]]:
    """The state after several events, and all their effects."""
    done: list[lc.Effect] = []
    for event in events:
        state, effects = lc.step(state, event)
        done += effects
    return state, done


def test_beginning_spawns_the_program() -> None:
    state, effects = after(lc.Idle(), lc.Begin(), lc.Spawned(pid=1, now=0.0))
    assert state == running()
    assert effects == [lc.Spawn()]


def test_a_change_stops_the_program_and_gets_the_next_one_ready() -> None:
    state, effects = after(running(), reload_wanted(10.0))
    assert isinstance(state, lc.Stopping)
    assert effects == [lc.Terminate(pid=1), lc.Prepare()]
    assert lc.deadline(state) == 10.0 + GRACE


def test_the_next_program_starts_when_the_old_one_is_gone() -> None:
    state, effects = after(running(), reload_wanted(10.0), exited(-15, 10.1))
    assert isinstance(state, lc.Starting)
    assert effects[-1] == lc.Spawn()


def test_a_program_gone_at_once_is_followed_after_a_short_quiet() -> None:
    state, effects = after(running(), reload_wanted(10.0), exited(-15, 10.0))
    assert isinstance(state, lc.Settling)
    assert lc.deadline(state) == 10.0 + LONE_QUIET_SECONDS
    state, effects = after(state, lc.TimePassed(now=10.0 + LONE_QUIET_SECONDS))
    assert effects == [lc.Spawn()]


def test_a_burst_is_waited_for_and_leads_to_one_start() -> None:
    state, _effects = after(
        running(), reload_wanted(10.0), exited(-15, 10.005), reload_wanted(10.006)
    )
    assert lc.deadline(state) == 10.006 + BURST_QUIET_SECONDS
    state, more = after(state, lc.TimePassed(now=10.05), reload_wanted(10.1))
    assert more == []
    state, more = after(state, lc.TimePassed(now=10.1 + BURST_QUIET_SECONDS))
    assert more == [lc.Spawn()]


def test_a_change_right_after_the_start_belongs_to_the_burst_before() -> None:
    state, _ = after(running(), reload_wanted(10.0), exited(-15, 10.1), lc.Spawned(pid=1, now=10.1))
    state, _ = after(state, reload_wanted(10.2), exited(-15, 10.21))
    assert lc.deadline(state) == 10.2 + BURST_QUIET_SECONDS


def test_nothing_starts_while_more_changes_are_expected() -> None:
    state, _ = after(running(), reload_wanted(10.0), lc.ChangesExpected(until=20.0))
    state, effects = after(state, exited(-15, 10.1), lc.TimePassed(now=11.0))
    assert isinstance(state, lc.Settling)
    assert effects == []
    state, effects = after(state, lc.ChangesExpected(until=11.0), lc.TimePassed(now=11.0))
    assert effects == [lc.Spawn()]


def test_a_program_that_runs_is_left_alone_while_changes_are_expected() -> None:
    assert after(running(), lc.ChangesExpected(until=20.0)) == (running(), [])
    with pytest.raises(lc.IllegalEventError):
        lc.step(lc.Ended(exit_code=0), lc.ChangesExpected(until=20.0))


def test_a_stubborn_program_is_killed_when_its_grace_is_over() -> None:
    state, effects = after(running(), reload_wanted(10.0), lc.TimePassed(now=14.9))
    assert lc.Kill(pid=1) not in effects
    state, effects = after(state, lc.TimePassed(now=15.0))
    assert effects == [lc.Kill(pid=1)]
    state, effects = after(state, lc.TimePassed(now=16.0), exited(-9, 16.0))
    assert effects == [lc.Spawn()]


@pytest.mark.parametrize("code", [0, 1, 7])
def test_a_program_that_ends_by_itself_ends_the_supervisor_with_its_code(code: int) -> None:
    assert after(running(), exited(code)) == (lc.Ended(exit_code=code), [])


def test_an_uncaught_exception_waits_for_a_change() -> None:
    state, effects = after(running(), exited(1, has_crashed=True))
    assert state == lc.Waiting(starts=1)
    assert effects == [lc.AwaitChange()]


def test_a_signal_that_ends_the_program_waits_for_a_change() -> None:
    state, _ = after(running(), exited(-11))
    assert state == lc.Waiting(starts=1)


@pytest.mark.parametrize("starts", [1, 2])
def test_a_program_that_somebody_else_ends_ends_the_supervisor_as_a_shell_would(
    starts: int,
) -> None:
    told = lc.Exited(pid=1, now=10.0, returncode=-15, has_crashed=False, was_told_to=True)
    assert after(running(starts=starts), told) == (lc.Ended(exit_code=143), [])


def test_a_program_that_was_ended_by_mistake_is_started_again() -> None:
    mistaken = lc.Exited(pid=1, now=60.0, returncode=-9, has_crashed=False, is_to_go_on=True)
    assert after(running(), mistaken) == (lc.Starting(starts=1), [lc.Spawn()])


def test_a_failure_after_an_edit_never_ends_the_supervisor() -> None:
    state, _ = after(running(starts=2), exited(2))
    assert state == lc.Waiting(starts=2)


def test_success_after_an_edit_ends_the_supervisor_if_it_was_the_code_on_disk() -> None:
    state, effects = after(running(starts=2), exited(0, 10.0))
    assert effects == [lc.Verify()]
    assert lc.deadline(state) == 10.0 + lc.LONGEST_CHECK_SECONDS
    assert after(state, lc.TimePassed(now=11.0)) == (state, [])
    assert after(state, lc.Verified(can_start=True)) == (lc.Ended(exit_code=0), [])
    assert after(state, lc.TimePassed(now=20.0)) == (lc.Ended(exit_code=0), [])
    assert after(state, quit_wanted()) == (lc.Ended(exit_code=143), [])


def test_a_program_that_ran_something_else_than_what_is_on_disk_has_not_ended_well() -> None:
    state, _ = after(running(starts=2), exited(0))
    again, effects = after(state, reload_wanted(10.0), lc.Verified(can_start=True))
    assert isinstance(again, lc.Settling)
    assert effects == [lc.Prepare()]
    waiting, effects = after(state, lc.Verified(can_start=False))
    assert waiting == lc.Waiting(starts=2)
    assert effects == [lc.AwaitChange()]


def test_nobody_has_anything_to_verify_when_it_is_over() -> None:
    with pytest.raises(lc.IllegalEventError):
        lc.step(lc.Ended(exit_code=0), lc.Verified(can_start=True))


def test_a_change_ends_the_waiting() -> None:
    state, effects = after(lc.Waiting(starts=1), reload_wanted(10.0))
    assert effects == [lc.Prepare()]
    state, effects = after(state, lc.TimePassed(now=10.0 + LONE_QUIET_SECONDS))
    assert effects == [lc.Spawn()]


def test_exit_code_3_starts_the_program_again_at_once() -> None:
    state, effects = after(running(since=0.0), exited(3, 60.0))
    assert state == lc.Starting(starts=1)
    assert effects == [lc.Spawn()]


def test_a_program_that_asks_too_often_is_delayed_and_then_left_alone() -> None:
    state: lc.State = running(since=0.0)
    state, effects = after(state, exited(3, 0.1))
    assert effects == [lc.Spawn()]
    state, effects = after(state, lc.Spawned(pid=1, now=0.1), exited(3, 0.2))
    assert isinstance(state, lc.Delaying)
    assert lc.deadline(state) == pytest.approx(0.7)
    assert after(state, lc.TimePassed(now=0.5)) == (state, [])
    state, effects = after(state, lc.TimePassed(now=0.7))
    assert effects == [lc.Spawn()]
    state, _ = after(state, lc.Spawned(pid=1, now=0.7), exited(3, 0.8))
    state, _ = after(state, lc.TimePassed(now=2.0), lc.Spawned(pid=1, now=2.0))
    state, effects = after(state, exited(3, 2.1))
    assert isinstance(state, lc.Waiting)
    assert effects == [lc.AwaitChange()]


def test_a_change_ends_a_delay() -> None:
    delaying = lc.Delaying(starts=1, quick_restarts=2, until=99.0)
    state, _effects = after(delaying, reload_wanted(10.0))
    assert isinstance(state, lc.Settling)


def test_quitting_asks_the_program_and_exits_with_the_signals_code() -> None:
    state, effects = after(running(), quit_wanted())
    assert effects == [lc.Terminate(pid=1)]
    assert after(state, exited(0)) == (lc.Ended(exit_code=143), [])


def test_ctrl_c_that_the_program_heard_is_not_followed_by_a_second_signal_at_once() -> None:
    state, effects = after(running(), quit_wanted(10.0, was_delivered=True))
    assert effects == []
    assert lc.deadline(state) == 10.0 + GRACE / 2
    state, effects = after(state, lc.TimePassed(now=10.0 + GRACE / 2))
    assert effects == [lc.Terminate(pid=1)]
    assert lc.deadline(state) == 10.0 + GRACE
    state, effects = after(state, lc.TimePassed(now=10.0 + GRACE))
    assert effects == [lc.Kill(pid=1)]
    assert lc.deadline(state) is None


def test_a_second_request_to_quit_does_not_wait() -> None:
    _state, effects = after(running(), quit_wanted(10.0), quit_wanted(10.1))
    assert effects == [lc.Terminate(pid=1), lc.Kill(pid=1, was_asked_twice=True)]


def anew(now: float = 10.0) -> lc.QuitWanted:
    return lc.QuitWanted(now=now, grace_seconds=GRACE, exit_code=None, was_delivered=False)


def test_a_supervisor_that_is_set_up_anew_ends_without_an_exit_code() -> None:
    state, effects = after(running(), anew(), anew(), exited(-15))
    assert (state, effects) == (lc.Ended(exit_code=None), [lc.Terminate(pid=1)])


def test_quitting_wins_over_setting_up_anew_and_is_no_second_time() -> None:
    state, effects = after(running(), anew(), quit_wanted(), anew(), exited(-15))
    assert (state, effects) == (lc.Ended(exit_code=143), [lc.Terminate(pid=1)])
    state, _ = after(lc.Starting(), quit_wanted(), anew(), lc.Spawned(pid=1, now=10.0))
    assert isinstance(state, lc.Quitting)
    assert state.exit_code == 143


def test_what_was_set_up_anew_counts_the_starts_before() -> None:
    assert after(lc.Idle(), lc.Begin(starts=4)) == (lc.Starting(starts=4), [lc.Spawn()])


def test_quitting_wins_over_restarting() -> None:
    state, _effects = after(running(), reload_wanted(10.0), quit_wanted(10.1))
    state, more = after(state, reload_wanted(10.2), exited(-15, 10.3))
    assert state == lc.Ended(exit_code=143)
    assert lc.Spawn() not in more


@pytest.mark.parametrize(
    "state", [lc.Idle(), lc.Waiting(starts=1), lc.Delaying(starts=1, quick_restarts=1, until=1.0)]
)
def test_quitting_with_no_program_ends_at_once(state: lc.State) -> None:
    assert after(state, quit_wanted())[0] == lc.Ended(exit_code=143)


def test_a_change_while_starting_is_kept_for_one_further_restart() -> None:
    state, effects = after(
        lc.Starting(starts=1), reload_wanted(10.0), reload_wanted(10.1), lc.Spawned(pid=1, now=10.2)
    )
    assert isinstance(state, lc.Stopping)
    assert effects == [lc.Terminate(pid=1), lc.Prepare()]


def test_a_request_to_quit_while_starting_is_kept() -> None:
    state, _effects = after(
        lc.Starting(), reload_wanted(10.0), quit_wanted(10.1), lc.Spawned(pid=1, now=10.2)
    )
    assert isinstance(state, lc.Quitting)


def test_a_program_that_cannot_be_started_waits_for_a_change() -> None:
    state, effects = after(lc.Starting(), lc.TimePassed(now=1.0), lc.SpawnFailed())
    assert state == lc.Waiting(starts=1)
    assert effects == [lc.AwaitChange()]


def test_a_change_before_the_first_start_needs_nothing() -> None:
    assert after(lc.Idle(), reload_wanted(), lc.TimePassed(now=0.0)) == (lc.Idle(), [])


@pytest.mark.parametrize(
    "state",
    [
        lc.Idle(),
        lc.Waiting(starts=1),
        lc.Quitting(pid=2, exit_code=1, terminate_at=None, kill_at=None),
        running(),
        after(running(), reload_wanted())[0],
        lc.Starting(),
        lc.Ended(exit_code=0),
    ],
)
def test_an_event_that_cannot_happen_raises(state: lc.State) -> None:
    with pytest.raises(lc.IllegalEventError):
        lc.step(state, exited(0, pid=99))


def test_nothing_happens_to_a_program_while_time_passes() -> None:
    for state in (
        running(),
        lc.Waiting(starts=1),
        lc.Quitting(pid=1, exit_code=1, terminate_at=None, kill_at=None),
    ):
        assert after(state, lc.TimePassed(now=1e9)) == (state, [])


def test_a_program_that_runs_is_not_waited_for() -> None:
    assert lc.deadline(running()) is None
    assert lc.deadline(lc.Waiting(starts=1)) is None


def live_pid(state: lc.State) -> int | None:
    """The pid of the program that is alive in a state, if any."""
    return getattr(state, "pid", None)


def test_only_a_live_program_has_a_pid() -> None:
    assert live_pid(running()) == 1
    assert live_pid(lc.Waiting(starts=1)) is None


class AnyLife(RuleBasedStateMachine):
    """Arbitrary interleavings of what can happen to a program."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state: lc.State = lc.Idle()
        self.alive: int | None = None
        self.is_spawning = False
        self.spawns = 0
        self.pids = 0
        self.send(lc.Begin())

    def send(self, event: lc.Event) -> None:
        self.state, effects = lc.step(self.state, event)
        for effect in effects:
            if isinstance(effect, lc.Spawn):
                assert self.alive is None, "two programs at a time"
                assert not self.is_spawning, "two starts at a time"
                self.is_spawning = True
                self.spawns += 1

    @rule(seconds=st.floats(0.0, 3.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        if not isinstance(self.state, lc.Ended):
            self.send(lc.TimePassed(now=self.now))

    @precondition(lambda self: not isinstance(self.state, lc.Ended))
    @rule()
    def change(self) -> None:
        self.send(reload_wanted(self.now))

    @precondition(lambda self: not isinstance(self.state, lc.Ended))
    @rule(seconds=st.floats(0.0, 3.0))
    def expect_changes(self, seconds: float) -> None:
        self.send(lc.ChangesExpected(until=self.now + seconds))

    @precondition(lambda self: not isinstance(self.state, lc.Ended))
    @rule(can_start=st.booleans())
    def verify(self, can_start: bool) -> None:
        self.send(lc.Verified(can_start=can_start))

    @precondition(lambda self: self.is_spawning)
    @rule(works=st.booleans())
    def finish_spawn(self, works: bool) -> None:
        self.is_spawning = False
        if works:
            self.pids += 1
            self.alive = self.pids
            self.send(lc.Spawned(pid=self.pids, now=self.now))
        else:
            self.send(lc.SpawnFailed())

    @precondition(lambda self: self.alive is not None)
    @rule(
        code=st.sampled_from([0, 1, 2, 3, -9, -15]),
        has_crashed=st.booleans(),
        is_to_go_on=st.booleans(),
    )
    def exit(self, code: int, has_crashed: bool, is_to_go_on: bool = False) -> None:
        pid, self.alive = self.alive, None
        assert pid is not None
        ended = exited(code, self.now, has_crashed=has_crashed, pid=pid)
        was_told_to = code == -15
        self.send(attrs.evolve(ended, was_told_to=was_told_to, is_to_go_on=is_to_go_on))

    @precondition(lambda self: not isinstance(self.state, lc.Ended))
    @rule(was_delivered=st.booleans())
    def quit(self, was_delivered: bool) -> None:
        self.send(quit_wanted(self.now, was_delivered=was_delivered))

    @precondition(lambda self: not isinstance(self.state, lc.Ended | lc.Quitting))
    @rule()
    def a_change_leads_to_exactly_one_further_start(self) -> None:
        """Whatever the state: after changes, let everything finish, and count the starts."""
        if isinstance(self.state, lc.Starting) and isinstance(self.state.pending, lc.QuitWanted):
            return
        if isinstance(self.state, lc.Idle):
            return
        before = self.spawns
        self.change()
        self.change()
        while not isinstance(self.state, lc.Running | lc.Ended):
            if self.is_spawning:
                self.finish_spawn(works=True)
            elif self.alive is not None:
                self.exit(code=-15, has_crashed=False)
            else:
                self.wait(6.0)
        assert self.spawns == before + 1

    @invariant()
    def the_state_knows_the_live_program(self) -> None:
        assert live_pid(self.state) == self.alive


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
