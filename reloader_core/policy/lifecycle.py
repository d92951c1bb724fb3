"""The life of the program as a table: ``step(state, event) -> (state, effects)``.

A state carries its own data, an event carries the time it happened, an effect
is something for the supervisor to do. There are no flags beside the state. An
event that cannot happen in a state raises :class:`IllegalEventError` and
changes nothing.

Two promises hold for any order of events:

- at most one program is alive at a time: ``Spawn`` is an effect only of states
  in which no program is alive;
- a reason to restart that comes in while a program is starting or stopping is
  kept, and leads to exactly one further start.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from reloader_core.policy.backoff import is_quick, restart_delay
from reloader_core.policy.settle import Burst

#: A program that exits with this code asks to be started again (Werkzeug's protocol).
RESTART_CODE = 3

#: How a shell says that a signal ended a program: 128 + its number.
_SIGNAL_BASE = 128

#: How long it may take to find out whether a program that ended ran the code on disk.
LONGEST_CHECK_SECONDS = 10.0


class IllegalEventError(RuntimeError):
    """An event reached a state in which it cannot happen: a fault of the supervisor."""


# States


@attrs.frozen(kw_only=True)
class Idle:
    """Nothing was started yet."""


@attrs.frozen(kw_only=True)
class Starting:
    """A program is being spawned.

    :ivar starts: how many were spawned before.
    :ivar quick_restarts: how often in a row the program asked quickly to be started again.
    :ivar burst: the changes that led here, if any.
    :ivar pending: what came in meanwhile and is acted on as soon as there is a program.
    """

    starts: int = 0
    quick_restarts: int = 0
    burst: Burst | None = None
    pending: ReloadWanted | QuitWanted | None = None


@attrs.frozen(kw_only=True)
class Running:
    """A program runs.

    :ivar burst: the changes it was started for: more of them may follow.
    """

    pid: int
    since: float
    starts: int
    quick_restarts: int = 0
    burst: Burst | None = None


@attrs.frozen(kw_only=True)
class Stopping:
    """The program was asked to stop, to be replaced.

    :ivar kill_at: when it is killed if it is still there; ``None`` when it was.
    """

    pid: int
    starts: int
    kill_at: float | None
    burst: Burst


@attrs.frozen(kw_only=True)
class Settling:
    """No program is alive; the next is started when the changes are quiet."""

    starts: int
    burst: Burst


@attrs.frozen(kw_only=True)
class Delaying:
    """No program is alive; the next is started after a wait, for it asks too often."""

    starts: int
    quick_restarts: int
    until: float


@attrs.frozen(kw_only=True)
class Waiting:
    """No program is alive, and none is started before something changes."""

    starts: int


@attrs.frozen(kw_only=True)
class Checking:
    """The program ended well, after an edit, if it was the code on disk that did.

    It may have run a script that was empty for the moment.

    :ivar exit_code: its own.
    :ivar until: it is believed then, whatever is known; monotonic seconds.
    """

    starts: int
    exit_code: int
    until: float


@attrs.frozen(kw_only=True)
class Quitting:
    """The program was asked to stop, for good.

    :ivar exit_code: what the supervisor exits with; ``None`` if it is to be set up anew.
    :ivar terminate_at: when the program is asked again, by the stop signal;
        ``None`` when it was.
    :ivar kill_at: when it is killed; ``None`` when it was.
    """

    pid: int
    exit_code: int | None
    terminate_at: float | None
    kill_at: float | None


@attrs.frozen(kw_only=True)
class Ended:
    """It is over.

    :ivar exit_code: what the supervisor exits with; ``None`` if it is to be set up anew.
    """

    exit_code: int | None


State: TypeAlias = (
    Idle
    | Starting
    | Running
    | Stopping
    | Settling
    | Delaying
    | Waiting
    | Checking
    | Quitting
    | Ended
)


# Events


@attrs.frozen(kw_only=True)
class Begin:
    """The supervisor is ready.

    :ivar starts: how many programs were started before it was set up.
    """

    starts: int = 0


@attrs.frozen(kw_only=True)
class Spawned:
    """The program was started."""

    pid: int
    now: float


@attrs.frozen(kw_only=True)
class SpawnFailed:
    """The program could not be started."""


@attrs.frozen(kw_only=True)
class ReloadWanted:
    """Changes were confirmed, and no plugin objects; or somebody asks for a restart.

    :ivar grace_seconds: what the running program is given to stop.
    :ivar paths: what changed; none if a restart is asked for.
    """

    now: float
    grace_seconds: float
    paths: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class ChangesExpected:
    """More code is being changed right now, so a start would run what is half done.

    :ivar until: nothing is started before, unless the event comes again with another
        time; monotonic seconds.
    """

    until: float


@attrs.frozen(kw_only=True)
class Verified:
    """The answer to ``Verify``; what differs comes before it, as ``ReloadWanted``.

    :ivar can_start: ``False`` when something on disk does not compile.
    """

    can_start: bool


@attrs.frozen(kw_only=True)
class QuitWanted:
    """The supervisor was told to end.

    :ivar exit_code: what it is to exit with; ``None`` for another one to take its place.
    :ivar was_delivered: the program has heard it too (Ctrl-C reaches all on a terminal).
    """

    now: float
    grace_seconds: float
    exit_code: int | None
    was_delivered: bool


@attrs.frozen(kw_only=True)
class Exited:
    """The program ended.

    :ivar returncode: its exit code, or minus the number of the signal.
    :ivar has_crashed: it ended by an exception nobody caught.
    :ivar was_told_to: somebody else than the supervisor ended it, with a signal that asks
        for that.
    :ivar is_to_go_on: it was ended by what was not meant for it, and is started again.
    """

    pid: int
    now: float
    returncode: int
    has_crashed: bool
    was_told_to: bool = False
    is_to_go_on: bool = False

    @property
    def exit_code(self) -> int:
        """As a shell gives it: 128 and the signal's number, if it was one."""
        return self.returncode if self.returncode >= 0 else _SIGNAL_BASE - self.returncode


@attrs.frozen(kw_only=True)
class TimePassed:
    """It is later."""

    now: float


Event: TypeAlias = (
    Begin
    | Spawned
    | SpawnFailed
    | ReloadWanted
    | ChangesExpected
    | Verified
    | QuitWanted
    | Exited
    | TimePassed
)


# Effects


@attrs.frozen(kw_only=True)
class Prepare:
    """Get the next process ready, short of running the program."""


@attrs.frozen(kw_only=True)
class Spawn:
    """Start the program; answer with ``Spawned`` or ``SpawnFailed``."""


@attrs.frozen(kw_only=True)
class Terminate:
    """Ask the program to stop."""

    pid: int


@attrs.frozen(kw_only=True)
class Kill:
    """End the program now.

    :ivar was_asked_twice: not because its time is over, but because nobody wants
        to wait for it.
    """

    pid: int
    was_asked_twice: bool = False


@attrs.frozen(kw_only=True)
class AwaitChange:
    """Tell the user that nothing runs until something changes."""


@attrs.frozen(kw_only=True)
class Verify:
    """Find out whether the program ran the code that is on disk; answer with ``Verified``."""


Effect: TypeAlias = Prepare | Spawn | Terminate | Kill | AwaitChange | Verify
Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event) -> Step:
    """The next state and what to do.

    :raises IllegalEventError: the event cannot happen in this state.
    """
    if isinstance(event, ChangesExpected) and not isinstance(state, Ended):
        return _expect_changes(state, event), ()
    if isinstance(event, Verified) and not isinstance(state, Checking | Ended):
        return state, ()  # something else has happened meanwhile
    match state:
        case Idle():
            return _from_idle(state, event)
        case Starting():
            return _from_starting(state, event)
        case Running():
            return _from_running(state, event)
        case Stopping():
            return _from_stopping(state, event)
        case Settling() | Delaying() | Waiting() | Checking():
            return _from_between(state, event)
        case Quitting():
            return _from_quitting(state, event)
        case _:
            raise _illegal(state, event)


def deadline(state: State) -> float | None:
    """When ``TimePassed`` is due in a state, monotonic seconds; ``None`` for never."""
    match state:
        case Stopping(kill_at=kill_at):
            return kill_at
        case Settling(burst=burst):
            return burst.quiet_at
        case Delaying(until=until) | Checking(until=until):
            return until
        case Quitting(terminate_at=terminate_at, kill_at=kill_at):
            return kill_at if terminate_at is None else terminate_at
        case _:
            return None


def _illegal(state: State, event: Event) -> IllegalEventError:
    return IllegalEventError(f"{event} cannot happen in {state}")


def _expect_changes(state: State, event: ChangesExpected) -> State:
    if isinstance(state, Stopping | Settling):
        return attrs.evolve(state, burst=state.burst.hold(event.until))
    return state  # nothing is about to start on account of changes


def _from_idle(state: Idle, event: Event) -> Step:
    match event:
        case Begin(starts=starts):
            return Starting(starts=starts), (Spawn(),)
        case ReloadWanted():
            # The first start is still to come and will have the change.
            return state, ()
        case QuitWanted(exit_code=exit_code):
            return Ended(exit_code=exit_code), ()
        case TimePassed():
            return state, ()
        case _:
            raise _illegal(state, event)


def _from_starting(state: Starting, event: Event) -> Step:
    match event:
        case Spawned(pid=pid, now=now):
            running = Running(
                pid=pid,
                since=now,
                starts=state.starts + 1,
                quick_restarts=state.quick_restarts,
                burst=state.burst,
            )
            return _with_pending(running, (), state.pending)
        case SpawnFailed():
            waiting = Waiting(starts=state.starts + 1)
            return _with_pending(waiting, (AwaitChange(),), state.pending)
        case QuitWanted(exit_code=None) if isinstance(state.pending, QuitWanted):
            return state, ()
        case QuitWanted():
            return attrs.evolve(state, pending=event), ()
        case ReloadWanted():
            return attrs.evolve(state, pending=state.pending or event), ()
        case TimePassed():
            return state, ()
        case _:
            raise _illegal(state, event)


def _with_pending(
    state: State, effects: tuple[Effect, ...], pending: ReloadWanted | QuitWanted | None
) -> Step:
    if pending is None:
        return state, effects
    return step(state, pending)


def _from_running(state: Running, event: Event) -> Step:
    match event:
        case ReloadWanted(now=now, grace_seconds=grace_seconds, paths=paths):
            stopping = Stopping(
                pid=state.pid,
                starts=state.starts,
                kill_at=now + grace_seconds,
                burst=Burst.after(state.burst, now, paths, since=state.since),
            )
            return stopping, (Terminate(pid=state.pid), Prepare())
        case QuitWanted():
            return _quit(state.pid, event)
        case Exited(pid=pid) if pid == state.pid:
            return _after_exit(state, event)
        case TimePassed():
            return state, ()
        case _:
            raise _illegal(state, event)


def _quit(pid: int, event: QuitWanted) -> Step:
    kill_at = event.now + event.grace_seconds
    if event.was_delivered:
        # A signal on top of the one it already has would cut its clean-up short.
        patience = event.now + event.grace_seconds / 2
        quitting = Quitting(
            pid=pid, exit_code=event.exit_code, terminate_at=patience, kill_at=kill_at
        )
        return quitting, ()
    quitting = Quitting(pid=pid, exit_code=event.exit_code, terminate_at=None, kill_at=kill_at)
    return quitting, (Terminate(pid=pid),)


def _after_exit(state: Running, event: Exited) -> Step:
    if event.is_to_go_on or (event.returncode == RESTART_CODE and not event.has_crashed):
        return _start_again(state, event)
    if event.has_crashed or (event.returncode < 0 and not event.was_told_to):
        return Waiting(starts=state.starts), (AwaitChange(),)
    if event.returncode > 0 and state.starts > 1:
        # Frameworks turn a broken edit into an ordinary exit (flask run: 2,
        # uvicorn: 1). An edit never ends the supervisor.
        return Waiting(starts=state.starts), (AwaitChange(),)
    if event.returncode == 0 and state.starts > 1:
        until = event.now + LONGEST_CHECK_SECONDS
        return Checking(starts=state.starts, exit_code=0, until=until), (Verify(),)
    return Ended(exit_code=event.exit_code), ()


def _start_again(state: Running, event: Exited) -> Step:
    if not is_quick(event.now - state.since):
        return Starting(starts=state.starts), (Spawn(),)
    delay = restart_delay(state.quick_restarts)
    if delay is None:
        return Waiting(starts=state.starts), (AwaitChange(),)
    quick_restarts = state.quick_restarts + 1
    if delay == 0:
        return Starting(starts=state.starts, quick_restarts=quick_restarts), (Spawn(),)
    until = event.now + delay
    return Delaying(starts=state.starts, quick_restarts=quick_restarts, until=until), ()


def _from_stopping(state: Stopping, event: Event) -> Step:
    match event:
        case ReloadWanted(now=now, paths=paths):
            return attrs.evolve(state, burst=state.burst.grow(now, paths)), ()
        case QuitWanted():
            return _quit(state.pid, event)
        case Exited(pid=pid, now=now) if pid == state.pid:
            if now >= state.burst.quiet_at:
                return Starting(starts=state.starts, burst=state.burst), (Spawn(),)
            return Settling(starts=state.starts, burst=state.burst), ()
        case TimePassed(now=now):
            if state.kill_at is not None and now >= state.kill_at:
                return attrs.evolve(state, kill_at=None), (Kill(pid=state.pid),)
            return state, ()
        case _:
            raise _illegal(state, event)


def _from_between(state: Settling | Delaying | Waiting | Checking, event: Event) -> Step:
    match event, state:
        case ReloadWanted(now=now, paths=paths), Settling():
            return attrs.evolve(state, burst=state.burst.grow(now, paths)), ()
        case ReloadWanted(now=now, paths=paths), _:
            return Settling(starts=state.starts, burst=Burst.begin(now, paths)), (Prepare(),)
        case QuitWanted(exit_code=exit_code), _:
            return Ended(exit_code=exit_code), ()
        case TimePassed(now=now), Settling() if now >= state.burst.quiet_at:
            return Starting(starts=state.starts, burst=state.burst), (Spawn(),)
        case TimePassed(now=now), Delaying() if now >= state.until:
            starting = Starting(starts=state.starts, quick_restarts=state.quick_restarts)
            return starting, (Spawn(),)
        case Verified(can_start=True), Checking():
            return Ended(exit_code=state.exit_code), ()
        case Verified(), _:
            return Waiting(starts=state.starts), (AwaitChange(),)
        case TimePassed(now=now), Checking() if now >= state.until:
            return Ended(exit_code=state.exit_code), ()
        case TimePassed(), _:
            return state, ()
        case _:
            raise _illegal(state, event)


def _from_quitting(state: Quitting, event: Event) -> Step:
    match event:
        case ReloadWanted():
            return state, ()
        case QuitWanted(exit_code=None):
            return state, ()
        case QuitWanted(exit_code=exit_code) if state.exit_code is None:
            # The program was asked to stop for another reason: this is not the second time.
            return attrs.evolve(state, exit_code=exit_code), ()
        case QuitWanted():
            # Asked twice: no more patience.
            killed = attrs.evolve(state, terminate_at=None, kill_at=None)
            return killed, (Kill(pid=state.pid, was_asked_twice=True),)
        case Exited(pid=pid) if pid == state.pid:
            return Ended(exit_code=state.exit_code), ()
        case TimePassed(now=now):
            return _lose_patience(state, now)
        case _:
            raise _illegal(state, event)


def _lose_patience(state: Quitting, now: float) -> Step:
    if state.kill_at is not None and now >= state.kill_at:
        killed = attrs.evolve(state, terminate_at=None, kill_at=None)
        return killed, (Kill(pid=state.pid),)
    if state.terminate_at is not None and now >= state.terminate_at:
        return attrs.evolve(state, terminate_at=None), (Terminate(pid=state.pid),)
    return state, ()
