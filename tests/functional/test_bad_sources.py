"""Change sources that raise, lie, block or die: told in a line each, and replaced by ``stat``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import WAITING_PROGRAM, Running, wait_until
from tests.functional.live import assign

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

#: A backend that does what ``stat`` does, but for what a test puts into it.
EVIL = """\
import os, sys, threading, time
from reloader_core import BackendUnavailableError, hookimpl
from reloader_core.model import Hint

class EvilSource:
    def __init__(self, inner):
        self.inner = inner

    def watch(self, files, trees):
        {watch}
        self.inner.watch(files, trees)

    def wait(self, timeout):
        {wait}
        return self.inner.wait(timeout)

    def close(self):
        {close}
        self.inner.close()

@hookimpl
def open_change_source(request):
    {open}
    return EvilSource(request.open_backend("stat"))
"""


class Evil:
    """A program that is watched by a backend which misbehaves."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        workshop.write("app.py", WAITING_PROGRAM)
        workshop.write("value.py", assign("0"))
        workshop.write(
            "installed/evil-1.0.dist-info/entry_points.txt", "[reloader.backends]\nevil = evil\n"
        )
        self.edits = 0

    def start(self, *options: str, **faults: str) -> Running:
        bodies = {name: faults.get(name, "pass") for name in ("watch", "wait", "close", "open")}
        self.workshop.write("installed/evil.py", EVIL.format(**bodies))
        self.running = self.workshop.reloader(
            *("run", "--reloader-type", "evil", "--interval", "0.1", *options, "app.py"),
            env={"PYTHONPATH": str(self.workshop.directory / "installed")},
        )
        self.running.out.wait_for("value 0")
        return self.running

    def edit(self) -> None:
        self.edits += 1
        self.workshop.write("value.py", assign(str(self.edits)))
        self.running.out.wait_for(f"value {self.edits} ")

    @property
    def lines(self) -> list[str]:
        """What was said of backends."""
        return [line for line in self.running.err.lines if "backend" in line]


@pytest.fixture
def evil(workshop: Workshop) -> Evil:
    return Evil(workshop)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"open": "raise ValueError('no')"}, "failed: ValueError: no "),
        ({"open": "sys.exit(3)"}, "failed: SystemExit: 3 "),
        ({"open": "return object()"}, "failed: TypeError: expected a change source, got "),
        ({"open": "return None"}, "failed: PluginError: backend 'evil' returned no change source"),
        ({"watch": "raise ValueError('no')"}, "failed: ValueError: no "),
        ({"watch": "sys.exit(3)"}, "failed: SystemExit: 3 "),
        ({"wait": "raise ValueError('no')"}, "failed: ValueError: no "),
        ({"wait": "sys.exit(3)"}, "failed: SystemExit: 3 "),
        ({"wait": "return None"}, "failed: TypeError: expected hints from wait(), got None"),
        ({"wait": "return 'value.py'"}, "failed: TypeError: expected hints from wait(), got 'v"),
        ({"wait": "return [3]"}, "failed: TypeError: expected hints from wait(), got 3"),
        (
            {"wait": "return [Hint(path=None)]"},
            "failed: TypeError: expected a string and a HintScope in the hint, got ",
        ),
        ({"wait": "return (1 / 0 for _ in '1')"}, "failed: ZeroDivisionError: division by zero "),
        ({"wait": "return ()"}, "does not wait: wait() returned nothing 200 times a second"),
    ],
)
def test_a_bad_source_is_opened_anew_twice_and_then_replaced(
    evil: Evil, faults: dict[str, str], words: str
) -> None:
    running = evil.start(**faults)
    evil.edit()
    running.err.wait_for("using stat instead")
    evil.edit()
    assert running.stop() == 143
    assert len(evil.lines) == 3
    for line, verb in zip(
        evil.lines, ["opening it anew", "opening it anew", "using stat instead"], strict=True
    ):
        assert f"the evil backend {words}" in line
        assert line.endswith(f"; {verb}")


def test_a_source_that_fails_at_an_edit_loses_none(evil: Evil) -> None:
    """What changed while there was no source is found when there is one again."""
    body = "for hint in self.inner.wait(timeout): raise OSError('lost')"
    running = evil.start(wait=body)
    for _ in range(6):
        evil.edit()
    assert running.stop() == 143
    assert [line.rpartition("; ")[2] for line in evil.lines] == [
        "opening it anew",
        "opening it anew",
        "using stat instead",
    ]


def test_an_edit_while_a_source_is_opened_anew_is_not_lost(evil: Evil) -> None:
    running = evil.start(
        wait="os.path.exists('fail') or self.inner.wait(timeout); raise OSError('gone')",
        open=(
            "if os.path.exists('fail'):\n"
            "        open('opening', 'w').close()\n"
            "        while not os.path.exists('go'): time.sleep(0.01)"
        ),
    )
    evil.workshop.write("fail", "")
    evil.workshop.write("value.py", assign("lost?"))
    wait_until((evil.workshop.directory / "opening").exists)
    evil.workshop.write("value.py", assign("1"))
    evil.workshop.write("go", "")
    running.out.wait_for("value 1 ")
    assert running.stop() == 143


@pytest.mark.parametrize("fault", ["raise ValueError('no')", "sys.exit(3)"])
def test_a_source_that_cannot_be_closed_is_named(evil: Evil, fault: str) -> None:
    running = evil.start(close=fault)
    evil.edit()
    assert running.stop() == 143
    running.err.wait_for("the evil backend, being closed, failed: ")


def test_a_source_that_cannot_be_closed_does_not_hold_up_the_end(evil: Evil) -> None:
    running = evil.start(close="time.sleep(60)")
    evil.edit()
    began = time.monotonic()
    assert running.stop() == 143
    assert time.monotonic() - began < 10.0


def test_a_limit_that_is_met_later_leads_to_the_fallback(evil: Evil) -> None:
    body = "if len(files) > 1: raise BackendUnavailableError('no watches left', fallback='stat')"
    running = evil.start(watch=body)
    evil.edit()
    running.err.wait_for(r"^\[reloader\] no watches left; using stat instead$")
    assert running.stop() == 143


def test_a_source_that_hints_at_everything_all_the_time_restarts_nothing(evil: Evil) -> None:
    running = evil.start(wait="return [Hint.everything()]")
    evil.edit()
    evil.edit()
    assert running.stop() == 143
    assert evil.lines == []
    assert running.out.text.count("value") == 3


def test_a_backend_that_ends_it_all_while_it_is_imported_is_an_error_before_the_start(
    evil: Evil,
) -> None:
    evil.workshop.write("installed/evil.py", "import sys\nsys.exit(3)\n")
    running = evil.workshop.reloader(
        *("run", "--reloader-type", "evil", "app.py"),
        env={"PYTHONPATH": str(evil.workshop.directory / "installed")},
    )
    assert running.wait() == 2
    assert "error: backend 'evil' of evil-1.0 cannot be imported: SystemExit: 3 (" in (
        running.err.text
    )
