"""Rounds: a fault at a moment, and what must hold after it."""

from __future__ import annotations

import collections
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import attrs

from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.session import Session
from reloader_core.control import ControlError, WaitResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: For all that is waited for.
_DEADLINE_SECONDS = 20.0

#: For what may be there no longer when the supervisor is gone.
_ORPHAN_SECONDS = 2.0

#: What is said of a round that was in order.
FINE = ""


@attrs.frozen(kw_only=True)
class Outcome:
    """How a round ended.

    :ivar broken: what did not hold; empty if all did.
    """

    number: int
    fault: str
    broken: str
    seconds: float


class Chaos:
    """Does rounds in one project.

    :param seed: with the number of a round it decides what happens in it.
    """

    def __init__(self, *, backend: str, seed: int) -> None:
        self._backend = backend
        self._seed = seed
        self._held: tuple[int, int, int] | None = None

    def run(self, numbers: Iterable[int], tell: Callable[[Outcome, list[str]], None]) -> None:
        """Do rounds.

        :param tell: takes each outcome, and what the supervisor has said last.
        """
        with tempfile.TemporaryDirectory(prefix="chaos-") as base:
            session = Session(Path(base), self._backend)
            try:
                self._check(session)
                for number in numbers:
                    outcome = self._round(session, number)
                    tell(outcome, session.said[-40:])
                    if outcome.broken:
                        session.end(9)
                        session.make_project()
                        session.pids.clear()
                        self._start_again(session)
                        self._check(session)
            finally:
                session.end()

    def _round(self, session: Session, number: int) -> Outcome:
        chance = Random(f"{self._seed}/{number}")
        fault = chance.choices(list(FAULTS), weights=list(FAULTS.values()))[0]
        began_at = time.monotonic()
        try:
            code = fault(session, chance)
            if code is None:
                broken = self._check(session)
            else:
                broken = self._check_end(session, code)
                self._start_again(session)
                broken = broken or self._check(session)
        except Exception as error:  # whatever it is, the round was not in order
            broken = f"{type(error).__name__}: {error}"
        return Outcome(
            number=number,
            fault=fault.__name__,
            broken=broken,
            seconds=time.monotonic() - began_at,
        )

    def _start_again(self, session: Session) -> None:
        self._held = None
        session.start()

    def _check(self, session: Session) -> str:
        """What of the promise does not hold; empty if all of it does."""
        result = _ask(session)
        if result.outcome == "failed":
            # A program that was killed after the last edit waits, and has said why.
            if not session.client.status().error:
                return "nothing runs, and nobody said why"
            session.edit()
            result = _ask(session)
        if not result.is_ready:
            return f"the program does not come to run what is on disk: {result}"
        pid = result.pid
        assert pid is not None
        if not _comes_true(lambda: session.value_of(pid) == session.value):
            said = session.value_of(pid)
            return f"{session.value} is on disk, and the program says {said}"
        family = session.family_of(pid)
        if not _comes_true(lambda: not session.survivors(*family)):
            return f"orphans: {session.survivors(*family)}"
        return self._check_leaks(session)

    def _check_leaks(self, session: Session) -> str:
        """The supervisor holds what it held before, or less."""
        held = session.held()
        if self._held is None:
            # It has not opened everything yet: the most that is seen within a second counts.
            most = [held]
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                most.append(session.held())
                time.sleep(0.05)
            self._held = tuple(map(max, zip(*most, strict=True)))
            return FINE
        allowed = self._held
        # A plugin has a thread from its first call on, and inotify gives way to others.
        room = (8, 4, 0)

        def is_within() -> bool:
            now = session.held()
            return all(a <= b + more for a, b, more in zip(now, allowed, room, strict=True))

        return FINE if _comes_true(is_within) else f"it held {allowed}, and holds {session.held()}"

    def _check_end(self, session: Session, code: int) -> str:
        """The supervisor has ended with the right code, and nothing is left."""
        found = session.process.wait(_DEADLINE_SECONDS)
        if not _comes_true(lambda: not session.survivors(), _ORPHAN_SECONDS):
            return f"orphans after the supervisor's end: {session.survivors()}"
        session.wait_for_end_of_output()
        session.pids.clear()
        return FINE if found == code else f"exit code {found} instead of {code}"


def _ask(session: Session) -> WaitResult:
    """Wait for the program; a supervisor that starts may not listen yet."""
    until = time.monotonic() + _DEADLINE_SECONDS
    while True:
        try:
            return session.client.wait(_DEADLINE_SECONDS)
        except ControlError:
            if time.monotonic() > until or session.process.poll() is not None:
                raise
            time.sleep(0.01)


def _comes_true(condition: Callable[[], bool], seconds: float = _DEADLINE_SECONDS) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def count(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int, float]]:
    """For each fault: rounds, rounds not in order, the longest in seconds."""
    found: dict[str, tuple[int, int, float]] = collections.defaultdict(lambda: (0, 0, 0.0))
    for outcome in outcomes:
        rounds, broken, longest = found[outcome.fault]
        found[outcome.fault] = (
            rounds + 1,
            broken + bool(outcome.broken),
            max(longest, outcome.seconds),
        )
    return dict(sorted(found.items()))
