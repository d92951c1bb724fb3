"""Nothing that a program has started outlives it, or the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.harness import WAITING_PROGRAM, wait_until
from tests.functional.processes import (
    FAMILY,
    is_running,
    keeper_of,
    kill_quietly,
    last_pid,
    pids_in,
    wait_until_gone,
)

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no keeper")

#: How long orphans may be there after the supervisor was killed.
ORPHAN_SECONDS = 2.0


def start_family(workshop: Workshop, *options: str, rest: str = "signal.pause()\n") -> Running:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", FAMILY + rest)
    return workshop.reloader("run", *options, "app.py")


def test_descendants_in_other_groups_and_sessions_end_with_the_program_at_a_restart(
    workshop: Workshop,
) -> None:
    running = start_family(workshop)
    pids = pids_in(running.out.wait_for("value one"))
    workshop.write("value.py", "VALUE = 'two'\n")
    second = pids_in(running.out.wait_for("value two"))
    assert not any(map(is_running, pids))
    assert all(map(is_running, second))
    assert running.stop() == 143
    assert not any(map(is_running, second))


@pytest.mark.parametrize("code", [0, 5])
def test_descendants_end_with_a_program_that_ends_by_itself(workshop: Workshop, code: int) -> None:
    running = start_family(workshop, rest=f"sys.exit({code})\n")
    pids = pids_in(running.out.wait_for("value one"))
    assert running.wait() == code
    assert not any(map(is_running, pids))


def test_descendants_end_when_the_program_crashes_and_before_it_starts_again(
    workshop: Workshop,
) -> None:
    running = start_family(workshop, rest="raise SystemError('crash')\n")
    pids = pids_in(running.out.wait_for("value one"))
    running.err.wait_for("waiting for a change")
    assert not any(map(is_running, pids))


def test_a_descendant_that_does_not_end_is_killed_and_named(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import os, signal, subprocess, sys\n"
        "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);'\n"
        "code += 'print(1, flush=True); time.sleep(1000)'\n"
        "child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print('pid', child.pid, flush=True)\n",
    )
    running = workshop.reloader("run", "--grace-seconds", "0.5", "-v", "app.py")
    assert running.wait() == 0
    pid = last_pid(running.out)
    assert not is_running(pid)
    assert r"app.py has ended; waiting for what it started: " in running.err.text
    running.err.wait_for(rf"killed what app.py had started and did not end: .*\(pid {pid}\)")


def test_a_descendant_gets_the_time_it_needs_to_end(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import subprocess, sys\n"
        "code = 'import signal, sys, time\\n'\n"
        "code += 'def end(*a): time.sleep(0.3); print(\"cleaned up\", flush=True); sys.exit()\\n'\n"
        "code += 'signal.signal(signal.SIGTERM, end)\\n'\n"
        "code += 'print(\"up\", flush=True)\\ntime.sleep(1000)'\n"
        "child = subprocess.Popen([sys.executable, '-c', code])\n"
        "import time, os\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n",
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("up")
    workshop.write("go", "")
    assert running.wait() == 0
    assert "cleaned up" in running.out.text
    assert "killed" not in running.err.text


def test_everything_is_gone_and_the_port_free_soon_after_the_supervisor_is_killed(
    workshop: Workshop,
) -> None:
    rest = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "os.set_inheritable(server.fileno(), True)\n"
        "subprocess.Popen(SLEEP, close_fds=False, start_new_session=True)\n"
        "for number in range(1, 20):\n"
        "    if number not in (9, 19): signal.signal(number, signal.SIG_IGN)\n"
        "print('port', server.getsockname()[1], flush=True)\n"
        "time.sleep(1000)\n"
    )
    running = start_family(workshop, rest=rest)
    pids = pids_in(running.out.wait_for("value one"))
    port = int(running.out.wait_for("port").split()[1])
    keeper = keeper_of(running)
    pids += [
        process.pid for process in psutil.Process(running.process.pid).children(recursive=True)
    ]
    running.process.kill()
    begun = time.monotonic()
    try:
        wait_until(lambda: not any(map(is_running, pids)) and not keeper.is_running())
        assert time.monotonic() - begun < ORPHAN_SECONDS
    finally:
        kill_quietly(*pids)
    socket.create_server(("127.0.0.1", port)).close()


def test_a_process_in_reserve_is_gone_when_the_supervisor_is_killed(workshop: Workshop) -> None:
    """While the old program stops, the next one has booted and holds."""
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WAITING_PROGRAM
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    keeper = keeper_of(running)
    workshop.write("value.py", "VALUE = 'two'\n")
    wait_until(lambda: len(keeper.children()) == 2, "a process in reserve")
    pids = [process.pid for process in keeper.children()]
    running.process.kill()
    wait_until_gone(*pids, keeper.pid)


def test_a_program_whose_keeper_is_killed_is_started_again(workshop: Workshop) -> None:
    running = start_family(workshop)
    pids = pids_in(running.out.wait_for("value one"))
    keeper_of(running).kill()
    running.err.wait_for("its keeper has died: restarted in")
    wait_until(lambda: running.out.text.count("value one") == 2)
    # The one that had no parent but the keeper could only be known to that.
    wait_until_gone(*pids[:-1])
    kill_quietly(pids[-1])
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert running.stop() == 143


def test_a_keeper_that_is_killed_while_nothing_runs_is_replaced(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 1 / 0\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", "app.py")
    running.err.wait_for("waiting for a change")
    keeper_of(running).kill()
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert running.stop() == 143


def test_the_zombies_of_daemons_are_reaped(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import os, time\n"
        "for _ in range(20):\n"
        "    if not os.fork():\n"
        "        if not os.fork(): time.sleep(0.01)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "print('done', flush=True)\n"
        "time.sleep(1000)\n",
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("done")
    keeper = keeper_of(running)
    wait_until(lambda: len(keeper.children()) == 1, "the zombies to be reaped")


def test_a_program_inherits_no_descriptor_but_the_standard_ones(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import os\n"
        "fds = sorted(map(int, os.listdir('/proc/self/fd')))\n"
        "names = []\n"
        "for fd in fds:\n"
        "    try: names.append((fd, os.readlink(f'/proc/self/fd/{fd}'), os.get_inheritable(fd)))\n"
        "    except OSError: pass\n"
        "print([(fd, name) for fd, name, inheritable in names if fd < 64 and fd > 2])\n"
        "print('inheritable', [fd for fd, _, inheritable in names if inheritable])\n",
    )
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        running = workshop.reloader("run", "app.py")
        running.wait()
    finally:
        os.close(read)
        os.close(write)
    assert running.out.lines[0] == "[]"
    assert running.out.lines[1] == "inheritable [0, 1, 2]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_ended_by_somebody_else_ends_the_supervisor_as_in_a_shell(
    workshop: Workshop, number: signal.Signals
) -> None:
    workshop.write(
        "app.py",
        "import os, time\nprint('pid', os.getpid(), flush=True)\n"
        "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('ready', flush=True)\ntime.sleep(1000)\n",
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("ready")
    os.kill(last_pid(running.out), number)
    assert running.wait() == 128 + number
    assert f"app.py was ended by {number.name}" in running.err.text
