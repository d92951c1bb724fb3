"""Listening to the program's agent."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, cast

import pytest

from reloader_core.supervisor.channel import Channel
from reloader_core.supervisor.child.direct import DirectHost
from reloader_core.supervisor.child.launcher import Launcher
from reloader_core.supervisor.child.program import ListenAgain, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_core.agent.protocol import Record
    from reloader_core.supervisor.child.process import ProgramProcess


class Agent:
    """A process as far as it is listened to."""

    def __init__(self) -> None:
        self.link, self.theirs = socket.socketpair()

    def read_records(self) -> tuple[list[Record], bool]:
        return [], True

    def close(self) -> None:
        self.link.close()
        self.theirs.close()


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.close()


def test_reports_may_be_read_between_a_reminder_and_its_handling(
    channel: Channel, agent: Agent
) -> None:
    """A change that is acted on has them read, and the reminder may be in the same batch."""
    launcher = Launcher(DirectHost())
    program = Program(launcher, channel)
    process = cast("ProgramProcess", agent)
    program.listen(process)
    program.read_reports(process)
    (reminder,) = channel.receive(time.monotonic() + 10.0)
    assert isinstance(reminder, ListenAgain)
    program.read_reports(process)
    program.listen(process)
    assert channel.receive(time.monotonic() + 0.1) == []
    program.read_reports(process)
    (reminder,) = channel.receive(time.monotonic() + 10.0)
    program.listen(process)
    launcher.close()
