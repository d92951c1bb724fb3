"""What is said and told when a program begins to run, and when it is ready."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

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
    from reloader_core.supervisor.hooks import Hooks
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
    :param channel: reminds the loop of what is due.
    :ivar readiness: whether the program can do its work.
    """

    def __init__(
        self,
        *,
        title: str,
        root: str,
        hooks: Hooks,
        kept: KeptSockets,
        channel: Channel,
        report: Report,
    ) -> None:
        self._title = title
        self._root = root
        self._hooks = hooks
        self._kept = kept
        self._channel = channel
        self._report = report
        self._tell = messages.make_tell(report)
        self._adapted: set[str] = set()
        self.readiness = Readiness()

    def tell(self, run: Run, cause: Cause | None) -> ReloadReport | None:
        """The program runs.

        :param cause: what led to it; ``None`` for the first start, and one it asked for.
        :returns: what was told of it if it is a restart.
        """
        self.readiness.begin_program(time.monotonic())
        if run.child.generation == 1:
            pid = run.child.pid
            text = f"{self._title} started (pid {pid})"
            self._tell(Level.DETAIL, "started", text, {"pid": pid})
        elif cause is None:
            self._tell(Level.INFO, "restarted", f"{self._title} restarted as it asked to be")
        self._hooks.child_started(run.child)
        if cause is None:
            return None
        report = cause.report(run.child, now=time.monotonic(), root=self._root)
        self._report(messages.restarted(report))
        self._hooks.reload_finished(report)
        return report

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
            self._tell(Level.DETAIL, "ready", f"{self._title} is ready")
            self._hooks.child_ready(run.child)
            drop = partial(self._kept.drop_unclaimed, self._kept.programs)
            self._channel.remind(_UnclaimedByNow(drop), time.monotonic() + _CLAIM_SECONDS)
        else:
            self._channel.remind(_ReadyByNow(lambda: None), self.readiness.ready_at())
