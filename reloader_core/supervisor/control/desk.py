"""What is done for those who ask: status, restart, pause, resume, wait."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Any

from reloader_core import __version__
from reloader_core.control.messages import VERSION
from reloader_core.notices import Level
from reloader_core.supervisor.cause import RestartAsked
from reloader_core.supervisor.channel import Due
from reloader_core.supervisor.control.server import (
    AlreadyControlledError,
    Connection,
    ControlServer,
)
from reloader_core.supervisor.control.status import describe_state, to_wall_clock
from reloader_core.supervisor.control.waits import Situation, Waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.policy import lifecycle
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.child.program import Program
    from reloader_core.supervisor.control.status import History
    from reloader_core.supervisor.conversations import Conversations
    from reloader_core.supervisor.decisions import Decisions
    from reloader_core.supervisor.holds import Holds
    from reloader_core.supervisor.messages import Tell
    from reloader_core.supervisor.readiness import Readiness
    from reloader_core.supervisor.watch.answers import Checked
    from reloader_core.supervisor.watch.inspector import Inspector

_PAUSE = "somebody has paused it"


class _PauseOver(Due):
    """A pause has lasted for as long as was asked for. A class of its own is a timer's name."""


class _LookAgain(Due):
    """A program may be ready by now, or a wait be over."""


class Desk:
    """Takes requests.

    :param take_reports: hears the program's agent, so that the inspector knows all that the
        program has loaded.
    :param history: what has happened; kept up to date by others.
    """

    def __init__(
        self,
        *,
        channel: Channel,
        program: Program,
        inspector: Inspector,
        holds: Holds,
        decisions: Decisions,
        conversations: Conversations,
        readiness: Readiness,
        history: History,
        title: str,
        project_root: str,
        take_reports: Callable[[], None],
        tell: Tell,
    ) -> None:
        self._channel = channel
        self._program = program
        self._inspector = inspector
        self._holds = holds
        self._decisions = decisions
        self._conversations = conversations
        self._readiness = readiness
        self._title = title
        self._root = project_root
        self._tell = tell
        self._state: lifecycle.State | None = None
        self._generation = 0
        self._take_reports = take_reports
        self._waits = Waits(check=self._check)
        self._server = ControlServer(channel, take=self._take, drop=self._waits.remove)
        self.history = history

    def open(self) -> None:
        """Listen, if that is possible. If it is not, a line says so."""
        try:
            self._server.open(self._root)
        except AlreadyControlledError:
            text = "another supervisor runs for this project: this one takes no commands"
            self._tell(Level.WARNING, "uncontrolled", text)
        except OSError as error:
            text = f"no commands are taken, for there is no place for a socket: {error}"
            self._tell(Level.WARNING, "uncontrolled", text)

    def close(self) -> None:
        """Hang up on everybody."""
        self._server.close()

    def take_answer(self, checked: Checked) -> None:
        """The inspector has compared all files."""
        self._waits.take_answer(checked)

    def _check(self, token: int) -> None:
        # What the program has loaded, and its agent has not been heard of yet, counts.
        self._take_reports()
        self._inspector.check(token)

    def look(self, state: lifecycle.State, generation: int) -> None:
        """Something has happened, perhaps: the program is in this state now."""
        self._state, self._generation = state, generation
        if not self._waits:
            return
        due = self._waits.look(self._situation(state))
        if due is None:
            self._channel.forget(_LookAgain)
        else:
            # The loop calls this again after each event.
            self._channel.remind(_LookAgain(lambda: None), due)

    def _situation(self, state: lifecycle.State) -> Situation:
        run = self._program.run
        ready_at = self._readiness.ready_at() if run is not None and run.is_announced else None
        return Situation(
            state=state,
            generation=self._generation,
            ready_at=ready_at,
            error=self.history.error,
            delay=self._delay(),
        )

    def _delay(self) -> str | None:
        if self._holds.changes:
            return f"changes are on hold: {' and '.join(self._holds.reasons)}"
        if self._decisions.has_put_off:
            return "a plugin has put the restart off"
        if self._conversations.is_asking:
            return "the program is asked whether it deals with a change itself"
        return None

    # Requests

    def _take(self, connection: Connection, request: dict[str, Any]) -> None:
        if request.get("version") != VERSION:
            connection.refuse(f"this supervisor, {__version__}, speaks version {VERSION} only")
            return
        try:
            self._carry_out(connection, request)
        except ValueError as error:
            connection.refuse(str(error))

    def _carry_out(self, connection: Connection, request: dict[str, Any]) -> None:
        match request.get("command"):
            case "status":
                connection.answer(status=self._status())
            case "restart":
                self._channel.post(RestartAsked(why="a restart was asked for"))
                connection.answer()
            case "pause":
                self._pause(_seconds(request, "seconds"))
                connection.answer()
            case "resume":
                self._resume()
                connection.answer()
            case "wait":
                self._waits.add(connection, _seconds(request, "timeout"))
            case other:
                raise ValueError(f"{other!r} is no command")

    def _pause(self, seconds: float) -> None:
        self._holds.add("pause", _PAUSE)
        over = _PauseOver(self._end_pause)
        self._channel.remind(over, time.monotonic() + seconds)
        self._tell(Level.INFO, "paused", f"paused, for {seconds:g} s at most")

    def _end_pause(self) -> None:
        self._tell(Level.WARNING, "resumed", "nobody has resumed what was paused: going on")
        self._holds.release("pause")

    def _resume(self) -> None:
        self._channel.forget(_PauseOver)
        if _PAUSE in self._holds.reasons:
            self._tell(Level.INFO, "resumed", "resumed")
            self._holds.release("pause")

    def _status(self) -> dict[str, Any]:
        run = self._program.run
        is_running = run is not None and self._state is not None
        return {
            "title": self._title,
            "state": "starting" if self._state is None else describe_state(self._state),
            "is_ready": bool(
                run and run.is_announced and self._readiness.is_ready(time.monotonic())
            ),
            "pid": run.process.pid if run else None,
            "since": to_wall_clock(run.child.started_at) if run and is_running else None,
            "generation": self._generation,
            "backend": self._inspector.backend,
            "files": self._inspector.file_count,
            "restarts": self.history.restarts,
            "error": self.history.error,
            "holds": list(self._holds.reasons),
            "held": [change.path for change in self._holds.changes],
            "supervisor_pid": os.getpid(),
            "project_root": self._root,
            "version": __version__,
        }


def _seconds(request: dict[str, Any], name: str) -> float:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}, not a number of seconds")
    return min(float(value), 1e9)
