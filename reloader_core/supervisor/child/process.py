"""One process of the program: spawning, releasing, stopping, reaping.

A process whose command runs Python has the agent in it. It boots and then
holds before the program's first line until it is released, so it can be
spawned while the old program is still stopping.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from reloader_core.agent import ENVIRONMENT_VARIABLE
from reloader_core.agent.protocol import (
    Hello,
    Record,
    agent_environment,
    decode,
    encode_release,
)
from reloader_core.supervisor.child.sockets import move_high

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reloader_core.invocation import Invocation
    from reloader_core.supervisor.child.sockets import Handover

#: The agent speaks over Unix sockets; elsewhere the program runs without it.
HAS_AGENT = sys.platform != "win32"

#: Room for some thousand reports; the system may grant less.
_BUFFER_BYTES = 1 << 20


class ProgramProcess:
    """A spawned process, from its fork to its reaping.

    :ivar pid: its process id.
    :ivar is_released: :meth:`release` was called.
    """

    def __init__(
        self, invocation: Invocation, environment: Mapping[str, str], handover: Handover
    ) -> None:
        """Spawn.

        :param invocation: what to run.
        :param environment: the environment it inherits, before the command's own.
        :param handover: listening sockets it gets.
        :raises OSError: the executable cannot be started.
        """
        self.invocation = invocation
        self._handover = handover
        self._undecoded = b""
        self._gathered: list[Record] = []
        self._link: socket.socket | None = None
        self._lifeline: int | None = None
        self._pidfd: int | None = None
        self._hellos = 0
        self._releases = 0
        self._release_message = b""
        self.is_released = False
        self._directory_stamp = _stamp_of_directory(invocation.cwd)
        variables = {**environment, **invocation.environment, **handover.variables}
        if HAS_AGENT:
            self._popen = self._spawn_with_agent(variables)
        else:
            variables[ENVIRONMENT_VARIABLE] = ""  # still says who started it
            self._popen = subprocess.Popen(invocation.argv, cwd=invocation.cwd, env=variables)
        self.pid = self._popen.pid

    def _spawn_with_agent(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        # What the program has to say must never make it wait for us.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        lifeline, self._lifeline = os.pipe()
        passed = [move_high(theirs.detach()), move_high(lifeline)]
        argv = self.invocation.argv
        try:
            return subprocess.Popen(
                argv if self.tells_of_its_start else self._handover.wrap(argv),
                cwd=self.invocation.cwd,
                env=agent_environment(
                    variables,
                    agent_fd=passed[0],
                    lifeline_fd=passed[1],
                    agent_inode=os.fstat(passed[0]).st_ino,
                ),
                pass_fds=(*passed, *self._handover.descriptors),
                # Only with sockets: it costs vfork, and with it a millisecond. What it
                # calls takes no lock, so the other threads cannot hold one.
                preexec_fn=self._handover.put_in_place if self._handover else None,  # noqa: PLW1509
            )
        except BaseException:
            self.close()
            raise
        finally:
            for descriptor in passed:
                os.close(descriptor)

    def release(self, distrusted: Iterable[str], *, opened_below: str = "") -> None:
        """Let the program run.

        :param distrusted: sources whose cached bytecode must not be believed.
        :param opened_below: where files that it opens are reported; empty for nowhere.
        """
        self.is_released = True
        self._release_message = encode_release(
            distrusted, self._handover.release_variables, opened_below=opened_below
        )
        if self.tells_of_its_start:
            # Before it says hello: it finds the message when it gets there.
            self._send_release()

    def _send_release(self) -> None:
        if self._link is None:
            return
        self._releases += 1
        # A process that died while it was held is noticed by its exit.
        with contextlib.suppress(OSError):
            self._link.setblocking(True)
            self._link.sendall(self._release_message)
        self._link.setblocking(False)

    @property
    def link(self) -> socket.socket | None:
        """The agent's channel, to be waited for; ``None`` without an agent."""
        return self._link

    def has_directory_changed(self) -> bool:
        """Whether the directory it started in was moved, or something in it, since then."""
        return _stamp_of_directory(self.invocation.cwd) != self._directory_stamp

    def gather_records(self) -> tuple[list[Record], bool]:
        """Receive what the agent reports, for :meth:`read_records` to return later, too.

        :returns: the records that came in, and whether more can come.
        """
        records, is_open = self._receive()
        self._gathered += records
        return records, is_open

    def read_records(self) -> tuple[list[Record], bool]:
        """What the agent has reported since the last call.

        :returns: the records, and whether more can come.
        """
        records, is_open = self._receive()
        gathered, self._gathered = self._gathered, []
        return gathered + records, is_open

    def _receive(self) -> tuple[list[Record], bool]:
        if self._link is None:
            return [], False
        is_open = True
        chunks = [self._undecoded]
        try:
            while chunk := self._link.recv(262144):
                chunks.append(chunk)
            is_open = False
        except BlockingIOError:
            pass
        except OSError:
            is_open = False
        records, self._undecoded = decode(b"".join(chunks))
        # A shell script may start one interpreter after the other; each waits.
        self._hellos += sum(isinstance(record, Hello) for record in records)
        while self.is_released and self._hellos > self._releases:
            self._send_release()
        return records, is_open

    def await_exit(self, notify: Callable[[], None]) -> int | None:
        """Arrange to hear of the process's end.

        :param notify: called from a thread where the system has no descriptor
            for a process.
        :returns: a descriptor that becomes readable at the end; ``None`` where
            ``notify`` is used.
        """
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(self.pid)
                return self._pidfd

        def wait() -> None:
            self._popen.wait()
            notify()

        threading.Thread(target=wait, name=f"reloader-wait-{self.pid}", daemon=True).start()
        return None

    @property
    def tells_of_its_start(self) -> bool:
        """Whether an agent will report that the program runs."""
        return self.invocation.is_python and HAS_AGENT

    @property
    def exit_descriptor(self) -> int | None:
        """The descriptor of :meth:`await_exit`, if there is one."""
        return self._pidfd

    def poll(self) -> int | None:
        """Reap: the exit code, or minus the signal's number; ``None`` while it lives."""
        return self._popen.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal; one that is gone already is no error."""
        with contextlib.suppress(OSError):
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End the process and all its descendants at once."""
        if sys.platform != "win32":
            for pid in _list_descendants(self.pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._popen.kill()

    def discard(self) -> None:
        """End and reap a process that was never released."""
        self.kill()
        self._popen.wait()
        self.close()

    def close(self) -> None:
        """Give the descriptors back; the process must be reaped or be left alone."""
        if self._link is not None:
            self._link.close()
        for descriptor in (self._lifeline, self._pidfd):
            if descriptor is not None:
                os.close(descriptor)
        self._lifeline = self._pidfd = self._link = None


def _stamp_of_directory(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def _list_descendants(pid: int) -> list[int]:
    """All processes below one, where the system tells (Linux)."""
    found: list[int] = []
    pending = [pid]
    while pending:
        current = pending.pop()
        try:
            threads = os.listdir(f"/proc/{current}/task")
        except OSError:
            continue
        for thread in threads:
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{current}/task/{thread}/children", "rb") as file,
            ):
                pending.extend(children := [int(word) for word in file.read().split()])
                found.extend(children)
    return found
