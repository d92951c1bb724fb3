"""A plan's ``spawn``: asked for anywhere, done on the supervisor's thread, while the plan lasts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from reloader_core import PluginError
from reloader_core.lines import Call, Line
from reloader_core.supervisor.channel import Channel
from reloader_core.supervisor.spawning import Spawning
from reloader_core.testing import fake_child, fake_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_core.model import Child, Command

SECONDS = 20.0


class Starts:
    """What a plan's ``spawn`` leads to."""

    def __init__(self, error: OSError | None = None) -> None:
        self.error = error
        self.commands: list[Command | None] = []
        self.threads: list[int] = []

    def spawn(self, command: Command | None) -> Child:
        self.commands.append(command)
        self.threads.append(threading.get_ident())
        if self.error is not None:
            raise self.error
        return fake_child()


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line("reloader-plugin test")
    yield line
    line.close()


def serve_until_done(channel: Channel, spawning: Spawning, call: Call[Any]) -> None:
    def is_done() -> bool:
        spawning.serve()
        return call.is_done

    assert channel.wait_for(is_done, SECONDS)


def test_another_thread_has_it_done_on_the_owners(channel: Channel, line: Line) -> None:
    starts = Starts()
    spawning = Spawning(starts.spawn, generation=2, wake=channel.wake)
    command = fake_command("other.py")
    call = line.put(Call(lambda: spawning(command=command), wake=channel.wake))
    serve_until_done(channel, spawning, call)
    assert call.result() == spawning.child == fake_child()
    assert starts.commands == [command]
    assert starts.threads == [threading.get_ident()]


def test_the_owner_does_it_at_once(channel: Channel) -> None:
    starts = Starts()
    assert Spawning(starts.spawn, generation=1, wake=channel.wake)() == fake_child()
    assert starts.threads == [threading.get_ident()]


def test_what_goes_wrong_is_raised_where_it_was_asked_for(channel: Channel, line: Line) -> None:
    starts = Starts(FileNotFoundError("no such interpreter"))
    spawning = Spawning(starts.spawn, generation=1, wake=channel.wake)
    call = line.put(Call(spawning, wake=channel.wake))
    serve_until_done(channel, spawning, call)
    with pytest.raises(FileNotFoundError, match="no such interpreter"):
        call.result()
    assert spawning.child is None


def test_nonsense_is_not_started(channel: Channel) -> None:
    starts = Starts()
    spawning = Spawning(starts.spawn, generation=1, wake=channel.wake)
    nonsense: Any = attrs.evolve(fake_command(), argv=())
    with pytest.raises(ValueError, match="argv is empty"):
        spawning(command=nonsense)
    assert starts.commands == []


def test_a_plan_that_is_over_starts_nothing(channel: Channel, line: Line) -> None:
    starts = Starts()
    spawning = Spawning(starts.spawn, generation=3, wake=channel.wake)
    asked = threading.Event()

    def spawn_unheard() -> Child:
        asked.set()
        return spawning()

    unheard = line.put(Call(spawn_unheard))
    assert asked.wait(SECONDS)
    spawning.close()
    assert unheard.wait(SECONDS)
    late = line.put(Call(spawning))
    assert late.wait(SECONDS)
    for call in (unheard, late):
        with pytest.raises(PluginError, match=r"start 3 is over: the program was started without"):
            call.result()
    assert starts.commands == []
