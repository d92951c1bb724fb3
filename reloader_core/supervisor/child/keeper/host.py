"""The supervisor's end of the keeper: requests to it, and the processes it keeps."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

assert sys.platform == "linux"  # type checkers leave out the rest elsewhere

from reloader_core.supervisor.child.keeper.messages import (
    EXITED,
    GONE,
    KILL,
    RULES,
    SIGNAL,
    decode,
    encode,
    receive_answer,
    send_request,
)
from reloader_core.supervisor.child.keeper.process_tree import list_descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A spawn takes a millisecond or two, unless the executable's file system hangs.
_SPAWN_SECONDS = 10.0

#: How long the keeper gets for ending everything. It kills at once, and leaves alone what
#: hangs in the kernel after five seconds.
_CLOSE_SECONDS = 7.0

#: Code by which an interpreter becomes a keeper that could not be forked.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[-2]);"
    "from reloader_core.supervisor.child.keeper.main import run_executed; run_executed()"
)


class KeeperHost:
    """Starts processes through a keeper, and another keeper when that one dies."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._pid = 0
        self._open()

    def _open(self) -> None:
        control, theirs = socket.socketpair()
        control.settimeout(_SPAWN_SECONDS)
        try:
            # To fork takes less than a millisecond, but a lock that another thread holds
            # would be held in the keeper for ever.
            self._pid = _fork(theirs) if _has_one_thread() else _execute(theirs)
        except BaseException:
            control.close()
            raise
        finally:
            theirs.close()
        self._control = control

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
    ) -> KeptProcess:
        """Start a process.

        :param descriptors: what it gets beside 0, 1 and 2: the number there, and ours.
        :raises OSError: it cannot be started.
        """
        try:
            return self._spawn(argv, cwd, environment, descriptors)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            # The keeper was killed: by hand, or because memory ran out.
            self.close()
            self._open()
            try:
                return self._spawn(argv, cwd, environment, descriptors)
            except EOFError as error:
                raise OSError(str(error)) from error
        except TimeoutError:
            # It hangs in the file system of the executable, and cannot be told to stop.
            self._give_up()
            raise

    def _spawn(
        self,
        argv: Sequence[str],
        cwd: str,
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
    ) -> KeptProcess:
        if self._control is None:
            self._open()
        assert self._control is not None
        leash, theirs = socket.socketpair()
        try:
            request = (list(argv), cwd, dict(environment), list(descriptors))
            send_request(self._control, request, [theirs.fileno(), *descriptors.values()])
            answer = receive_answer(self._control)
        except BaseException:
            leash.close()
            raise
        finally:
            theirs.close()
        if answer[0] == "spawned":
            return KeptProcess(answer[1], leash)
        leash.close()
        _, number, text, filename = answer
        if number is None:
            raise ValueError(text)
        raise OSError(number, text, filename)

    def close(self) -> None:
        """Have everything ended that is still there, and wait for it, but not for ever."""
        if self._control is None:
            return
        self._control.close()
        self._control = None
        deadline = time.monotonic() + _CLOSE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                if not os.waitpid(self._pid, os.WNOHANG)[0]:
                    time.sleep(0.001)  # the poll of a wait with a deadline
                    continue
            return
        _kill_and_reap(self._pid)

    def _give_up(self) -> None:
        assert self._control is not None
        self._control.close()
        self._control = None
        _kill_and_reap(self._pid)


class KeptProcess:
    """A process that the keeper has started, with all that it starts itself.

    :ivar returncode: its exit code, or minus the signal's number; ``None`` as long as it,
        or anything that it has started, is there.
    :ivar left: what was there when it had ended: names with process ids.
    :ivar killed: what had to be killed of that.
    :ivar survivors: what could not be killed.
    :ivar is_lost: the keeper has died under it.
    """

    def __init__(self, pid: int, leash: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.left: list[str] = []
        self.killed: list[str] = []
        self.survivors: list[str] = []
        self.is_lost = False
        self._leash = leash
        self._leash.setblocking(False)
        self._undecoded = b""
        self._pidfd: int | None = None
        with contextlib.suppress(OSError):
            self._pidfd = os.pidfd_open(pid)

    @property
    def link(self) -> socket.socket:
        """Becomes readable when there is news, which :meth:`poll` takes."""
        return self._leash

    def set_rules(self, stop_signal: int, grace_seconds: float) -> None:
        """How the processes are asked to end that it leaves behind, and how long they get."""
        self._say(RULES, int(stop_signal), grace_seconds)

    def poll(self) -> int | None:
        """Take the news.

        :returns: ``returncode``.
        """
        if self.returncode is not None:
            return self.returncode
        is_open = True
        try:
            while chunk := self._leash.recv(4096):
                self._undecoded += chunk
            is_open = False
        except BlockingIOError:
            pass
        except OSError:
            is_open = False
        messages, self._undecoded = decode(self._undecoded)
        for name, *details in messages:
            if name == EXITED:
                self.left = details[1]
            elif name == GONE:
                self.returncode, self.killed, self.survivors = details
        if self.returncode is None and not is_open:
            self._lose()
        return self.returncode

    def _lose(self) -> None:
        """The keeper is gone. What it has started is nobody's: end it from here."""
        self.is_lost = True
        for status in list_descendants(self.pid):
            with contextlib.suppress(OSError):
                os.kill(status.pid, signal.SIGKILL)
        self.send_signal(signal.SIGKILL)
        if self._pidfd is not None:
            select.select([self._pidfd], [], [], _CLOSE_SECONDS)
        self.returncode = -signal.SIGKILL

    def wait(self, timeout: float) -> int | None:
        """Wait until nothing is left of it, at most ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self.poll() is None and (left := deadline - time.monotonic()) > 0:
            select.select([self._leash], [], [], left)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that is gone already is no error."""
        if self._pidfd is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pidfd, number)

    def send_signal_to_all(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""
        self._say(SIGNAL, int(number))

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        self._say(KILL)

    def _say(self, *message: object) -> None:
        # A keeper that died is noticed when the news is taken.
        with contextlib.suppress(OSError):
            self._leash.send(encode(message))

    def close(self) -> None:
        """Let it go: the keeper ends what is still there."""
        self._leash.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def _has_one_thread() -> bool:
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _fork(control: socket.socket) -> int:
    from reloader_core.supervisor.child.keeper.main import run_forked

    pid = os.fork()
    if not pid:
        run_forked(control)
    return pid


def _execute(control: socket.socket) -> int:
    import reloader_core

    root = os.path.dirname(os.path.dirname(os.path.abspath(reloader_core.__file__)))
    # Its environment does not matter: each program brings its own.
    popen = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CODE, root, str(control.fileno())],
        pass_fds=(control.fileno(),),
    )
    pid = popen.pid
    popen.returncode = 0  # waited for by its number, as a forked one is
    return pid


def _kill_and_reap(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
