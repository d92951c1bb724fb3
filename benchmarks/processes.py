"""Processes that the benchmarks start: in a group of their own, counted, and ended.

Linux only: what a process costs is read from ``/proc``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: How long a tool gets to end by itself, together with its program.
_GRACE_SECONDS = 4.0

#: What would change how a tool or the program behaves.
_UNWANTED_VARIABLES = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "WERKZEUG_RUN_MAIN",
    "WERKZEUG_SERVER_FD",
)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change how programs behave."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _UNWANTED_VARIABLES and not name.startswith("RELOADER_")
    }


@contextlib.contextmanager
def running(command: Sequence[str], *, cwd: Path) -> Iterator[int]:
    """Run a command for the time of a ``with`` block; all it started ends with it.

    :param command: what to run; its output is thrown away.
    :param cwd: where.
    :returns: the process id of the command.
    """
    # Some tools stop the program by SIGINT. A shell has it ignored in background
    # jobs, and programs inherit that; a handler of ours they do not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started in a session of its own, and all below it."""
    ours = {pid: _born(pid) for pid in tree(process.pid)}
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    # What is left is in the group made for it, or was seen below the tool and
    # still is the same process.
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid, born in ours.items():
        if born is not None and _born(pid) == born:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def _born(pid: int) -> str | None:
    """When a process was started; with its id that tells it from any other."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold anything; the start is field 22.
    return status.rpartition(")")[2].split()[19]


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for current in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{task}/children")
                with contextlib.suppress(OSError):
                    found.extend(int(word) for word in children.read_text().split())
    return found


def cpu_seconds(pid: int) -> dict[int, float]:
    """Processor time of each living thread of a tree, by thread id.

    The scheduler's own count has nanoseconds; ``utime`` and ``stime`` have
    ticks of 10 ms, more than some tools use in a minute.
    """
    times: dict[int, float] = {}
    for member in tree(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{member}/task"):
                counts = Path(f"/proc/{member}/task/{task}/schedstat")
                with contextlib.suppress(OSError):
                    times[int(task)] = int(counts.read_text().split()[0]) / 1e9
    return times


def cpu_seconds_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """Processor time that passed between two counts of a tree."""
    return sum(time - before.get(task, 0.0) for task, time in after.items())


def memory_bytes(pid: int) -> int:
    """Memory of a tree; what its processes share counts once.

    Proportional set sizes, and with them that of this process less what it has alone: it runs
    on the same interpreter, and takes its part of what they share. Without it a tool would seem
    to take more of that the more processes it has.
    """
    own = _kilobytes(os.getpid())
    total = own["Pss"] - own["Private_Clean"] - own["Private_Dirty"]
    for member in tree(pid):
        with contextlib.suppress(OSError):
            total += _kilobytes(member)["Pss"]
    return total * 1024


def _kilobytes(pid: int) -> dict[str, int]:
    """What the kernel says of a process's memory, see proc_pid_smaps(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {name.rstrip(":"): int(number) for name, number, *_ in fields}
