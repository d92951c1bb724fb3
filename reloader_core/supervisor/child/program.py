"""The program as it runs: one process at a time, and what its agent reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from reloader_core.agent.protocol import Hello, Record, Traceback, Uncaught
from reloader_core.model import Child

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.invocation import Invocation
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.child.launcher import Launcher
    from reloader_core.supervisor.child.process import ProgramProcess

#: A program reports hundreds of files while it imports. To be woken for each
#: one would cost the program more than the report itself. A short while only: until a
#: file's content was read, a touch cannot be told from an edit.
_REPORTS_PAUSE_SECONDS = 0.005

#: A program from which no agent was heard by then has none.
_HELLO_SECONDS = 2.0


@attrs.frozen(kw_only=True)
class Reported:
    """The agent of a process has something to say."""

    process: ProgramProcess


@attrs.frozen(kw_only=True)
class Exited:
    """There is news of a process of the program: mostly that nothing is left of it."""

    process: ProgramProcess


@attrs.frozen(kw_only=True)
class ListenAgain:
    """Enough reports have gathered to be read together."""

    process: ProgramProcess


@attrs.frozen(kw_only=True)
class NothingHeard:
    """A process has run for a while, and no agent was heard."""

    process: ProgramProcess


@attrs.define(kw_only=True)
class Run:
    """One process of the program, from spawn to end.

    :ivar error: the last line of the uncaught exception that ended it.
    :ivar traceback: what Python has printed of that.
    :ivar is_announced: the user and the observers know that it runs.
    :ivar is_ready: they know also that it can do its work.
    :ivar has_agent: its agent was heard.
    """

    process: ProgramProcess
    child: Child
    error: str | None = None
    traceback: str | None = None
    is_announced: bool = False
    is_ready: bool = False
    has_agent: bool = False


class Program:
    """Spawns, listens and reaps. What happens comes out of the channel as events.

    :param launcher: starts processes; may have one ready.
    :param channel: gets ``Reported``, ``Exited``, ``ListenAgain`` and ``NothingHeard``.
    """

    def __init__(self, launcher: Launcher, channel: Channel) -> None:
        self._launcher = launcher
        self._channel = channel
        self.run: Run | None = None

    def spawn(self, invocation: Invocation, *, generation: int, distrusted: Iterable[str]) -> Child:
        """Start a process, unless there is one already.

        :param generation: which start it is, counted from 1.
        :param distrusted: sources whose cached bytecode must not be believed.
        :raises OSError: it cannot be started.
        """
        if self.run is not None:
            return self.run.child
        process = self._launcher.launch(invocation, distrusted)
        now = time.monotonic()
        child = Child(pid=process.pid, generation=generation, started_at=now)
        self.run = Run(process=process, child=child)
        self.listen(process)
        # One that was started early has reported already.
        self._channel.post(Reported(process=process))
        self._channel.remind(NothingHeard(process=process), now + _HELLO_SECONDS)
        exited = Exited(process=process)
        link = process.await_exit(lambda: self._channel.post(exited))
        if link is not None:
            self._channel.attach(link, exited)
        return child

    def listen(self, process: ProgramProcess) -> None:
        """Wait for what the agent of a process has to say."""
        # Its reports may have been read once more while this was on its way.
        self._channel.forget(ListenAgain)
        if process.link is not None:
            self._channel.attach(process.link, Reported(process=process))

    def read_reports(self, process: ProgramProcess) -> list[Record]:
        """What the agent has reported, and listen again in a while."""
        records, is_open = process.read_records()
        if process.link is not None:
            self._channel.detach(process.link)
        if is_open:
            later = time.monotonic() + _REPORTS_PAUSE_SECONDS
            self._channel.remind(ListenAgain(process=process), later)
        run = self.run
        if run is None or run.process is not process:
            return []
        for record in records:
            if isinstance(record, Hello):
                run.has_agent = True
            elif isinstance(record, Uncaught) and record.pid == process.pid:
                run.error = record.text
            elif isinstance(record, Traceback) and record.pid == process.pid:
                run.traceback = record.text
        return records

    def reap(self, process: ProgramProcess) -> tuple[Run, int] | None:
        """Take leave of a process that ended.

        :returns: its run and exit code (minus the number of a signal); ``None``
            if it is not the program's, or still alive.
        """
        run = self.run
        if run is None or run.process is not process or (code := process.poll()) is None:
            return None
        self._detach(process)
        process.close()
        self.run = None
        return run, code

    def abandon(self) -> None:
        """End whatever is alive, at once."""
        self._launcher.discard()
        if self.run is not None:
            self._detach(self.run.process)
            self.run.process.discard()
            self.run = None

    def _detach(self, process: ProgramProcess) -> None:
        self._channel.forget(ListenAgain)
        self._channel.forget(NothingHeard)
        for link in (process.link, process.exit_link):
            if link is not None:
                self._channel.detach(link)
