"""The guest's clock is set while a program runs: nobody else's clock is at hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.control import Client, NotRunningError
from tests.functional.harness import BACKENDS, wait_until
from tests.functional.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.harness import Workshop

_DAY_SECONDS = 24 * 3600.0


@pytest.fixture
def jump() -> Iterator[Callable[[float], None]]:
    """Sets the clock by so many seconds; afterwards it is right again."""
    wall, steady = time.time(), time.monotonic()

    def set_clock(seconds: float) -> None:
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)

    yield set_clock
    time.clock_settime(time.CLOCK_REALTIME, wall + time.monotonic() - steady)


def is_listening(client: Client) -> bool:
    try:
        client.status()
    except NotRunningError:
        return False
    return True


@pytest.mark.parametrize("backend", BACKENDS)
def test_edits_are_followed_whatever_the_clock_says(
    workshop: Workshop, backend: str, jump: Callable[[float], None]
) -> None:
    live = Live(workshop, backend)
    live.start_with_witness()
    live.expect("one")
    for seconds, value in (
        (_DAY_SECONDS, "two"),
        (-2 * _DAY_SECONDS, "six"),
        (0.0, "ten"),
        (30 * 365 * _DAY_SECONDS, "far"),
        (-30 * 365 * _DAY_SECONDS, "now"),
    ):
        jump(seconds)
        live.let_look()  # a jump alone restarts nothing
        live.edit(value)
        live.expect(value)
    assert live.finish() == ["one", "two", "six", "ten", "far", "now"]


def test_what_waits_for_a_time_does_not_wait_for_the_clock(
    workshop: Workshop, jump: Callable[[float], None]
) -> None:
    live = Live(workshop, "inotify")
    live.start()
    live.expect("one")
    client = Client(workshop.directory)
    wait_until(lambda: is_listening(client), "the supervisor to listen")
    jump(-_DAY_SECONDS)
    for value in ("two", "six"):
        live.edit(value)
        assert client.wait(timeout=20.0).is_ready
        live.expect(value)
    client.pause(0.5)
    jump(-_DAY_SECONDS)
    live.edit("ten")
    live.expect("ten")  # when the pause is over by itself
    assert abs(time.time() - client.status().restarts[-1].at) < 60.0
    assert live.finish() == ["one", "two", "six", "ten"]
