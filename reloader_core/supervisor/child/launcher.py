"""Starting the program, if possible with a process that has booted already."""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import TYPE_CHECKING

from reloader_core.supervisor.child.agent_files import AgentFiles
from reloader_core.supervisor.child.process import HAS_AGENT, ProgramProcess
from reloader_core.supervisor.notify import NotifySocket
from reloader_core.supervisor.sockets.handover import Handover
from reloader_core.supervisor.sockets.kept import KeptSockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reloader_core.agent.protocol import Record
    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation
    from reloader_core.supervisor.child.environment import ProgramEnvironment
    from reloader_core.supervisor.child.host import Host
    from reloader_core.supervisor.reach import Reach
    from reloader_core.supervisor.sockets.handover import Listening

#: How long a program is left alone with the processor at most, at the very
#: start; and how often, how many times in a row, it must have nothing new to
#: report to be taken for loaded before that.
_ALONE_SECONDS = 2.0
_LOOK_SECONDS = 0.002
_LOOKS_WITHOUT_NEWS = 75


class Launcher:
    """Spawns processes of the program and keeps at most one in reserve.

    The one in reserve is an interpreter that has booted and holds before the
    program's first line. It is spawned when a start is in sight: at the very
    beginning, while the supervisor still loads its own parts, and at a change,
    while the old program stops. Between restarts there is none.

    :param host: starts them; closed with this.
    :ivar kept: listening sockets that programs have opened.
    :ivar notify: where a program may say that it is ready.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._reserve: ProgramProcess | None = None
        self._handover = Handover()
        self._agent_files = AgentFiles()
        self.kept = KeptSockets()
        self.notify = NotifySocket(os.environ)
        self._is_keeping = True
        self._is_adapting = False
        self._environment: ProgramEnvironment | None = None
        self._opened_below = ""
        self._rules: tuple[int, float] | None = None
        self._reach: Reach | None = None

    def ask_first(self, reach: Reach) -> None:
        """Start nothing any more in a directory whose file system does not answer.

        A process that is spawned there would keep this one until it does.

        :param reach: asks; closed with this.
        """
        self._reach = reach

    def use_environment(self, environment: ProgramEnvironment) -> None:
        """Have every program from now on started in this environment."""
        self._environment = environment

    def use(self, configuration: Configuration, sockets: Sequence[Listening]) -> None:
        """Have every program from now on started as a configuration says.

        :param sockets: what each of them gets; a process in reserve that has others is given up.
        """
        self._opened_below = configuration.project_root if configuration.track_opened_files else ""
        self._rules = signal.Signals[configuration.stop_signal], configuration.grace_seconds
        self._is_adapting = configuration.adapt
        self._is_keeping = configuration.keep_sockets
        if not self._is_keeping:
            self.kept.close()
        handover = Handover(sockets)
        if handover.descriptors != self._handover.descriptors:
            self.discard()
            self._handover = handover
            self.kept.leave_alone(listening.socket for listening in sockets)

    def close(self) -> None:
        """Give everything back."""
        self.discard()
        self._host.close()
        self.kept.close()
        self.notify.close()
        self._agent_files.close()
        if self._reach is not None:
            self._reach.close()

    def prepare(self, invocation: Invocation) -> None:
        """Get a process ready to run, if it can be held back."""
        if self._reserve is not None or not (invocation.is_python and HAS_AGENT):
            return
        try:
            self._reserve = self._spawn(invocation)
        except OSError:
            # The start itself will meet the same error, and tells.
            self._reserve = None

    def start_early(
        self,
        invocation: Invocation,
        *,
        sleep: Callable[[float], bool],
        take: Callable[[list[Record]], None],
    ) -> None:
        """Let the process in reserve run the program before anybody asks for it.

        :meth:`launch` then returns it as it runs. For the very first start
        only, and only if nothing that is still to be loaded has a say in it.

        Returns when the program has done most of its loading: what the
        supervisor still has to load would compete with it for the processor.

        :param sleep: waits; returns ``True`` if there is something better to do.
        :param take: gets the program's reports as they come in.
        """
        if self._reserve is None:
            return
        self._reserve = self.launch(invocation, ())
        deadline = time.monotonic() + _ALONE_SECONDS
        has_reported = False
        looks_without_news = 0
        while time.monotonic() < deadline and looks_without_news < _LOOKS_WITHOUT_NEWS:
            if sleep(_LOOK_SECONDS):
                return
            records, is_open = self._reserve.gather_records()
            take(records)
            if not is_open:
                return
            has_reported = has_reported or bool(records)
            looks_without_news = looks_without_news + 1 if has_reported and not records else 0

    def launch(self, invocation: Invocation, distrusted: Iterable[str]) -> ProgramProcess:
        """Start the program.

        :param invocation: what to run.
        :param distrusted: sources whose cached bytecode must not be believed.
        :returns: the process, running the program.
        :raises OSError: it cannot be started.
        """
        process = self._take_reserve(invocation) or self._spawn(invocation)
        if self._rules is not None:
            process.set_rules(*self._rules)
        if not process.is_released:
            self.kept.begin_program()
            self.notify.begin_program()
            process.release(
                distrusted,
                opened_below=self._opened_below,
                adapt=self._is_adapting,
                kept=self.kept if self._is_keeping and HAS_AGENT else None,
            )
        return process

    def _spawn(self, invocation: Invocation) -> ProgramProcess:
        if self._reach is not None and not self._reach.is_answering(invocation.cwd):
            raise OSError(errno.ETIMEDOUT, "its file system does not answer", invocation.cwd)
        environment = self._make_environment()
        return ProgramProcess(
            self._host,
            invocation,
            environment,
            self._handover,
            agent_directory=self._agent_files.find(),
        )

    def _make_environment(self) -> dict[str, str]:
        made = os.environ if self._environment is None else self._environment.make()
        return self.notify.add_to(made)

    def _take_reserve(self, invocation: Invocation) -> ProgramProcess | None:
        reserve, self._reserve = self._reserve, None
        if reserve is None:
            return None
        # One that runs already may have ended, too: it is not to be run twice.
        is_wanted = reserve.invocation == invocation and (
            reserve.is_released
            or (reserve.environment == self._make_environment() and reserve.poll() is None)
        )
        if is_wanted:
            return reserve
        reserve.discard()
        return None

    def discard(self) -> None:
        """Give up the process in reserve."""
        if self._reserve is not None:
            self._reserve.discard()
            self._reserve = None
