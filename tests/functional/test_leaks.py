"""After hundreds of restarts the supervisor and its keeper hold what they held before."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import psutil
import pytest

from tests.functional.harness import wait_until
from tests.functional.processes import keeper_of, pids_in

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(sys.platform != "linux", reason="read from /proc"),
]

RESTARTS = {"inotify": 500, "stat": 50}

#: What the memory may differ by: the allocator's arenas are a quarter of this.
MEMORY_BYTES = 1 << 20

#: Has a child of its own, and a module that is edited.
PROGRAM = """\
import os, subprocess, sys, time
import value
child = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
print("value", value.VALUE, "pids", os.getpid(), child.pid, flush=True)
time.sleep(1000)
"""


@attrs.frozen
class Held:
    """What a process holds that is not memory."""

    descriptors: list[str]
    threads: int
    children: int
    zombies: int
    watches: int

    @classmethod
    def by(cls, pid: int) -> Held:
        process = psutil.Process(pid)
        descriptors, watches = [], 0
        for name in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            descriptors.append(re.sub(r"\d+", "N", target))
            if "inotify" in target:
                watches += Path(f"/proc/{pid}/fdinfo/{name}").read_text().count("inotify wd")
        children = process.children()
        zombies = [child for child in children if child.status() == psutil.STATUS_ZOMBIE]
        threads = process.num_threads()
        return cls(sorted(descriptors), threads, len(children), len(zombies), watches)


def restart(running: Running, workshop: Workshop, number: int) -> None:
    seen = len(running.out.lines)
    if number % 5:
        running.process.send_signal(signal.SIGUSR1)
    else:
        workshop.write("value.py", f"VALUE = 'v{number}'\n")
    running.out.wait_for("^value", start=seen)


@pytest.mark.parametrize("backend", RESTARTS)
def test_nothing_leaks(workshop: Workshop, backend: str) -> None:
    workshop.write("pyproject.toml", '[tool.reloader]\nrestart_signal = "SIGUSR1"\n')
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", PROGRAM)
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.out.wait_for("^value")
    supervisor = running.process.pid
    keeper = keeper_of(running).pid
    held: dict[int, list[Held]] = {}
    memory: dict[int, list[int]] = {}
    all_pids = []
    restarts = RESTARTS[backend]
    for number in range(restarts):
        restart(running, workshop, number)
        if number in (restarts // 5, restarts - 1):
            for pid in (supervisor, keeper):
                before = held.setdefault(pid, [])
                if before:
                    wait_until(lambda: Held.by(pid) == before[0], f"{before[0]} again")  # noqa: B023
                else:
                    before.append(settled(pid))
                memory.setdefault(pid, []).append(psutil.Process(pid).memory_full_info().uss)
    for line in running.out.lines:
        all_pids += pids_in(line)
    assert len(all_pids) >= 2 * restarts
    assert sum(map(psutil.pid_exists, all_pids)) == 2, "only the last program and its child"
    for early, late in memory.values():
        assert late - early < MEMORY_BYTES
    assert running.stop() == 143


def settled(pid: int) -> Held:
    """What a process holds when it has come to rest: twice the same."""
    last = [Held.by(pid)]

    def is_same() -> bool:
        last.append(Held.by(pid))
        return len(last) > 20 and len({repr(held) for held in last[-20:]}) == 1

    wait_until(is_same, "the process to come to rest")
    return last[-1]
