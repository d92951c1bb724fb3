"""Programs that do not end as they are asked to, and what is left of them."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from typing import TYPE_CHECKING

import psutil

from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from tests.functional.harness import Output, Running

#: Says its pid and stays, whatever it is asked.
STUBBORN = """\
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
"""

#: A program with a descendant of each kind that says its pid: in its own group, in another
#: group, in another session, and one that lost its parent as daemons do.
FAMILY = """\
import os, signal, subprocess, sys, time
import value
SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]
pids = [
    subprocess.Popen(SLEEP).pid,
    subprocess.Popen(SLEEP, process_group=0).pid,
    subprocess.Popen(SLEEP, start_new_session=True).pid,
]
read, write = os.pipe()
if not os.fork():
    os.setsid()
    if (pid := os.fork()):
        os.write(write, str(pid).encode())
        os._exit(0)
    os.execv(sys.executable, SLEEP)
pids.append(int(os.read(read, 100)))
os.wait()
print("value", value.VALUE, "pids", os.getpid(), *pids, flush=True)
"""


def pids_in(line: str) -> list[int]:
    """The process ids that a program has printed after the word ``pids``."""
    return [int(word) for word in line.partition("pids ")[2].split()]


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int) -> None:
    """Wait until none of these processes runs any more."""
    wait_until(lambda: not any(map(is_running, pids)), f"the end of {pids}")


def last_pid(out: Output) -> int:
    """The process id that a program has printed last after the word ``pid``."""
    return int(re.findall(r"\bpid (\d+)", out.text)[-1])


def keeper_of(running: Running) -> psutil.Process:
    """The keeper of a supervisor: the only child it has."""
    (keeper,) = psutil.Process(running.process.pid).children()
    return keeper


def kill_quietly(*pids: int) -> None:
    """End processes that a failed test would leave."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, 9)


def works_here(*command: str) -> bool:
    """Whether a command succeeds, such as one that needs namespaces."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
