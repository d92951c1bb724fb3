"""What runs in the keeper: one thread, one loop, standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

assert sys.platform == "linux"  # type checkers leave out the rest elsewhere

from reloader_core.supervisor.child.keeper.messages import (
    EXITED,
    GONE,
    KILL,
    RULES,
    SIGNAL,
    decode,
    encode,
    receive_request,
)
from reloader_core.supervisor.child.keeper.process_tree import (
    ProcessStatus,
    has_children_besides,
    list_descendants,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

#: How often it is looked whether something that was killed is gone.
_LOOK_SECONDS = 0.010

#: And how often whether something is that was asked to end. Mostly a signal tells.
_SLOW_LOOK_SECONDS = 0.100

#: A program that was asked to stop may first put its terminal in order.
_SUSPEND_SECONDS = 0.2

#: The kernel's letter for a process that was stopped by a signal.
_STOPPED = "T"

#: What the kernel cannot kill by then hangs in it, perhaps for ever: it is left alone.
_UNKILLABLE_SECONDS = 5.0

#: ``PR_SET_NAME`` and ``PR_SET_CHILD_SUBREAPER``, from ``linux/prctl.h``.
_SET_NAME, _SET_CHILD_SUBREAPER = 15, 36

#: Where the keeper's own descriptors are, as far as the limit of open files permits.
_OUT_OF_THE_WAY = (512, 128, 32)

#: Signals that keep their meaning. All others are caught: exec gives what is caught its
#: default back in the program, also what was ignored when the supervisor was started,
#: under nohup or in the background of a shell without job control.
_LEFT_ALONE = {
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGSYS,
    signal.SIGTRAP,
}


class _Kept:
    """A program on its leash.

    :ivar returncode: how it ended; ``None`` while it lives.
    :ivar ask_until: until then what it left behind has time, monotonic seconds.
    :ivar kill_since: since when it is being killed; ``None`` when it is not.
    :ivar suspend_at: when it is stopped that has not stopped itself.
    """

    def __init__(self, popen: subprocess.Popen[bytes], leash: socket.socket) -> None:
        self.popen = popen
        self.pid = popen.pid
        self.leash = leash
        self.leash.setblocking(False)
        self.undecoded = b""
        self.returncode: int | None = None
        self.stop_signal: int = signal.SIGTERM
        self.grace_seconds = 5.0
        self.ask_until: float | None = None
        self.kill_since: float | None = None
        self.suspend_at: float | None = None
        self.killed: dict[int, str] = {}

    def tell(self, *message: object) -> None:
        with contextlib.suppress(OSError):
            self.leash.send(encode(message))

    @property
    def is_leaving(self) -> bool:
        """Whether it, or the rest of it, is about to go."""
        return self.returncode is not None or self.kill_since is not None


class Keeper:
    """Spawns, reaps and kills.

    :param control: requests come over it; when it is closed, all ends.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = socket.socket(fileno=_move_away(control.detach()))
        self._kept: dict[int, _Kept] = {}
        self._is_closing = False
        self._wake_reader, self._wake_writer = map(_move_away, os.pipe())
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in signal.valid_signals() - _LEFT_ALONE:
            # Real-time signals of the C library cannot be had.
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, _do_nothing)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # Before anything is spawned: a daemon is made within a millisecond.
        _become_subreaper()

    def run(self) -> None:
        """Serve until the supervisor is gone and nothing is left of its programs."""
        while not self._is_closing or self._kept:
            self._wait()
            self._reap()
            for kept in list(self._kept.values()):
                self._listen(kept)
                self._suspend(kept)
                self._go_on(kept)
        for status in list_descendants(os.getpid()):
            _send(status.pid, signal.SIGKILL)
        self._control.close()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if not self._is_closing:
            poll.register(self._control, select.POLLIN)
        for kept in self._kept.values():
            if kept.leash.fileno() >= 0:
                poll.register(kept.leash, select.POLLIN)
        seconds = self._seconds_until_look()
        ready = {fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)}
        if self._wake_reader in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_reader, 4096)
        if self._control.fileno() in ready and not self._is_closing:
            self._serve()

    def _seconds_until_look(self) -> float | None:
        if any(kept.kill_since is not None for kept in self._kept.values()):
            return _LOOK_SECONDS
        if any(kept.is_leaving or kept.suspend_at is not None for kept in self._kept.values()):
            return _SLOW_LOOK_SECONDS
        return None

    # Requests

    def _serve(self) -> None:
        try:
            request = receive_request(self._control)
        except (OSError, EOFError):
            request = None
        if request is None:
            self._is_closing = True
            for kept in self._kept.values():
                self._kill(kept)
            return
        (argv, cwd, environment, targets), (leash, *descriptors) = request
        try:
            popen = self._spawn(
                argv, cwd, environment, dict(zip(targets, descriptors, strict=True))
            )
        except OSError as error:
            os.close(leash)
            answer: tuple[Any, ...] = ("failed", error.errno, error.strerror, error.filename)
        except (ValueError, subprocess.SubprocessError) as error:
            os.close(leash)
            answer = ("failed", None, str(error), None)
        else:
            self._kept[popen.pid] = _Kept(popen, socket.socket(fileno=leash))
            answer = ("spawned", popen.pid)
        with contextlib.suppress(OSError):
            self._control.sendall(encode(answer))

    def _spawn(
        self, argv: list[str], cwd: str, environment: dict[str, str], placed: dict[int, int]
    ) -> subprocess.Popen[bytes]:
        """Start a program, with descriptors at the numbers that it expects them at."""
        sources = list(placed.values())
        try:
            with self._out_of_the_way(placed) as moved:
                return subprocess.Popen(
                    argv, cwd=cwd, env=environment, pass_fds=moved, close_fds=True
                )
        finally:
            for source in sources:
                os.close(source)

    @contextlib.contextmanager
    def _out_of_the_way(self, placed: dict[int, int]) -> Iterator[tuple[int, ...]]:
        """Have descriptors at the numbers they are wanted at, and nothing else of ours there."""
        end = max(placed, default=2) + 1
        copies = {
            target: fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, end)
            for target, source in placed.items()
        }
        # What is ours and stands there comes back to its place afterwards.
        ours = {}
        for target in placed:
            with contextlib.suppress(OSError):
                ours[target] = fcntl.fcntl(target, fcntl.F_DUPFD_CLOEXEC, end)
        try:
            for target, copy in copies.items():
                os.dup2(copy, target, inheritable=False)
            yield tuple(placed)
        finally:
            for target, copy in copies.items():
                if target in ours:
                    os.dup2(ours[target], target, inheritable=False)
                    os.close(ours[target])
                else:
                    os.close(target)
                os.close(copy)

    def _listen(self, kept: _Kept) -> None:
        if kept.leash.fileno() < 0:
            return
        is_open = True
        try:
            while chunk := kept.leash.recv(4096):
                kept.undecoded += chunk
            is_open = False
        except BlockingIOError:
            pass
        except OSError:
            is_open = False
        messages, kept.undecoded = decode(kept.undecoded)
        for name, *details in messages:
            if name == RULES:
                kept.stop_signal, kept.grace_seconds = details
            elif name == SIGNAL:
                self._signal_all(kept, details[0])
            elif name == KILL:
                self._kill(kept)
        if not is_open:
            kept.leash.close()
            self._kill(kept)

    # Ends

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            # Whoever else it is was adopted.
            if (kept := self._kept.get(pid)) is not None:
                kept.returncode = kept.popen.returncode = os.waitstatus_to_exitcode(status)
                rest = self._rest_of(kept)
                if rest and kept.kill_since is None:
                    self._ask(kept, rest)

    def _ask(self, kept: _Kept, rest: list[ProcessStatus]) -> None:
        """The program has ended, and has left others behind: they get the time it had."""
        assert kept.returncode is not None
        kept.tell(EXITED, kept.returncode, [str(status) for status in rest])
        kept.ask_until = time.monotonic() + kept.grace_seconds
        for status in rest:
            _send(status.pid, kept.stop_signal)
            _send(status.pid, signal.SIGCONT)

    def _go_on(self, kept: _Kept) -> None:
        """Bring what is about to end to its end."""
        if not kept.is_leaving:
            return
        now = time.monotonic()
        rest = self._rest_of(kept)
        if not rest and kept.returncode is not None:
            # Also what has ended just now: a process group exists until it was waited for.
            self._reap()
            self._let_go(kept, [])
            return
        if kept.kill_since is None and kept.ask_until is not None and now >= kept.ask_until:
            self._kill(kept)
        if kept.kill_since is None:
            return
        for status in rest:
            kept.killed.setdefault(status.pid, str(status))
            _send(status.pid, signal.SIGKILL)
        if now - kept.kill_since > _UNKILLABLE_SECONDS:
            self._let_go(kept, [str(status) for status in rest])

    def _let_go(self, kept: _Kept, survivors: list[str]) -> None:
        del self._kept[kept.pid]
        if kept.returncode is None:
            kept.returncode = kept.popen.returncode = -signal.SIGKILL
        kept.killed.pop(kept.pid, None)
        kept.tell(GONE, kept.returncode, list(kept.killed.values()), survivors)
        kept.leash.close()

    def _kill(self, kept: _Kept) -> None:
        if kept.kill_since is None:
            kept.kill_since = time.monotonic()

    def _signal_all(self, kept: _Kept, number: int) -> None:
        is_stop = number == signal.SIGTSTP
        kept.suspend_at = time.monotonic() + _SUSPEND_SECONDS if is_stop else None
        for status in self._rest_of(kept):
            _send(status.pid, number)

    def _suspend(self, kept: _Kept) -> None:
        """Stop what was asked to stop and did not.

        The kernel drops the signal where no shell is there to continue the process: in an
        orphaned process group, such as a session of its own.
        """
        if kept.suspend_at is not None and time.monotonic() >= kept.suspend_at:
            kept.suspend_at = None
            for status in self._rest_of(kept):
                if status.state != _STOPPED:
                    _send(status.pid, signal.SIGSTOP)

    def _rest_of(self, kept: _Kept) -> list[ProcessStatus]:
        """What is alive of a program: itself, and all that descends from it.

        What has lost its parent cannot be told apart any more: it belongs to the one
        that is looked at. There is never a second one that could have started anything.
        """
        others = set(self._kept) - {kept.pid}
        if kept.returncode is not None and not has_children_besides(others):
            return []
        return list_descendants(os.getpid(), besides=others)


def _move_away(descriptor: int) -> int:
    """Move a descriptor to where no program wants one."""
    for lowest in _OUT_OF_THE_WAY:
        with contextlib.suppress(OSError):
            moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
            os.close(descriptor)
            return moved
    return descriptor


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Being caught is all that matters."""


def _become_subreaper() -> None:
    """Adopt whatever loses its parent. Without ctypes only direct descent is known."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_SET_NAME, b"reloader-keeper", 0, 0, 0)


def run_forked(control: socket.socket) -> NoReturn:
    """Be the keeper from now on, in a process that was just forked."""
    code = 1
    try:
        number = control.fileno()
        os.closerange(3, number)
        os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        Keeper(control).run()
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def run_executed() -> NoReturn:
    """Be the keeper in an interpreter of its own; the socket's number is the last argument."""
    run_forked(socket.socket(fileno=int(sys.argv[-1])))
