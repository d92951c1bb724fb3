"""Plugins that raise, answer nonsense, block or exit: named, bounded, and in nobody's way."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.harness import WAITING_PROGRAM, Running, wait_until
from tests.functional.live import assign

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

#: What each hook takes, called nothing in particular.
ARGUMENTS = {
    "iter_watched_files": "request",
    "should_reload": "batch",
    "restart_child": "plan",
    "adapt_command": "command",
    "child_started": "child",
    "child_ready": "child",
    "child_exited": "ended",
    "reload_finished": "report",
}
HOOKS_THAT_ANSWER = ["iter_watched_files", "should_reload", "restart_child", "adapt_command"]
OBSERVERS = ["child_started", "child_ready", "child_exited", "reload_finished"]

#: Called at each restart; ``adapt_command`` is only called once.
CALLED_AGAIN = [hook for hook in ARGUMENTS if hook != "adapt_command"]

FAULTS = {
    "raise LookupError('no such thing')": "LookupError: no such thing",
    "sys.exit(3)": "SystemExit: 3",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "return 42": "TypeError: expected .*, got 42",
}

#: Observes beside the others, and adds a file: whatever they do, it goes on.
GOOD = """\
from reloader_core import hookimpl

@hookimpl
def iter_watched_files(request):
    return ["words.txt"]

@hookimpl
def child_ready(child):
    with open("heard", "a") as file:
        file.write(f"ready {child.generation}\\n")
"""

#: Listens, so that it is known to be ready.
PROGRAM = "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n" + WAITING_PROGRAM


def plugin(hook: str, body: str, *, prelude: str = "") -> str:
    """The source of a plugin with one hook."""
    return (
        "import os, sys, time, itertools, attrs\n"
        "from reloader_core import hookimpl\n"
        "from reloader_core.model import *\n"
        f"{prelude}\n"
        "@hookimpl\n"
        f"def {hook}({ARGUMENTS[hook]}):\n"
        f"    {body}\n"
    )


class Suspects:
    """A program under a reloader with a good plugin and a bad one."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.directory = workshop.directory
        workshop.write("app.py", PROGRAM)
        workshop.write("value.py", assign("0"))
        workshop.write("good.py", GOOD)
        self.edits = 0

    def start(self, bad: str, *arguments: str) -> Running:
        self.workshop.write("bad.py", bad)
        self.running = self.workshop.reloader(
            "run", "--interval", "0.1", "--plugin", "good", "--plugin", "bad", *arguments, "app.py"
        )
        self.running.out.wait_for("value 0")
        self.until_heard(1)
        return self.running

    def edit(self) -> None:
        """Save an edit, and wait for the program that has it."""
        self.edits += 1
        self.workshop.write("value.py", assign(str(self.edits)))
        self.running.out.wait_for(f"value {self.edits} ")
        self.until_heard(self.edits + 1)

    def lines(self, text: str) -> list[str]:
        return [line for line in self.running.err.lines if text in line]

    def until_heard(self, generation: int) -> None:
        """Wait until the good plugin has heard that a program is ready."""
        heard, line = self.directory / "heard", f"ready {generation}\n"
        wait_until(lambda: heard.exists() and line in heard.read_text(), f"it to hear {line!r}")


@pytest.fixture
def suspects(workshop: Workshop) -> Suspects:
    return Suspects(workshop)


def fails(hook: str, fault: str) -> bool:
    return not (fault == "return 42" and hook in OBSERVERS)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hook", CALLED_AGAIN)
def test_a_bad_hook_is_named_three_times_and_then_disabled(
    suspects: Suspects, hook: str, fault: str
) -> None:
    if not fails(hook, fault):
        pytest.skip("what an observer returns is ignored")
    running = suspects.start(plugin(hook, fault))
    for _ in range(5):
        suspects.edit()
    running.err.wait_for(f"plugin 'bad' failed 3 times in a row in {hook}, which is not called any")
    assert running.stop() == 143
    failures = suspects.lines(f"plugin 'bad' failed in {hook}: ")
    assert len(failures) == 3
    place = r" \(bad\.py:7\)" if "return" not in fault else ""
    running.err.wait_for(f"plugin 'bad' failed in {hook}: {FAULTS[fault]}{place}$")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_command_that_cannot_be_adapted_runs_as_it_is(suspects: Suspects, fault: str) -> None:
    running = suspects.start(plugin("adapt_command", fault))
    running.err.wait_for(f"plugin 'bad' failed in adapt_command: {FAULTS[fault]}")
    suspects.edit()
    assert running.stop() == 143


NONSENSE = [
    ("iter_watched_files", "return itertools.repeat('a')", "ValueError: more than 100000 paths"),
    ("iter_watched_files", "yield 'a'; yield 3", "TypeError: expected str, bytes or os.PathLike"),
    ("should_reload", "return Verdict(decision='no', reason='')", "TypeError: expected a Decision"),
    ("should_reload", "return Verdict(decision=Decision.DEFER, reason=3)", "as the reason, got 3"),
    (
        "should_reload",
        "return Verdict(decision=Decision.DEFER, reason='', seconds=1e300)",
        "ValueError: expected 0 to 86400 seconds",
    ),
    (
        "should_reload",
        "return Verdict(decision=Decision.DEFER, reason='', seconds=float('nan'))",
        "ValueError: expected 0 to 86400 seconds, got nan",
    ),
    (
        "restart_child",
        "return Child(pid=1, generation=1, started_at=0.0)",
        r"ValueError: expected what plan\.spawn\(\) returned",
    ),
    (
        "restart_child",
        "return plan.spawn(command=attrs.evolve(plan.command, argv=()))",
        "ValueError: the command's argv is empty",
    ),
    (
        "restart_child",
        "return plan.spawn(command=attrs.evolve(plan.command, argv=('/no/such/thing',)))",
        "FileNotFoundError: ",
    ),
    (
        "adapt_command",
        "return attrs.evolve(command, argv=(sys.executable, None))",
        "TypeError: expected strings as the command's argv, got None",
    ),
    (
        "adapt_command",
        "return attrs.evolve(command, environment={'A\\0': 'b'})",
        "ValueError: there is a null character in the environment",
    ),
]


@pytest.mark.parametrize(("hook", "body", "words"), NONSENSE)
def test_an_answer_with_nonsense_in_it_is_named_and_left_out(
    suspects: Suspects, hook: str, body: str, words: str
) -> None:
    running = suspects.start(plugin(hook, body))
    suspects.edit()
    running.err.wait_for(f"plugin 'bad' failed in {hook}: .*{words}")
    assert running.stop() == 143


@pytest.mark.parametrize("hook", ["iter_watched_files", "should_reload", "adapt_command"])
def test_a_hook_that_blocks_holds_a_restart_up_for_two_seconds_at_most(
    suspects: Suspects, hook: str
) -> None:
    running = suspects.start(plugin(hook, "time.sleep(10)"))
    suspects.edit()
    suspects.edit()
    running.err.wait_for(f"plugin 'bad' did not answer {hook} within 2 s: going on without it")
    assert len(suspects.lines("plugin 'bad'")) == 1
    assert running.stop() == 143


@pytest.mark.parametrize("hook", OBSERVERS)
def test_an_observer_that_blocks_holds_nothing_up(suspects: Suspects, hook: str) -> None:
    running = suspects.start(plugin(hook, "time.sleep(10)"))
    began = time.monotonic()
    suspects.edit()
    suspects.edit()
    assert time.monotonic() - began < 10.0
    running.err.wait_for(f"plugin 'bad' took 10.* s for {hook}; more than 5 s are too many")
    assert running.stop() == 143
    running.err.wait_for(f"plugin 'bad' has not returned from {hook} for ")


def test_a_plugin_that_would_start_the_program_too_late_is_refused(suspects: Suspects) -> None:
    body = (
        "if plan.generation == 1: return None\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n"
        "    try: return plan.spawn()\n"
        "    except Exception as error: open('refused', 'w').write(repr(error)); raise"
    )
    running = suspects.start(plugin("restart_child", body), "-v")
    suspects.edit()
    running.err.wait_for("plugin 'bad' did not answer restart_child within 10 s: going on without")
    suspects.workshop.write("go", "")
    running.err.wait_for("plugin 'bad' failed late in restart_child: PluginError: start 2 is over")
    assert "start 2 is over" in (suspects.directory / "refused").read_text()
    below = psutil.Process(running.process.pid).children(recursive=True)
    assert [each.pid for each in below if each.cmdline()[1:] == ["app.py"]] == [
        int(running.out.lines[-1].split()[-1])
    ]
    suspects.edit()
    assert running.stop() == 143


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hook", ["iter_watched_files", "should_reload", "restart_child"])
def test_a_signal_does_not_wait_for_a_plugin(
    suspects: Suspects, hook: str, number: signal.Signals
) -> None:
    body = (
        "if not os.path.exists('armed'): return None\n"
        "    open('reached', 'w').close()\n"
        "    time.sleep(60)"
    )
    running = suspects.start(plugin(hook, body))
    suspects.workshop.write("armed", "")
    suspects.workshop.write("value.py", assign("1"))
    wait_until((suspects.directory / "reached").exists)
    began = time.monotonic()
    assert running.stop(number) == 128 + number
    assert time.monotonic() - began < 10.0
    assert suspects.lines("plugin 'bad'") == []  # it was not waited for to the end
    assert suspects.lines("cannot be started") == []
    assert "value 1" not in running.out.text


def test_a_traceback_is_shown_to_those_who_want_details(suspects: Suspects) -> None:
    running = suspects.start(plugin("should_reload", "raise LookupError('no')"), "-v")
    suspects.edit()
    running.err.wait_for("Traceback")
    running.err.wait_for(r'File ".*bad\.py", line 7, in should_reload')
    assert running.stop() == 143
    assert suspects.lines("pluggy") == []


def test_a_plugin_keeps_a_connection_that_belongs_to_one_thread(suspects: Suspects) -> None:
    body = (
        "global connection\n"
        "    connection = connection or sqlite3.connect('starts')\n"
        "    with connection:\n"
        "        connection.execute('create table if not exists starts (number)')\n"
        "        connection.execute('insert into starts values (1)')"
    )
    prelude = "import sqlite3\nconnection = None"
    running = suspects.start(plugin("child_started", body, prelude=prelude))
    suspects.edit()
    suspects.edit()
    assert running.stop() == 143
    assert suspects.lines("plugin 'bad'") == []


@pytest.mark.parametrize("fault", ["sys.exit(3)", "raise KeyError('x')"])
def test_a_plugin_that_ends_it_all_while_it_is_imported_is_an_error_before_the_start(
    workshop: Workshop, fault: str
) -> None:
    workshop.write("app.py", "print('ran')")
    workshop.write("bad.py", f"import sys\n{fault}\n")
    running = workshop.reloader("run", "--plugin", "bad", "app.py")
    assert running.wait() == 2
    assert "error: plugin 'bad' cannot be imported: " in running.err.text
    assert "(bad.py:2)" in running.err.text
    assert running.out.text == ""
