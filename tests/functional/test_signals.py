"""Signals to the supervisor: passed on, a restart, suspended and resumed; and as pid 1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.harness import WAITING_PROGRAM, wait_until
from tests.functional.processes import last_pid, works_here

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

#: Says which signals it gets.
LISTENING = """\
import os, signal, time
def tell(number, frame):
    print("got", signal.Signals(number).name, flush=True)
for name in ("SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGHUP"):
    signal.signal(getattr(signal, name), tell)
print("up, pid", os.getpid(), flush=True)
while True:
    time.sleep(1000)
"""

#: Says which signals are ignored, and what is blocked.
DISPOSITIONS = """\
import signal
ignored = [s.name for s in signal.valid_signals()
           if isinstance(s, signal.Signals) and signal.getsignal(s) is signal.SIG_IGN]
print("ignored", ignored, "blocked", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def start(workshop: Workshop, *options: str) -> Running:
    workshop.write("app.py", LISTENING)
    running = workshop.reloader("run", "-v", *options, "app.py")
    running.out.wait_for("up")
    return running


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGWINCH"])
def test_signals_for_the_program_are_passed_on(workshop: Workshop, name: str) -> None:
    running = start(workshop)
    running.process.send_signal(getattr(signal, name))
    running.out.wait_for(f"got {name}")
    assert running.stop() == 143


def test_sighup_is_passed_on_if_configured(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", '[tool.reloader]\npass_signals = ["SIGHUP"]\n')
    running = start(workshop)
    running.process.send_signal(signal.SIGHUP)
    running.out.wait_for("got SIGHUP")
    assert running.stop() == 143


def test_a_signal_restarts_the_program_if_configured(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", '[tool.reloader]\nrestart_signal = "SIGUSR1"\n')
    running = start(workshop)
    first = last_pid(running.out)
    running.process.send_signal(signal.SIGUSR1)
    running.err.wait_for("got SIGUSR1: restarted in")
    wait_until(lambda: last_pid(running.out) != first)
    assert "got" not in running.out.text


def test_a_signal_starts_a_program_again_that_waits_for_a_change(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", '[tool.reloader]\nrestart_signal = "SIGUSR1"\n')
    workshop.write("app.py", "import os\nprint('up', flush=True)\nos.stat('there')\n")
    running = workshop.reloader("run", "app.py")
    running.err.wait_for("waiting for a change")
    workshop.write("there", "")
    running.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: running.out.lines == ["up", "up"])


def test_a_signal_without_a_program_is_dropped(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 1 / 0\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", "-v", "app.py")
    running.err.wait_for("waiting for a change")
    running.process.send_signal(signal.SIGUSR1)
    running.err.wait_for("got SIGUSR1")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_suspending_the_supervisor_suspends_the_program_and_all_that_it_started(
    workshop: Workshop,
) -> None:
    workshop.write(
        "app.py",
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'],\n"
        "                         start_new_session=True)\n"
        "print('pid', os.getpid(), 'pid', child.pid, flush=True)\n"
        "time.sleep(1000)\n",
    )
    running = workshop.reloader("run", "app.py")
    words = running.out.wait_for("pid").split()
    pids = [running.process.pid, int(words[1]), int(words[3])]

    def states() -> set[str]:
        return {psutil.Process(pid).status() for pid in pids}

    running.process.send_signal(signal.SIGTSTP)
    wait_until(lambda: states() == {psutil.STATUS_STOPPED}, "all to be suspended")
    running.process.send_signal(signal.SIGCONT)
    wait_until(lambda: psutil.STATUS_STOPPED not in states(), "all to be resumed")
    assert running.stop() == 143


def test_a_suspension_that_is_resumed_at_once_does_not_last(workshop: Workshop) -> None:
    running = start(workshop)
    for _ in range(20):
        running.process.send_signal(signal.SIGTSTP)
        running.process.send_signal(signal.SIGCONT)
    running.process.send_signal(signal.SIGUSR1)
    running.out.wait_for("got SIGUSR1")
    assert running.stop() == 143


def test_signals_that_were_ignored_have_their_default_back_in_the_program(
    workshop: Workshop,
) -> None:
    """As under nohup, and in the background of a shell without job control."""
    workshop.write("app.py", DISPOSITIONS)
    bare = workshop.start([sys.executable, "app.py"])
    bare.wait()
    script = "trap '' INT QUIT HUP TERM TSTP USR1; exec \"$@\""
    running = workshop.start(
        ["sh", "-c", script, "sh", sys.executable, "-m", "reloader_core", "run", "app.py"]
    )
    running.wait()
    assert running.out.lines == bare.out.lines


def test_under_nohup_a_hangup_ends_nothing(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    command = [sys.executable, "-m", "reloader_core", "run", "app.py"]
    running = workshop.start(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *command])
    running.out.wait_for("value one")
    first = last_pid(running.out)
    running.process.send_signal(signal.SIGHUP)
    os.kill(first, signal.SIGHUP)  # as the terminal does, to all
    running.err.wait_for("it was hung up under nohup: restarted in")
    wait_until(lambda: last_pid(running.out) != first)
    assert running.stop() == 143


# As the first process of a container


#: Runs a command as the first process of a namespace.
AS_PID_1 = ("unshare", "-r", "--pid", "--fork", "--mount-proc")

needs_namespaces = pytest.mark.skipif(
    not works_here(*AS_PID_1, "true"), reason="no namespaces here"
)


def start_as_pid_1(workshop: Workshop, *arguments: str) -> tuple[Running, psutil.Process]:
    """Start the command as pid 1 of a new namespace: it, and its process here."""
    command = [sys.executable, "-m", "reloader_core", *arguments]
    running = workshop.start([*AS_PID_1, *command])
    unshare = psutil.Process(running.process.pid)
    wait_until(unshare.children)
    return running, unshare.children()[0]


@needs_namespaces
def test_pid_1_passes_signals_on_and_ends_with_the_exit_code(workshop: Workshop) -> None:
    workshop.write("app.py", LISTENING)
    running, first = start_as_pid_1(workshop, "run", "app.py")
    running.out.wait_for("up")
    first.send_signal(signal.SIGUSR1)
    running.out.wait_for("got SIGUSR1")
    first.send_signal(signal.SIGTERM)
    assert running.wait() == 143


@needs_namespaces
def test_pid_1_reaps_what_has_lost_its_parent(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running, first = start_as_pid_1(workshop, "run", "app.py")
    running.out.wait_for("value one")
    # Somebody comes in from outside, as by docker exec, and leaves a process behind.
    enter = ["nsenter", "-t", str(first.pid), "-U", "--preserve-credentials", "-p", "-m"]
    subprocess.run([*enter, "sh", "-c", "sh -c 'exec sleep 0.01' & "], check=True)
    wait_until(lambda: len(first.children()) == 1, "the orphan to be reaped")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    first.send_signal(signal.SIGTERM)
    assert running.wait() == 143


@needs_namespaces
@pytest.mark.parametrize("code", [0, 7])
def test_pid_1_ends_with_the_programs_own_exit_code(workshop: Workshop, code: int) -> None:
    workshop.write("app.py", f"import sys\nsys.exit({code})\n")
    running, _ = start_as_pid_1(workshop, "run", "app.py")
    assert running.wait() == code
