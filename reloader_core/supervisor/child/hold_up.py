"""What keeps a program from ending, in a few words for the one who waits for it.

The agent has Python's ``faulthandler`` write the stacks of all threads when a signal
comes. That works in an import, in C code, in a thread that is waited for, and when the
program ignores all that it can: the handler is C and needs no interpreter lock.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

import attrs

from reloader_core.supervisor.messages import shorten
from reloader_core.supervisor.watch.files import is_installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_core.supervisor.child.process import ProgramProcess

_HEAD = re.compile(r"^(Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):$")
_FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.+)$')

#: Where Python waits, when the program is over, for threads that are no daemons.
_WAITING_FOR_THREADS = {
    ("threading.py", "_shutdown"),
    ("thread.py", "_python_exit"),
}

#: ``TCP_ESTABLISHED`` in ``/proc/net/tcp``, from the kernel's ``net/tcp_states.h``.
_ESTABLISHED = "01"


@attrs.frozen
class Frame:
    """One line of a stack."""

    path: str
    line: int
    function: str

    def describe(self, root: str) -> str:
        """Where it is: ``serve (app.py, line 3)``."""
        return f"{self.function} ({shorten(self.path, root)}, line {self.line})"


@attrs.frozen
class Stack:
    """The frames of a thread, innermost first.

    :ivar took_signal: the kernel gave it the signal, which it does to the main thread
        unless that has blocked it.
    """

    took_signal: bool
    frames: tuple[Frame, ...]

    def pick(self, root: str) -> Frame | None:
        """The frame that tells most: the innermost one of the project, else of all."""
        prefix = root.rstrip(os.sep) + os.sep
        for frame in self.frames:
            if frame.path.startswith(prefix) and not is_installed(frame.path):
                return frame
        return self.frames[0] if self.frames else None

    @property
    def waits_for_threads(self) -> bool:
        """Whether it is the main thread, at the end of the program."""
        return any(
            (os.path.basename(frame.path), frame.function) in _WAITING_FOR_THREADS
            for frame in self.frames
        )


def describe_hold_up(process: ProgramProcess, root: str) -> str:
    """Why a program has not ended, as far as that can be found out within a moment.

    :param process: it is about to be killed; see ``ProgramProcess.read_stacks``.
    :param root: the project's directory.
    :returns: to be added to a line; empty if nothing is known.
    """
    found = [describe_state(process.state)]
    if found == [None]:
        found = [describe_stacks(parse_stacks(process.read_stacks()), root)]
    if count := count_connections(process.pid):
        found.append("1 connection is open" if count == 1 else f"{count} connections are open")
    return ", ".join(filter(None, found))


def parse_stacks(text: str) -> list[Stack]:
    """What ``faulthandler`` has written; anything else in between is skipped."""
    stacks: list[Stack] = []
    frames: list[Frame] = []
    for line in text.replace("\0", "\n").splitlines():
        if head := _HEAD.match(line):
            frames = []
            stacks.append(Stack(head[1] == "Current thread", ()))
        elif stacks and (found := _FRAME.match(line)):
            frames.append(Frame(found["path"], int(found["line"]), found["function"]))
            stacks[-1] = attrs.evolve(stacks[-1], frames=tuple(frames))
    return stacks


def describe_stacks(stacks: list[Stack], root: str) -> str | None:
    """What a program is at: "its main thread is in serve (app.py, line 3)"."""
    stacks = [stack for stack in stacks if stack.frames]
    if not stacks:
        return None
    # The main thread is the oldest, and written last.
    main = next((stack for stack in stacks if stack.took_signal), stacks[-1])
    others = [stack for stack in stacks if stack is not main]
    if main.waits_for_threads and others:
        places = [frame.describe(root) for stack in others if (frame := stack.pick(root))]
        return f"it waits for a thread in {places[0]}"
    frame = main.pick(root)
    return None if frame is None else f"its main thread is in {frame.describe(root)}"


def describe_state(state: str) -> str | None:
    """What the kernel's letter for a process means, if that is what holds it up."""
    return {
        "T": "it is stopped, by SIGSTOP or the terminal",
        "t": "it is stopped by a debugger",
        "D": "it hangs in the kernel, in a file system perhaps",
    }.get(state)


def count_connections(pid: int) -> int:
    """How many TCP connections a process has open (Linux; else 0)."""
    with contextlib.suppress(OSError):
        inodes = set(_iter_socket_inodes(pid))
        if inodes:
            return sum(inode in inodes for inode in _iter_established(pid))
    return 0


def _iter_socket_inodes(pid: int) -> Iterator[str]:
    directory = f"/proc/{pid}/fd"
    for name in os.listdir(directory):
        with contextlib.suppress(OSError):
            target = os.readlink(f"{directory}/{name}")
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]


def _iter_established(pid: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{name}") as table:
            for line in table:
                fields = line.split()
                if len(fields) > 9 and fields[3] == _ESTABLISHED:
                    yield fields[9]
