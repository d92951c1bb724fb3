"""What is said and told when a program begins to run, and when it is ready."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import attrs

from reloader_core.agent import INJECT_DIRECTORY
from reloader_core.agent.protocol import Adapted
from reloader_core.notices import Level, Report
from reloader_core.supervisor import messages
from reloader_core.supervisor.channel import Channel, Due
from reloader_core.supervisor.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.agent.protocol import Record
    from reloader_core.model import ReloadReport
    from reloader_core.supervisor.cause import Cause
    from reloader_core.supervisor.child.program import Run
    from reloader_core.supervisor.control.status import History
    from reloader_core.supervisor.hooks import Hooks
    from reloader_core.supervisor.notify import NotifySocket
    from reloader_core.supervisor.sockets.kept import KeptSockets


class _ReadyByNow(Due):
    """The program has come to rest, if it has said nothing since."""


class _UnclaimedByNow(Due):
    """A program that is ready has had its time to ask for the sockets of the one before."""


#: A program that listens on several sockets opens one after the other.
_CLAIM_SECONDS = 5.0


class Beginnings:
    """Tells the user and the observers of the beginnings of one program after the other.

    :param title: the program.
    :param root: paths below it are shown relative to it.
    :param kept: sockets of earlier programs, which a program does not want for ever.
    :param notify: where a program may say that it is ready.
    :param channel: reminds the loop of what is due.
    :param history: has all restarts.
    :ivar readiness: whether the program can do its work.
    """

    def __init__(
        self,
        *,
        title: str,
        root: str,
        hooks: Hooks,
        kept: KeptSockets,
        notify: NotifySocket,
        channel: Channel,
        history: History,
        report: Report,
    ) -> None:
        self._title = title
        self._root = root
        self._hooks = hooks
        self._kept = kept
        self._notify = notify
        self._channel = channel
        self._history = history
        self._report = report
        self._tell = messages.make_tell(report)
        self._adapted: set[str] = set()
        self._unfinished: ReloadReport | None = None
        self.readiness = Readiness()

    def open(self) -> None:
        """Listen to what programs say."""
        if self._notify.socket is not None:
            self._channel.attach(self._notify.socket, Due(self._hear))

    def close(self) -> None:
        """Listen no longer."""
        if self._notify.socket is not None:
            self._channel.detach(self._notify.socket)

    def _hear(self) -> None:
        if self._notify.hear():
            self.readiness.note_ready(time.monotonic())

    def tell(self, run: Run, cause: Cause | None) -> None:
        """The program runs.

        A restart is over, and told of, when the program can do its work. One whose predecessors
        never said when that was is taken at its start.

        :param cause: what led to it; ``None`` for the first start, and one it asked for.
        """
        now = time.monotonic()
        self.readiness.begun_at = now
        if run.child.generation == 1:
            pid = run.child.pid
            text = f"{self._title} started (pid {pid})"
            self._tell(Level.DETAIL, "started", text, {"pid": pid})
        elif cause is None:
            self._tell(Level.INFO, "restarted", f"{self._title} restarted as it asked to be")
        self._hooks.child_started(run.child)
        if cause is not None:
            self._unfinished = cause.report(run.child, now=now, root=self._root)
            if not self.readiness.is_to_be_told:
                self.finish()

    def finish(self) -> None:
        """Tell of a restart that is under way, if one is: the program is ready, or has ended."""
        report, self._unfinished = self._unfinished, None
        if report is not None:
            if (ready_at := self.readiness.told_at) is not None:
                begun_at = self.readiness.begun_at
                report = attrs.evolve(report, ready_seconds=max(0.0, ready_at - begun_at))
            self._report(messages.restarted(report))
            self._hooks.reload_finished(report)
            self._history.add(report)

    def tell_of_adapted(self, records: Iterable[Record]) -> None:
        """What was changed of frameworks, once."""
        for record in records:
            if isinstance(record, Adapted) and record.note not in self._adapted:
                self._adapted.add(record.note)
                self._tell(Level.INFO, "adapted", record.note)

    def tell_of_no_agent(self, run: Run, *, is_anything_watched: bool) -> None:
        """The program runs without an agent that would say what it loads."""
        if not os.path.isdir(INJECT_DIRECTORY):
            text = "the files of reloader itself are gone, upgraded perhaps: start it anew"
            self._tell(Level.WARNING, "unwatched", f"{text}; changes are not noticed any more")
        elif run.child.generation == 1 and not is_anything_watched:
            self._tell(
                Level.WARNING,
                "unwatched",
                f"{self._title} is not a Python program that can be looked into,"
                " and there are no extra_files: nothing is watched",
            )

    def look_for_readiness(self, run: Run | None) -> None:
        """Tell the observers, once, when the program can do its work."""
        if run is None or not run.is_announced or run.is_ready:
            return
        if self.readiness.is_ready(time.monotonic()):
            run.is_ready = True
            self._notify.tell_ready()
            self.finish()
            self._tell(Level.DETAIL, "ready", f"{self._title} is ready")
            self._hooks.child_ready(run.child)
            drop = partial(self._kept.drop_unclaimed, self._kept.programs)
            self._channel.remind(_UnclaimedByNow(drop), time.monotonic() + _CLAIM_SECONDS)
        else:
            self._channel.remind(_ReadyByNow(lambda: None), self.readiness.ready_at())
