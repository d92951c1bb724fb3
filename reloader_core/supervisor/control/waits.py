"""Waiting until the process that serves runs the code on disk.

Whoever waits has a question put to the inspector each time the program has come to a rest
of another kind: it runs, or nothing runs. All files are compared then, noticed or not. If
that finds nothing, and the program is ready, the wait is over; if nothing runs, or what has
changed cannot, it has failed. If it finds something, there is a restart, and another rest.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import attrs

from reloader_core.policy import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reloader_core.policy.comparison import Fault
    from reloader_core.supervisor.control.server import Connection
    from reloader_core.supervisor.watch.answers import Checked

#: Which program a rest is about: the state's class, and the process.
_Rest = tuple[type, int]


@attrs.frozen(kw_only=True)
class Situation:
    """How things are with the program.

    :ivar state: of its life.
    :ivar generation: which start it is.
    :ivar ready_at: when it is ready if nothing happens, monotonic seconds; ``None`` if it
        has not said that it runs.
    :ivar error: why nothing runs.
    :ivar delay: why a change is not acted on for now, if one is not.
    """

    state: lifecycle.State
    generation: int
    ready_at: float | None
    error: str | None
    delay: str | None


@attrs.define(eq=False, kw_only=True)
class _Wait:
    connection: Connection
    until: float
    rest: _Rest | None = None
    token: int = 0
    is_checked: bool = False
    faults: tuple[Fault, ...] = ()


class Waits:
    """All who wait.

    :param check: puts a question to the inspector, with a token.
    """

    def __init__(self, *, check: Callable[[int], None]) -> None:
        self._check = check
        self._tokens: Iterator[int] = itertools.count(1)
        self._waits: dict[Connection, _Wait] = {}

    def __bool__(self) -> bool:
        return bool(self._waits)

    def add(self, connection: Connection, timeout: float) -> None:
        """Somebody waits from now on, at most ``timeout`` seconds."""
        until = time.monotonic() + timeout
        self._waits[connection] = _Wait(connection=connection, until=until)

    def remove(self, connection: Connection) -> None:
        """Somebody has hung up, or was answered."""
        self._waits.pop(connection, None)

    def take_answer(self, checked: Checked) -> None:
        """The inspector has compared all files."""
        for wait in self._waits.values():
            if wait.token == checked.token:
                wait.is_checked, wait.faults = True, checked.faults

    def look(self, situation: Situation) -> float | None:
        """Answer those whose wait is over.

        :returns: when to look again if nothing happens, monotonic seconds.
        """
        dues = [self._look_at(wait, situation) for wait in list(self._waits.values())]
        return min((due for due in dues if due is not None), default=None)

    def _look_at(self, wait: _Wait, situation: Situation) -> float | None:
        now = time.monotonic()
        state = situation.state
        if isinstance(state, lifecycle.Running | lifecycle.Waiting):
            rest = (type(state), situation.generation)
            if wait.rest != rest:
                wait.rest, wait.token, wait.is_checked = rest, next(self._tokens), False
                self._check(wait.token)
            if wait.is_checked and self._answer(wait, situation, now):
                return None
        if now >= wait.until:
            wait.connection.answer(outcome="timeout", error=_describe(situation))
            return None
        is_due_earlier = situation.ready_at is not None and situation.ready_at > now
        return min(wait.until, situation.ready_at or wait.until) if is_due_earlier else wait.until

    def _answer(self, wait: _Wait, situation: Situation, now: float) -> bool:
        """Answer one whose question was answered, if there is an answer."""
        if wait.faults:
            text = "\n".join(fault.text for fault in wait.faults)
            wait.connection.answer(outcome="failed", error=text)
            return True
        if situation.delay is not None:
            return False
        if isinstance(situation.state, lifecycle.Waiting):
            error = situation.error or "the program cannot be started"
            wait.connection.answer(outcome="failed", error=error)
            return True
        if situation.ready_at is not None and now >= situation.ready_at:
            assert isinstance(situation.state, lifecycle.Running)
            wait.connection.answer(
                outcome="ready", pid=situation.state.pid, generation=situation.generation
            )
            return True
        return False


def _describe(situation: Situation) -> str:
    if situation.delay is not None:
        return situation.delay
    match situation.state:
        case lifecycle.Running():
            return "the program runs, and is not ready"
        case lifecycle.Stopping() | lifecycle.Quitting():
            return "the program has not stopped"
        case _:
            return "the program is not started yet"
