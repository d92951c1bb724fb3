"""A change source that fails: rebuilt, replaced, and never the end of the watching."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from reloader_core import BackendUnavailableError
from reloader_core.model import Hint
from reloader_core.plugins.answers import read_source
from reloader_core.supervisor.watch import guard
from reloader_core.supervisor.watch.source import Watching
from reloader_core.testing import FakeClock, ScriptedSource
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reloader_core.model import ChangeSource

FILES = frozenset({"/project/app.py"})
NONE: frozenset[Any] = frozenset()
PATIENCE_SECONDS = 0.2
WEEK_SECONDS = 7 * 86_400.0


class Fixture:
    """A watching whose sources a test makes."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.details: list[str] = []
        self.hints: list[Hint] = []
        self.failures: list[Callable[[], None]] = []
        self.clock = FakeClock()
        self.opened: list[str] = []
        self.makers: dict[str, Callable[[], ChangeSource]] = {"stat": ScriptedSource}
        self.sources: list[ChangeSource] = []
        self.watching = Watching(
            "evil",
            open_source=self.open,
            warn=self.told.append,
            detail=self.details.append,
            clock=self.clock,
        )
        self.watching.attach(
            on_hints=lambda hints, at: self.hints.extend(hints), on_failure=self.failures.append
        )

    def open(self, name: str) -> ChangeSource:
        self.opened.append(name)
        source = self.makers[name]()
        self.sources.append(source)
        return source

    def watch(self) -> bool:
        return self.watching.watch(FILES, NONE)

    def recover(self) -> None:
        """What the inspector does when a source failed while it was waited for."""
        wait_until(lambda: self.failures, "the source to fail")
        self.failures.pop(0)()

    @property
    def last(self) -> ScriptedSource:
        source = self.sources[-1]
        assert isinstance(source, ScriptedSource)
        return source


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fixture]:
    monkeypatch.setattr(guard, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(guard, "_CLOSE_SECONDS", PATIENCE_SECONDS)
    made = Fixture()
    yield made
    made.watching.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def evil(**methods: Callable[..., object]) -> Callable[[], ChangeSource]:
    """Makes sources that do nothing but what is given."""
    return type("Evil", (ScriptedSource,), methods)


def raising(error: BaseException) -> Callable[..., object]:
    def method(*_: object) -> object:
        raise error

    return method


def returning(value: object) -> Callable[..., object]:
    return lambda *_: value


def yielding(*values: object) -> Callable[..., object]:
    def method(*_: object) -> Iterator[object]:
        for value in values:
            if isinstance(value, BaseException):
                raise value
            yield value

    return method


def replaced(fault: str) -> list[str]:
    return [
        f"the evil backend {fault}; opening it anew",
        f"the evil backend {fault}; opening it anew",
        f"the evil backend {fault}; using stat instead",
    ]


def without_places(lines: list[str]) -> list[str]:
    return [
        "".join(part.partition(")")[2] if number else part for number, part in enumerate(parts))
        for parts in (line.split(" (tests/unit/test_watching.py:") for line in lines)
    ]


@pytest.mark.parametrize(
    ("maker", "fault"),
    [
        (raising(ValueError("no\nand no")), "failed: ValueError: no"),
        (raising(SystemExit(3)), "failed: SystemExit: 3"),
        (raising(KeyboardInterrupt()), "failed: KeyboardInterrupt"),
        (evil(watch=raising(OSError("no"))), "failed: OSError: no"),
        (evil(watch=raising(SystemExit(3))), "failed: SystemExit: 3"),
        (evil(watch=lambda: None), None),
    ],
)
def test_a_source_that_cannot_be_opened_or_watch_is_rebuilt_twice_and_then_replaced(
    made: Fixture, maker: Callable[[], ChangeSource], fault: str | None
) -> None:
    made.makers["evil"] = maker
    assert made.watch()
    assert made.opened == ["evil", "evil", "evil", "stat"]
    if fault is not None:
        assert without_places(made.told) == replaced(fault)
    assert len(made.told) == 3
    assert made.last.files == FILES
    assert made.watching.take_gap()
    assert not made.watching.take_gap()


@pytest.mark.parametrize(
    ("wait", "fault"),
    [
        (raising(ValueError("no")), "failed: ValueError: no"),
        (raising(SystemExit(3)), "failed: SystemExit: 3"),
        (returning(None), "failed: TypeError: expected hints from wait(), got None"),
        (returning("app.py"), "failed: TypeError: expected hints from wait(), got 'app.py'"),
        (returning(["app.py"]), "failed: TypeError: expected hints from wait(), got 'app.py'"),
        (yielding(KeyError("no")), "failed: KeyError: 'no'"),
        (yielding(Hint(path="a"), SystemExit(3)), "failed: SystemExit: 3"),
        (returning(()), "does not wait: wait() returned nothing 200 times a second"),
        (yielding(), "does not wait: wait() returned nothing 200 times a second"),
    ],
)
def test_a_source_whose_wait_goes_wrong_is_rebuilt_twice_and_then_replaced(
    made: Fixture, wait: Callable[..., object], fault: str
) -> None:
    made.makers["evil"] = evil(wait=wait)
    assert made.watch()
    for _ in range(3):
        made.recover()
        assert made.watching.take_gap()
        assert made.watch()
    assert made.opened == ["evil", "evil", "evil", "stat"]
    assert without_places(made.told) == replaced(fault)
    assert all(
        source.is_closed for source in made.sources[:3] if isinstance(source, ScriptedSource)
    )
    made.last.hint("/project/app.py")
    wait_until(lambda: Hint(path="/project/app.py") in made.hints)


def test_what_a_source_lacks_is_said(made: Fixture) -> None:
    class HasNoClose:
        watch = wait = returning(())

    made.makers["evil"] = lambda: read_source(HasNoClose())  # as the backends do
    assert made.watch()
    assert "TypeError: expected a change source, got <" in made.told[0]
    assert " without close()" in made.told[0]


@pytest.mark.parametrize("where", ["open", "watch"])
def test_a_source_that_blocks_is_replaced_and_closed_when_it_is_back(
    made: Fixture, gate: threading.Event, where: str
) -> None:
    def block(*_: object) -> None:
        gate.wait()

    def open_it() -> ChangeSource:
        if where == "open":
            gate.wait()
            return ScriptedSource()
        return evil(watch=block)()

    made.makers["evil"] = open_it
    assert made.watch()
    assert made.told == replaced("has not taken up the files for 0.2 s")
    gate.set()
    wait_until(lambda: len(made.sources) == 4)
    wait_until(lambda: sum(getattr(each, "is_closed", False) for each in made.sources) == 3)
    assert not made.failures


def test_the_last_resort_is_waited_for_however_long_it_takes(
    made: Fixture, gate: threading.Event
) -> None:
    class Slow(ScriptedSource):
        def watch(self, *_: Any) -> None:
            gate.wait()
            super().watch(*_)

    made.makers |= {"evil": raising(BackendUnavailableError("no kernel")), "stat": Slow}  # type: ignore[dict-item]
    for _ in range(3):
        assert not made.watch()
    assert made.opened == ["evil", "stat"]
    assert made.told == [
        "no kernel; using stat instead",
        "the stat backend has not taken up the files for 0.2 s; changes are not noticed for now",
    ]
    gate.set()
    wait_until(made.watch)
    assert made.told[2:] == ["changes are noticed again, by stat"]


def test_without_any_source_it_is_tried_again_later_and_said_once(made: Fixture) -> None:
    made.makers = {"evil": raising(OSError("no")), "stat": raising(OSError("neither"))}  # type: ignore[dict-item]
    assert not made.watch()
    assert len(made.opened) == 6
    assert len(made.told) == 6
    assert made.told[-1].endswith("; changes are not noticed for now")
    assert not made.watch()  # so soon, nothing is tried
    assert len(made.opened) == 6
    for _ in range(3):
        made.clock.advance(5.0)
        assert not made.watch()
    assert len(made.opened) == 9
    assert len(made.told) == 6
    made.makers["stat"] = ScriptedSource
    made.clock.advance(5.0)
    assert made.watch()
    assert made.told[6:] == ["changes are noticed again, by stat"]
    assert made.watching.take_gap()


def test_backends_that_refer_to_each_other_end_at_the_last_resort(made: Fixture) -> None:
    def refer(name: str) -> Callable[[], ChangeSource]:
        return raising(BackendUnavailableError("not here", fallback=name))  # type: ignore[return-value]

    made.makers |= {"evil": refer("other"), "other": refer("evil")}
    assert made.watch()
    assert made.opened == ["evil", "other", "stat"]
    assert len(made.told) == 2


def test_faults_far_apart_are_forgiven(made: Fixture) -> None:
    made.makers["evil"] = ScriptedSource
    assert made.watch()
    for _ in range(5):
        made.clock.advance(WEEK_SECONDS / 3)
        made.last.fail(OSError("for once"))
        made.recover()
        assert made.watch()
    assert set(made.opened) == {"evil"}
    for _ in range(3):  # the last one was the first of three
        made.clock.advance(60.0)
        if made.opened[-1] == "evil":
            made.last.fail(OSError("again"))
            made.recover()
            assert made.watch()
    assert made.opened[-1] == "stat"


@pytest.mark.parametrize(
    ("close", "fault"),
    [
        (raising(SystemExit(3)), "failed: SystemExit: 3 (tests"),
        (raising(OSError("no")), "failed: OSError: no (tests"),
    ],
)
def test_a_source_that_cannot_be_closed_is_named_and_left(
    made: Fixture, close: Callable[..., object], fault: str
) -> None:
    gone = threading.Event()
    made.makers["evil"] = evil(close=close, wait=lambda *_: gone.wait() and raising(OSError())())
    assert made.watch()
    gone.set()
    made.recover()
    assert made.watch()
    assert f"the evil backend, being closed, {fault}" in made.told[1]


def test_a_close_that_blocks_holds_nothing_up(made: Fixture, gate: threading.Event) -> None:
    def block(*_: object) -> None:
        gate.wait()

    made.makers["evil"] = evil(close=block)
    assert made.watch()
    began = time.monotonic()
    made.watching.close()
    assert time.monotonic() - began < 10.0
    assert made.told == ["the evil backend, being closed, has not returned from close() for 0.2 s"]
    ScriptedSource.close(made.last)  # so that its wait ends


def test_a_wait_that_ignores_close_is_left_behind(made: Fixture, gate: threading.Event) -> None:
    made.makers["evil"] = evil(wait=lambda *_: gate.wait() and ())
    assert made.watch()
    made.watching.close()
    assert made.told == ["the evil backend, being closed, goes on in wait() though it was closed"]


def test_hints_of_an_endless_generator_are_handed_on_as_they_come(made: Fixture) -> None:
    class Endless(ScriptedSource):
        def wait(self, timeout: float | None) -> Iterator[Hint]:
            while not self.is_closed:
                yield from super().wait(timeout)

    made.makers["evil"] = Endless
    assert made.watch()
    for path in ("/1", "/2"):
        made.last.hint(path)
        wait_until(lambda: made.hints)
        assert made.hints.pop() == Hint(path=path)
    assert made.told == []


def test_a_source_that_hints_without_end_is_slowed_down(made: Fixture) -> None:
    made.makers["evil"] = evil(wait=returning([Hint.everything()]))
    assert made.watch()
    wait_until(lambda: len(made.hints) > 100)
    before = len(made.hints)
    time.sleep(1.0)  # what it says within a second
    assert len(made.hints) - before < 2500
    assert made.told == []


def test_a_failure_that_was_dealt_with_already_is_no_other_one(made: Fixture) -> None:
    made.makers["evil"] = ScriptedSource
    assert made.watch()
    made.last.fail(OSError("in wait"))
    wait_until(lambda: made.failures)
    made.last.fail_watch(OSError("in watch"))
    assert made.watch()
    assert len(made.opened) == 2
    made.recover()
    assert made.watch()
    assert len(made.opened) == 2
    assert len(made.told) == 1


def test_a_traceback_is_a_detail(made: Fixture) -> None:
    made.makers["evil"] = raising(OSError("no"))  # type: ignore[assignment]
    assert made.watch()
    assert "Traceback" in made.details[0]
    assert "OSError: no" in made.details[0]
