"""Calls that are made on a thread of their own."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from reloader_core.lines import Call, Line
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20.0


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line("reloader-test")
    yield line
    line.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def block(line: Line, gate: threading.Event) -> Call[bool]:
    """Have the line busy until the gate is open."""
    call = line.put(Call(gate.wait, what="block"))
    wait_until(lambda: call.began_at is not None)
    return call


def test_there_is_no_thread_before_the_first_call(line: Line) -> None:
    assert "reloader-test" not in {thread.name for thread in threading.enumerate()}
    call = line.put(Call(lambda: threading.current_thread().name))
    assert call.wait(SECONDS)
    assert call.result() == "reloader-test"


def test_calls_are_made_in_order_by_one_thread(line: Line) -> None:
    def report(number: int) -> tuple[int, int]:
        return number, threading.get_ident()

    calls = [line.put(Call(partial(report, number))) for number in range(50)]
    assert calls[-1].wait(SECONDS)
    results = [call.result() for call in calls]
    assert [number for number, _ in results] == list(range(50))
    assert len({thread for _, thread in results}) == 1


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_call_raises_is_its_result_and_the_line_goes_on(
    line: Line, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    call = line.put(Call(fail))
    assert call.wait(SECONDS)
    with pytest.raises(type(error)):
        call.result()
    after = line.put(Call(lambda: "still here"))
    assert after.wait(SECONDS)
    assert after.result() == "still here"


def test_a_call_that_takes_its_time_is_not_waited_for_longer(
    line: Line, gate: threading.Event
) -> None:
    call = block(line, gate)
    assert not call.wait(0.01)
    assert line.current is call
    assert not line.is_idle
    gate.set()
    assert call.wait(SECONDS)
    assert line.current is None
    assert line.is_idle


def test_a_call_that_has_not_begun_can_be_withdrawn(line: Line, gate: threading.Event) -> None:
    stuck = block(line, gate)
    made: list[str] = []
    withdrawn = line.put(Call(lambda: made.append("withdrawn")))
    kept = line.put(Call(lambda: made.append("kept")))
    assert line.waiting == 2
    assert line.withdraw(withdrawn)
    assert not line.withdraw(stuck)
    gate.set()
    assert kept.wait(SECONDS)
    assert made == ["kept"]
    assert not line.withdraw(kept)


def test_whoever_waits_is_woken_when_a_call_is_done(line: Line) -> None:
    woken = threading.Event()
    call = line.put(Call(lambda: None, wake=woken.set))
    assert woken.wait(SECONDS)
    assert call.is_done


def test_a_closed_line_makes_what_was_put_and_takes_no_more(
    line: Line, gate: threading.Event
) -> None:
    block(line, gate)
    last = line.put(Call(lambda: "last"))
    line.close()
    with pytest.raises(RuntimeError, match="reloader-test has been closed"):
        line.put(Call(lambda: None))
    gate.set()
    assert last.wait(SECONDS)
    assert last.result() == "last"
    wait_until(lambda: "reloader-test" not in {thread.name for thread in threading.enumerate()})


def test_a_refused_call_raises_without_being_made() -> None:
    made: list[None] = []
    call = Call(lambda: made.append(None))
    call.refuse(RuntimeError("too late"))
    assert call.wait(0)
    with pytest.raises(RuntimeError, match="too late"):
        call.result()
    assert made == []
