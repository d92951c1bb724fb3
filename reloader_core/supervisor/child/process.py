"""One process of the program, and the agent in it: spawning, releasing, hearing, stopping.

A process whose command runs Python has the agent in it. It boots and then
holds before the program's first line until it is released, so it can be
spawned while the old program is still stopping.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from reloader_core.agent import ENVIRONMENT_VARIABLE, INJECT_DIRECTORY, STACKS_SIGNAL
from reloader_core.agent.protocol import (
    Hello,
    InTheWay,
    Offered,
    Record,
    Sent,
    agent_environment,
    decode,
    encode_release,
)
from reloader_core.supervisor.descriptors import (
    receive_with_descriptors,
    send_with_descriptors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reloader_core.invocation import Invocation
    from reloader_core.supervisor.child.host import Host, Spawned
    from reloader_core.supervisor.sockets.handover import Handover
    from reloader_core.supervisor.sockets.kept import KeptSockets

#: The agent speaks over Unix sockets; elsewhere the program runs without it.
HAS_AGENT = sys.platform != "win32"

#: Room for some thousand reports; the system may grant less.
_BUFFER_BYTES = 1 << 20

#: The agent's descriptors are out of the way of those that a program opens or inherits,
#: if the limit of open files permits.
_HIGH_DESCRIPTOR = 64

#: How long the stacks of a program that is about to be killed are waited for, and how
#: long for more of them.
_STACKS_SECONDS = 0.5
_STACKS_PAUSE_SECONDS = 0.05

#: Something that was killed is gone at once, unless it hangs in the kernel.
_KILL_SECONDS = 7.0


class ProgramProcess:
    """A spawned process, from its start until nothing is left of it.

    :ivar pid: its process id.
    :ivar is_released: :meth:`release` was called.
    """

    def __init__(
        self,
        host: Host,
        invocation: Invocation,
        environment: Mapping[str, str],
        handover: Handover,
        *,
        agent_directory: str = INJECT_DIRECTORY,
    ) -> None:
        """Spawn.

        :param host: starts it.
        :param invocation: what to run.
        :param environment: the environment it inherits, before the command's own.
        :param handover: listening sockets it gets.
        :param agent_directory: what the agent is loaded from.
        :raises OSError: the executable cannot be started.
        """
        self.invocation = invocation
        self.environment = environment
        self._handover = handover
        self._undecoded = b""
        self._gathered: list[Record] = []
        self._agent_link: socket.socket | None = None
        self._agent_number = self._agent_inode = -1
        self._lifeline: int | None = None
        self._hellos = 0
        self._releases = 0
        self._distrusted: tuple[str, ...] = ()
        self._opened_below = ""
        self._adapt = False
        self._kept: KeptSockets | None = None
        self._descriptors: list[int] = []
        self._offered: list[int] = []
        self.is_released = False
        self._directory_stamp = _stamp_of_directory(invocation.cwd)
        variables = {**environment, **invocation.environment, **handover.variables}
        argv = handover.fill(invocation.argv)
        self._process: Spawned
        if HAS_AGENT:
            self._process = self._spawn_with_agent(host, argv, variables, agent_directory)
        else:
            variables[ENVIRONMENT_VARIABLE] = ""  # still says who started it
            self._process = host.spawn(
                handover.fill(invocation.argv),
                cwd=invocation.cwd,
                environment=variables,
                descriptors={},
            )
        self.pid = self._process.pid

    def _spawn_with_agent(
        self, host: Host, argv: tuple[str, ...], variables: dict[str, str], agent_directory: str
    ) -> Spawned:
        self._agent_link, theirs = socket.socketpair()
        self._agent_link.setblocking(False)
        # What the program has to say must never make it wait for us.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        lifeline, self._lifeline = os.pipe()
        inherited = self._handover.descriptors
        first = max(inherited, default=2) + 1
        if sys.platform != "win32" and os.sysconf("SC_OPEN_MAX") > _HIGH_DESCRIPTOR + 2:
            first = max(first, _HIGH_DESCRIPTOR)
        self._agent_number, self._agent_inode = first, os.fstat(theirs.fileno()).st_ino
        try:
            return host.spawn(
                argv if self.tells_of_its_start else self._handover.wrap(argv),
                cwd=self.invocation.cwd,
                environment=agent_environment(
                    variables,
                    agent_fd=first,
                    lifeline_fd=first + 1,
                    agent_inode=self._agent_inode,
                    directory=agent_directory,
                ),
                descriptors={**inherited, first: theirs.fileno(), first + 1: lifeline},
            )
        except BaseException:
            self._close_links()
            raise
        finally:
            theirs.close()
            os.close(lifeline)

    def release(
        self,
        distrusted: Iterable[str],
        *,
        opened_below: str = "",
        adapt: bool = False,
        kept: KeptSockets | None = None,
    ) -> None:
        """Let the program run.

        :param distrusted: sources whose cached bytecode must not be believed.
        :param opened_below: where files that it opens are reported; empty for nowhere.
        :param adapt: whether the reloaders of frameworks are turned off in it.
        :param kept: has the sockets that listen, and gets its; ``None`` to keep none.
        """
        self.is_released = True
        self._distrusted = tuple(distrusted)
        self._opened_below = opened_below
        self._adapt = adapt
        self._kept = kept
        if self.tells_of_its_start:
            # Before it says hello: it finds the message when it gets there.
            self._send_release()

    def _send_release(self) -> None:
        if self._agent_link is None:
            return
        self._releases += 1
        mailboxes = [] if self._kept is None else self._kept.make_mailboxes()
        message = encode_release(
            self._distrusted,
            self._handover.release_variables,
            opened_below=self._opened_below,
            adapt=self._adapt,
            keep_sockets=self._kept is not None,
            mailboxes=[key for key, _ in mailboxes],
        )
        # A process that died while it was held is noticed by its exit.
        with contextlib.suppress(OSError):
            self._agent_link.setblocking(True)
            self._agent_link.sendall(message)
            if mailboxes:
                descriptors = [mailbox.fileno() for _, mailbox in mailboxes]
                send_with_descriptors(self._agent_link, b"\n", descriptors)
        self._agent_link.setblocking(False)

    @property
    def link(self) -> socket.socket | None:
        """The agent's channel, to be waited for; ``None`` without an agent."""
        return self._agent_link

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
        if self._agent_link is None:
            return [], False
        is_open = True
        chunks = [self._undecoded]
        try:
            while True:
                chunk, descriptors = receive_with_descriptors(self._agent_link, 262144)
                self._descriptors += descriptors
                chunks.append(chunk)
                if not chunk:
                    is_open = False
                    break
        except BlockingIOError:
            pass
        except OSError:
            is_open = False
        records, self._undecoded = decode(b"".join(chunks))
        # A shell script may start one interpreter after the other; each waits.
        self._hellos += sum(isinstance(record, Hello) for record in records)
        self._take_sockets(records)
        while self.is_released and self._hellos > self._releases:
            self._send_release()
        return records, is_open

    def _take_sockets(self, records: list[Record]) -> None:
        """Match the descriptors that came in to what is said of them."""
        for record in records:
            if isinstance(record, Sent | InTheWay | Offered) and self._descriptors:
                descriptor = self._descriptors.pop(0)
                if isinstance(record, Offered):
                    self._offered.append(descriptor)
                elif self._kept is None:
                    os.close(descriptor)
                elif isinstance(record, Sent):
                    self._kept.take(descriptor, record.path)
                else:
                    self._kept.make_way(record.port)
                    os.close(descriptor)

    def take_offered(self) -> list[int]:
        """Descriptors over which it wants to be asked about changes; now the caller's."""
        offered, self._offered = self._offered, []
        return offered

    def read_stacks(self) -> str:
        """Have the agent write the stacks of all threads: text of ``faulthandler``.

        For one that is about to be killed: records that come in meanwhile are lost.

        :returns: empty if it has no agent, or does not answer in time.
        """
        if self._agent_link is None or not self._would_write_stacks():
            return ""
        self.gather_records()
        self.send_signal(STACKS_SIGNAL)
        data = b""
        deadline = time.monotonic() + _STACKS_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            # It comes in many small pieces, one right after the other.
            pause = _STACKS_PAUSE_SECONDS if data else left
            if not select.select([self._agent_link], [], [], min(pause, left))[0]:
                break
            with contextlib.suppress(OSError):
                data += (chunk := self._agent_link.recv(262144))
                if not chunk:
                    break
        return data.decode("utf-8", "replace")

    def _would_write_stacks(self) -> bool:
        """Whether the agent's handler is there, and what it writes to still is ours."""
        try:
            with open(f"/proc/{self.pid}/status") as file:
                caught = next(line for line in file if line.startswith("SigCgt:"))
            written_to = os.readlink(f"/proc/{self.pid}/fd/{self._agent_number}")
        except (OSError, StopIteration):
            return False
        is_caught = int(caught.split()[1], 16) >> (STACKS_SIGNAL - 1) & 1
        return bool(is_caught) and written_to == f"socket:[{self._agent_inode}]"

    def await_exit(self, notify: Callable[[], None]) -> socket.socket | None:
        """Arrange to hear of the process's end.

        :param notify: called from a thread where there is nothing to wait for.
        :returns: what becomes readable at the end, or before; ``None`` where ``notify``
            is used.
        """
        if self._process.link is not None:
            return self._process.link
        self._process.notify_of_end(notify)
        return None

    @property
    def tells_of_its_start(self) -> bool:
        """Whether an agent will report that the program runs."""
        return self.invocation.is_python and HAS_AGENT

    @property
    def exit_link(self) -> socket.socket | None:
        """What :meth:`await_exit` returns."""
        return self._process.link

    def poll(self) -> int | None:
        """How it ended, once nothing is left of it and of what it has started.

        :returns: the exit code, or minus the signal's number; ``None`` before.
        """
        return self._process.poll()

    @property
    def left(self) -> list[str]:
        """What it had started and left behind when it ended."""
        return self._process.left

    @property
    def killed(self) -> list[str]:
        """What was killed besides it."""
        return self._process.killed

    @property
    def survivors(self) -> list[str]:
        """What could not be killed, for it hangs in the kernel."""
        return self._process.survivors

    @property
    def is_lost(self) -> bool:
        """Whether it was ended because its keeper died."""
        return self._process.is_lost

    def set_rules(self, stop_signal: int, grace_seconds: float) -> None:
        """How what it leaves behind is asked to end, and how long that gets."""
        self._process.set_rules(stop_signal, grace_seconds)

    def ask_to_end(self, number: int) -> None:
        """Send the signal that asks it to end; one that is stopped goes on for that."""
        self.send_signal(number)
        if sys.platform == "linux" and self.state in ("T", "t"):
            self.send_signal(signal.SIGCONT)

    @property
    def state(self) -> str:
        """The kernel's letter for what it does, see ``proc(5)``; empty if it is not known."""
        if sys.platform == "linux":
            from reloader_core.supervisor.child.keeper.process_tree import status_of

            status = status_of(self.pid)
            return "" if status is None else status.state
        return ""

    def send_signal(self, number: int) -> None:
        """Send a signal; one that is gone already is no error."""
        self._process.send_signal(number)

    def send_signal_to_all(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""
        self._process.send_signal_to_all(number)

    def kill(self) -> None:
        """End the process and all that it has started, at once."""
        self._process.kill()

    def discard(self) -> None:
        """End it and all that it has started, and wait until nothing is left."""
        self.kill()
        self._process.wait(_KILL_SECONDS)
        self.close()

    def close(self) -> None:
        """Give the descriptors back; what is still there is ended."""
        self._process.close()
        self._close_links()

    def _close_links(self) -> None:
        if self._agent_link is not None:
            self._agent_link.close()
        if self._lifeline is not None:
            os.close(self._lifeline)
        for descriptor in (*self._descriptors, *self._offered):
            os.close(descriptor)
        self._descriptors.clear()
        self._offered.clear()
        self._lifeline = self._agent_link = None


def _stamp_of_directory(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns
