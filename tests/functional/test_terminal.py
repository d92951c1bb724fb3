"""On a real terminal: the program is its audience, as without the reloader."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.harness import DEADLINE_SECONDS, wait_until
from tests.functional.terminals import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.harness import Workshop


@pytest.fixture
def terminal(workshop: Workshop) -> Iterator[Terminal]:
    workshop.write(
        "app.py",
        "import time\n"
        "word = input()\n"
        "try:\n"
        "    print('ready for', word, flush=True)\n"
        "    while True: time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "    time.sleep(0.3)  # a clean-up that a second signal would cut short\n"
        "    print('cleaned up', flush=True)\n",
    )
    made = Terminal([sys.executable, "-m", "reloader_core", "run", "app.py"], workshop.directory)
    yield made
    made.close()


def test_ctrl_c_reaches_the_program_once_and_ends_both(terminal: Terminal) -> None:
    terminal.type("typing\n")
    terminal.screen.wait_for("ready for typing")
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130
    terminal.screen.join()
    assert "cleaned up" in terminal.screen.text
    assert "Traceback" not in terminal.screen.text


def test_a_second_ctrl_c_does_not_wait(terminal: Terminal) -> None:
    terminal.type("typing\n")
    terminal.screen.wait_for("ready for typing")
    terminal.type("\x03")
    terminal.screen.wait_for("interrupted")
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130
    terminal.screen.join()
    assert "cleaned up" not in terminal.screen.text


#: Says its value, then does what the test's case adds.
_HEAD = "import os, sys, time, value\nprint('value', value.VALUE, 'pid', os.getpid(), flush=True)\n"


class Desk:
    """A person at a terminal, with a program under the reloader."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._terminals: list[Terminal] = []
        self.edit("one")

    def edit(self, value: str) -> None:
        self._workshop.write("value.py", f"VALUE = {value!r}\n")

    def start(self, code: str, *options: str) -> Terminal:
        self._workshop.write("app.py", _HEAD + code)
        argv = [sys.executable, "-m", "reloader_core", "run", *options, "app.py"]
        return self.open(argv)

    def open(self, argv: list[str]) -> Terminal:
        self._terminals.append(Terminal(argv, self._workshop.directory))
        return self._terminals[-1]

    def close(self) -> None:
        for terminal in self._terminals:
            terminal.close()


@pytest.fixture
def desk(workshop: Workshop) -> Iterator[Desk]:
    made = Desk(workshop)
    yield made
    made.close()


def pid_in(line: str) -> int:
    return int(line.rsplit(maxsplit=1)[-1])


# What is typed reaches the program


@pytest.mark.parametrize("module", ["os", "readline"])
def test_standard_input_works_before_and_after_a_restart(desk: Desk, module: str) -> None:
    code = f"import {module}\nwhile True:\n    print('heard', input('say: '), flush=True)\n"
    terminal = desk.start(code)
    terminal.screen.wait_for("value one")
    for value in ("one", "two", "three"):
        terminal.type(f"word of {value}\n")
        terminal.screen.wait_for(f"heard word of {value}")
        desk.edit(f"{value} more")
        terminal.screen.wait_for(f"value {value} more")


def test_an_empty_line_that_the_program_reads_is_no_restart(desk: Desk) -> None:
    terminal = desk.start("while True: print('heard', repr(input()), flush=True)\n", "-v")
    terminal.screen.wait_for("value one")
    for count in range(1, 4):
        terminal.type("\n")
        wait_until(lambda: terminal.screen.text.count("heard ''") == count)  # noqa: B023
    # Longer than it is waited for whether the program reads.
    terminal.type("end\n")
    terminal.screen.wait_for("heard 'end'")
    desk.edit("two")
    terminal.screen.wait_for("value two")
    assert "Enter was pressed" not in terminal.screen.text


# Enter


def test_enter_restarts_a_program_that_reads_nothing(desk: Desk) -> None:
    terminal = desk.start("time.sleep(1000)\n")
    terminal.screen.wait_for("value one")
    terminal.type("\n")
    terminal.screen.wait_for("Enter was pressed: restarted in")


def test_enter_starts_a_program_that_waits_for_a_change(desk: Desk, workshop: Workshop) -> None:
    terminal = desk.start("os.stat('there')\ntime.sleep(1000)\n")
    terminal.screen.wait_for(r"waiting for a change \(Enter starts it again\)")
    workshop.write("there", "")
    terminal.type("words for nobody\n\n")
    terminal.screen.wait_for("Enter was pressed: restarted in")


def test_what_is_typed_ahead_is_the_programs(desk: Desk, workshop: Workshop) -> None:
    code = "while not os.path.exists('go'): time.sleep(0.01)\nprint('heard', input(), flush=True)\n"
    terminal = desk.start(code + "time.sleep(1000)\n")
    terminal.screen.wait_for("value one")
    terminal.type("ahead\n")
    # The supervisor has looked at it by the time it has restarted for a change.
    desk.edit("two")
    terminal.screen.wait_for("value two")
    workshop.write("go", "")
    terminal.screen.wait_for("heard ahead")


def test_enter_can_be_turned_off(desk: Desk) -> None:
    terminal = desk.start("print(1 / (value.VALUE != 'one'))\n", "--restart-on-enter=no")
    terminal.screen.wait_for("waiting for a change")
    assert "Enter" not in terminal.screen.text
    terminal.type("\n")
    desk.edit("two")
    terminal.screen.wait_for("value two")
    assert "Enter was pressed" not in terminal.screen.text


# The terminal as it was

_SHELL = ["bash", "--norc", "--noprofile", "--noediting", "-i"]

_RAW = "import tty\ntty.setraw(0)\nprint('raw', flush=True)\n"
_SILENT = (
    "import termios\nsettings = termios.tcgetattr(0)\nsettings[3] &= ~termios.ECHO\n"
    "settings[6][termios.VINTR] = b'\\x07'\n"
    "termios.tcsetattr(0, termios.TCSANOW, settings)\nprint('raw', flush=True)\n"
)


@pytest.mark.parametrize("code", [_RAW, _SILENT])
def test_all_settings_of_the_terminal_are_put_back_after_each_program(
    desk: Desk, code: str
) -> None:
    terminal = desk.start(code + "time.sleep(1000)\n")
    before = terminal.settings
    terminal.screen.wait_for("raw")
    assert terminal.settings != before
    desk.edit("two")
    terminal.screen.wait_for("value two")
    wait_until(lambda: terminal.screen.text.count("raw") == 2)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(DEADLINE_SECONDS) == 143
    assert terminal.settings == before


@pytest.mark.parametrize("ending", ["kill", "crash"])
def test_the_settings_are_back_when_a_program_dies(desk: Desk, ending: str) -> None:
    code = "os.kill(os.getpid(), 9)\n" if ending == "kill" else "raise SystemError\n"
    terminal = desk.start(_RAW + "while not os.path.exists('go'): time.sleep(0.01)\n" + code)
    before = terminal.settings
    terminal.screen.wait_for("raw")
    desk._workshop.write("go", "")
    terminal.screen.wait_for("waiting for a change")
    assert terminal.settings == before


def test_a_foreground_that_nobody_has_any_more_is_taken_back(desk: Desk) -> None:
    code = (
        "import signal, subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'],\n"
        "                         process_group=0)\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "if value.VALUE == 'one': os.tcsetpgrp(0, child.pid)\n"
        "print('up', flush=True)\ntime.sleep(1000)\n"
    )
    terminal = desk.start(code)
    group = os.tcgetpgrp(terminal.master)
    terminal.screen.wait_for("^up")
    assert os.tcgetpgrp(terminal.master) != group
    desk.edit("two")
    terminal.screen.wait_for("value two")
    assert os.tcgetpgrp(terminal.master) == group
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130


def test_a_job_in_the_background_is_never_stopped(desk: Desk) -> None:
    """Though the shell has the terminal stop those that write to it, and sets it."""
    desk._workshop.write("app.py", _HEAD + "time.sleep(1000)\n")
    terminal = desk.open(_SHELL)
    terminal.type("PS1=; stty tostop\n")
    command = f"{sys.executable} -m reloader_core run app.py >said 2>&1 &\n"
    terminal.type(command)
    said = desk._workshop.directory / "said"
    wait_until(lambda: said.exists() and "value one" in said.read_text())
    for value in ("two", "three"):
        desk.edit(value)
        wait_until(lambda: f"value {value}" in said.read_text())  # noqa: B023
    terminal.type("echo; jobs; echo end of jobs\n")
    terminal.screen.wait_for("^end of jobs")
    assert "Running" in terminal.screen.text
    assert "Stopped" not in terminal.screen.text
    terminal.type("kill -TERM %1; wait %1; echo code $?\n")
    terminal.screen.wait_for("^code 143")
    terminal.type("exit\n")
    terminal.process.wait(DEADLINE_SECONDS)


def test_control_z_suspends_both_and_fg_resumes_them(desk: Desk) -> None:
    desk._workshop.write("app.py", _HEAD + "time.sleep(1000)\n")
    terminal = desk.open(_SHELL)
    terminal.type(f"PS1=; {sys.executable} -m reloader_core run app.py\n")
    pid = pid_in(terminal.screen.wait_for(r"value one pid \d+$"))
    terminal.type("\x1a")
    terminal.screen.wait_for("Stopped")
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    desk.edit("two")
    terminal.type("fg\n")
    terminal.screen.wait_for("value two")
    terminal.type("\x03")
    terminal.type("echo code $?\n")
    terminal.screen.wait_for("^code 130")
    terminal.type("exit\n")
    terminal.process.wait(DEADLINE_SECONDS)


# At a debugger prompt

_DEBUGGED = "breakpoint()\nprint('went on', flush=True)\ntime.sleep(1000)\n"

#: A debugger of its own that derives from pdb's, as ipdb does.
_DERIVED = (
    "import pdb\n"
    "class Own(pdb.Pdb):\n"
    "    def interaction(self, *args, **kwargs):\n"
    "        print('mine', flush=True)\n"
    "        super().interaction(*args, **kwargs)\n"
    "Own().set_trace()\nprint('went on', flush=True)\ntime.sleep(1000)\n"
)


def wait_for_prompt(terminal: Terminal, start: int = 0) -> None:
    terminal.screen.wait_for(r"^-> ", start=start)


@pytest.mark.parametrize("code", [_DEBUGGED, _DERIVED])
def test_a_change_waits_until_the_prompt_is_left(desk: Desk, code: str) -> None:
    terminal = desk.start(code)
    wait_for_prompt(terminal)
    desk.edit("two")
    terminal.screen.wait_for("value.py changed: not restarted while app.py is at a debugger prompt")
    terminal.type("p 'still ' + 'here'\n")
    terminal.screen.wait_for("'still here'")
    seen = len(terminal.screen.lines)
    terminal.type("c\n")
    terminal.screen.wait_for("value two")
    # breakpoint() works in the next program, too.
    wait_for_prompt(terminal, seen)
    terminal.type("c\n")
    terminal.screen.wait_for("went on", start=seen)


def test_a_change_that_is_undone_at_the_prompt_is_none(desk: Desk) -> None:
    terminal = desk.start(_DEBUGGED)
    wait_for_prompt(terminal)
    desk.edit("two")
    terminal.screen.wait_for("not restarted while")
    desk.edit("one")
    terminal.screen.wait_for("what changed was undone")
    terminal.type("c\n")
    terminal.screen.wait_for("went on")
    desk.edit("three")
    terminal.screen.wait_for("value three")
    assert "value two" not in terminal.screen.text


def test_the_prompt_is_not_respected_if_that_is_not_wanted(desk: Desk) -> None:
    terminal = desk.start(_DEBUGGED, "--hold-in-debugger=no")
    before = terminal.settings
    wait_for_prompt(terminal)
    desk.edit("two")
    terminal.screen.wait_for("value two")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(DEADLINE_SECONDS) == 143
    assert terminal.settings == before


def test_a_process_that_dies_at_its_prompt_holds_nothing(desk: Desk) -> None:
    code = (
        "pid = os.fork()\n"
        "if not pid:\n    breakpoint()\n    os._exit(0)\n"
        "print('child', pid, flush=True)\n"
        "os.waitpid(pid, 0)\nprint('reaped', flush=True)\ntime.sleep(1000)\n"
    )
    terminal = desk.start(code)
    child = pid_in(terminal.screen.wait_for("^child"))
    wait_for_prompt(terminal)
    desk.edit("two")
    terminal.screen.wait_for("not restarted while")
    os.kill(child, signal.SIGKILL)
    terminal.screen.wait_for("value two")


def test_ending_at_a_prompt_puts_the_terminal_back(desk: Desk) -> None:
    terminal = desk.start("import readline\n" + _DEBUGGED, "--grace-seconds", "0.5")
    before = terminal.settings
    wait_for_prompt(terminal)
    terminal.type("\x03")
    assert terminal.process.wait(DEADLINE_SECONDS) == 130
    assert terminal.settings == before


def test_nothing_of_ours_is_seen_at_the_prompt(desk: Desk) -> None:
    terminal = desk.start("def work():\n    breakpoint()\n    return 1\nwork()\n")
    wait_for_prompt(terminal)
    seen = len(terminal.screen.lines)
    terminal.type("where\n")
    terminal.type("p 'end of ' + 'stack'\n")
    terminal.screen.wait_for("end of stack", start=seen)
    shown = "\n".join(terminal.screen.lines[seen:])
    assert "app.py" in shown
    assert "reloader" not in shown.replace(str(desk._workshop.directory), "")
    assert "importlib" not in shown
