"""Starting processes from here, where there is no keeper: on all systems but Linux."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Copies of descriptors that are passed on are kept out of the way of their places.
_HIGH_DESCRIPTOR = 64


class DirectHost:
    """Starts processes as children of this one."""

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
    ) -> DirectProcess:
        """Start a process; see :class:`~reloader_core.supervisor.child.keeper.host.KeeperHost`.

        :raises OSError: it cannot be started.
        """
        with _copied_high(descriptors) as copies:

            def put_in_place() -> None:
                for target, copy in copies.items():
                    os.dup2(copy, target)

            popen = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment,
                pass_fds=tuple(copies),
                # What it calls takes no lock, so no other thread can hold one.
                preexec_fn=put_in_place if copies else None,  # noqa: PLW1509
            )
        return DirectProcess(popen)

    def close(self) -> None:
        """There is nothing to give back."""


@contextlib.contextmanager
def _copied_high(descriptors: Mapping[int, int]) -> Iterator[dict[int, int]]:
    """Copies by their target; each target is in use meanwhile, so no pipe lands on it."""
    copies: dict[int, int] = {}
    occupied: list[int] = []
    if sys.platform == "win32":
        yield copies
        return
    import fcntl

    lowest = max([_HIGH_DESCRIPTOR, *descriptors]) + 1
    try:
        for target, source in descriptors.items():
            copies[target] = fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, lowest)
        for target, copy in copies.items():
            try:
                os.fstat(target)
            except OSError:
                os.dup2(copy, target, inheritable=False)
                occupied.append(target)
        yield copies
    finally:
        for descriptor in [*copies.values(), *occupied]:
            os.close(descriptor)


class DirectProcess:
    """A child of this process. What it has started is not known here."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self.pid = popen.pid
        self.left: list[str] = []
        self.killed: list[str] = []
        self.survivors: list[str] = []
        self.is_lost = False

    @property
    def link(self) -> None:
        """There is none: see :meth:`notify_of_end`."""
        return

    def notify_of_end(self, notify: Callable[[], None]) -> None:
        """Call something, from another thread, when it has ended."""

        def wait() -> None:
            self._popen.wait()
            notify()

        threading.Thread(target=wait, name=f"reloader-wait-{self.pid}", daemon=True).start()

    def set_rules(self, stop_signal: int, grace_seconds: float) -> None:
        """There is nothing left behind that they would be for."""

    def poll(self) -> int | None:
        """Its exit code, or minus the signal's number; ``None`` while it lives."""
        return self._popen.poll()

    def wait(self, timeout: float) -> int | None:
        """Wait for its end, at most ``timeout`` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)
        return self._popen.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that is gone already is no error."""
        with contextlib.suppress(OSError):
            self._popen.send_signal(number)

    def send_signal_to_all(self, number: int) -> None:
        """Send it a signal."""
        self.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._popen.kill()

    def close(self) -> None:
        """End it, if it is still there."""
        self.kill()
