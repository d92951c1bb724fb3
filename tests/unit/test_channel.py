"""The wake-up channel, where the loop waits for one thing and loses none of the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.supervisor.channel import Channel, SignalReceived

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20.0


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


def test_a_wait_ends_when_it_is_so(channel: Channel) -> None:
    is_so = threading.Event()

    def make_it_so() -> None:
        is_so.set()
        channel.wake()

    thread = threading.Timer(0.05, make_it_so)
    thread.start()
    assert channel.wait_for(is_so.is_set, SECONDS)
    thread.join()
    assert not channel.wait_for(lambda: False, 0.01)


def test_what_came_during_a_wait_is_received_after_it(channel: Channel) -> None:
    channel.post("first")
    assert not channel.wait_for(lambda: False, 0.01)
    channel.post("second")
    assert not channel.wait_for(lambda: False, 0.01)
    assert channel.sleep(SECONDS)
    assert channel.receive(time.monotonic() + SECONDS) == ["first", "second"]
    assert not channel.sleep(0)


def test_a_signal_that_ends_it_all_ends_a_wait_and_is_received_after_it(channel: Channel) -> None:
    with channel.catching_signals([signal.SIGTERM]):
        timer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGTERM])
        timer.start()
        began = time.monotonic()
        assert not channel.wait_for(lambda: False, SECONDS)
        assert time.monotonic() - began < SECONDS / 2
        timer.join()
        assert channel.is_quitting
        assert not channel.wait_for(lambda: False, SECONDS)  # nor does it wait then
        assert channel.wait_for(lambda: True, SECONDS)
        received = channel.receive(time.monotonic() + SECONDS)
        assert received == [SignalReceived(number=signal.SIGTERM)]
        assert not channel.is_quitting


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signal")
def test_another_signal_does_not_end_a_wait_and_is_not_lost(channel: Channel) -> None:
    with channel.catching_signals([signal.SIGUSR1]):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert not channel.wait_for(lambda: False, 0.05)
        assert not channel.is_quitting
        received = channel.receive(time.monotonic() + SECONDS)
        assert received == [SignalReceived(number=signal.SIGUSR1)]


def test_a_signal_that_means_something_else_here_does_not_end_a_wait(channel: Channel) -> None:
    channel.quit_signals = frozenset()
    with channel.catching_signals([signal.SIGTERM]):
        os.kill(os.getpid(), signal.SIGTERM)
        assert not channel.wait_for(lambda: False, 0.05)
        assert not channel.is_quitting
        assert len(channel.receive(time.monotonic() + SECONDS)) == 1
