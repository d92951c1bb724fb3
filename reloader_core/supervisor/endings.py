"""What is said when a program ends, and when it does not."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from reloader_core.notices import Level
from reloader_core.policy import lifecycle
from reloader_core.supervisor import messages
from reloader_core.supervisor.child.hold_up import describe_hold_up

if TYPE_CHECKING:
    from reloader_core.config.schema import Configuration
    from reloader_core.model import ChildExit
    from reloader_core.supervisor.child.process import ProgramProcess
    from reloader_core.supervisor.messages import Tell


class Endings:
    """Tells of the ends of one program after the other.

    :param title: the program.
    :param is_hangup_ignored: the supervisor was started under nohup.
    """

    def __init__(
        self, configuration: Configuration, *, title: str, is_hangup_ignored: bool, tell: Tell
    ) -> None:
        self._grace_seconds = configuration.grace_seconds
        self._root = configuration.project_root
        self._title = title
        self._is_hangup_ignored = is_hangup_ignored
        self._tell = tell

    def tell_of_left(self, process: ProgramProcess) -> None:
        """The program has ended, and what it has started goes on."""
        if process.left:
            text = f"{self._title} has ended; waiting for what it started: "
            details = {"processes": process.left}
            self._tell(Level.DETAIL, "left", text + ", ".join(process.left), details)

    def tell_of_kill(self, process: ProgramProcess) -> None:
        """The program is about to be killed, for its time is over: say what holds it up."""
        if process.left:
            return  # it has ended itself; what it has started is told of when it is gone
        why = describe_hold_up(process, self._root)
        text = (
            f"{self._title} did not stop within {self._grace_seconds:g} s (grace_seconds): killed"
        )
        self._tell(Level.WARNING, "killed", f"{text}; {why}" if why else text, {"why": why})

    def tell_of_end(self, ended: ChildExit, state: lifecycle.State, *, waiting: str) -> str:
        """The program has ended.

        :param state: what comes of it.
        :param waiting: what is said if that is to wait.
        :returns: how it ended, in words.
        """
        text = messages.ended(self._title, ended.returncode, ended.error)
        details = {"returncode": ended.returncode, "error": ended.error}
        match state:
            case lifecycle.Waiting():
                self._tell(Level.ERROR, "waiting", f"{text}; {waiting}", details)
            case lifecycle.Delaying():
                self._tell(Level.WARNING, "delayed", f"{text} again; restarting soon", details)
            case _ if ended.is_expected or not ended.returncode:
                self._tell(Level.DETAIL, "exited", text, details)
            case _:
                self._tell(Level.INFO, "exited", text, details)
        return text

    def tell_of_rest(self, process: ProgramProcess) -> None:
        """What had to be killed of what the program has started."""
        if process.killed and process.left:
            names = ", ".join(process.killed)
            text = f"killed what {self._title} had started and did not end: {names}"
            self._tell(Level.WARNING, "killed-rest", text, {"processes": process.killed})
        if process.survivors:
            text = f"cannot be killed, hangs in the kernel: {', '.join(process.survivors)}"
            self._tell(Level.WARNING, "unkillable", text, {"processes": process.survivors})

    def why_to_go_on(self, process: ProgramProcess, returncode: int) -> str:
        """Why a program is started again that was ended by what was not meant for it.

        :returns: empty if it was.
        """
        if process.is_lost:
            return "its keeper has died"
        if self._is_hangup_ignored and sys.platform != "win32" and returncode == -signal.SIGHUP:
            # The program has its default back, for it may want to be told; nohup stays in force.
            return "it was hung up under nohup"
        return ""
