"""What ``/proc`` knows of processes: who descends from whom.

Standard library only, and little of it: the keeper is made of it.
"""

from __future__ import annotations

import os
from typing import NamedTuple

#: A process that has ended and was not waited for yet.
_ZOMBIE = "Z"


class ProcessStatus(NamedTuple):
    """A line of ``/proc/PID/stat``.

    :ivar name: the name of its executable, cut off by the kernel after 15 bytes.
    :ivar state: a letter: ``R`` runs, ``S`` sleeps, ``D`` cannot be interrupted, ``T`` is
        stopped, ``Z`` has ended; see ``proc(5)``.
    """

    pid: int
    parent: int
    name: str
    state: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def status_of(pid: int) -> ProcessStatus | None:
    """A process as it is now; ``None`` when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return None
    # The name may hold anything, also blanks and brackets.
    before, _, after = line.rpartition(b")")
    try:
        state, parent = after.split(None, 2)[:2]
        name = before.partition(b"(")[2].decode("utf-8", "replace")
        return ProcessStatus(pid, int(parent), name, state.decode())
    except ValueError:
        return None


def has_children_besides(known: set[int]) -> bool:
    """Whether this process has a child other than these; ``True`` if it is not known.

    Cheap, and for a process of one thread.
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return not known.issuperset(map(int, file.read().split()))
    except OSError:
        # The kernel was built without CONFIG_PROC_CHILDREN.
        return True


def list_descendants(
    pid: int, besides: set[int] | frozenset[int] = frozenset()
) -> list[ProcessStatus]:
    """All living processes below one, parents first.

    :param besides: they and what is below them are left out.
    """
    children: dict[int, list[ProcessStatus]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit() and (status := status_of(int(name))) is not None:
            children.setdefault(status.parent, []).append(status)
    found: list[ProcessStatus] = []
    pending = [pid]
    while pending:
        for child in children.get(pending.pop(0), ()):
            if child.pid not in besides:
                pending.append(child.pid)
                if child.state != _ZOMBIE:
                    found.append(child)
    return found
