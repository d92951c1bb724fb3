"""Somebody sits at a debugger prompt of the program: a restart would take it away."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from reloader_core.agent.protocol import AtPrompt, LeftPrompt
from reloader_core.supervisor.channel import Due

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.agent.protocol import Record
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.holds import Holds

#: A process that dies at its prompt cannot say that it leaves it.
_LOOK_SECONDS = 2.0


class _IsItStillThere(Due):
    """It is time to see whether a process at a prompt still is."""


class Prompts:
    """Holds changes back while a process of the program is at a prompt.

    :param title: the program.
    :param is_holding: whether that is wanted.
    """

    def __init__(self, channel: Channel, holds: Holds, *, title: str, is_holding: bool) -> None:
        self._channel = channel
        self._holds = holds
        self._title = title
        self._is_holding = is_holding
        self._pids: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._pids)

    def learn(self, records: Iterable[Record]) -> None:
        """The agent reports."""
        for record in records:
            if isinstance(record, AtPrompt):
                self._enter(record.pid)
            elif isinstance(record, LeftPrompt):
                self._leave(record.pid)

    def end_program(self) -> None:
        """The program is gone, and its prompts with it."""
        for pid in list(self._pids):
            self._leave(pid)

    def _enter(self, pid: int) -> None:
        self._pids.add(pid)
        if self._is_holding:
            self._holds.add(("prompt", pid), f"{self._title} is at a debugger prompt")
        self._look_later()

    def _leave(self, pid: int) -> None:
        self._pids.discard(pid)
        self._holds.release(("prompt", pid))
        if not self._pids:
            self._channel.forget(_IsItStillThere)

    def _look_later(self) -> None:
        self._channel.remind(_IsItStillThere(self._look), time.monotonic() + _LOOK_SECONDS)

    def _look(self) -> None:
        for pid in list(self._pids):
            if not _is_alive(pid):
                self._leave(pid)
        if self._pids:
            self._look_later()


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True
