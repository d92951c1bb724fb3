"""Being the first process of a container, which has duties beside the supervisor's own.

The kernel gives pid 1 every process that has lost its parent, to be waited for when it
ends; and it does not deliver pid 1 a signal that it does not ask for. So when the
supervisor finds itself there, it goes on in a child, and pid 1 does only this: it passes
signals on, waits for whoever ends, and ends with the supervisor's exit code. tini and
dumb-init do the same for programs that do not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

assert sys.platform == "linux"  # type checkers leave out the rest elsewhere

#: What the kernel, not a process, has sent: Ctrl-C, to all on the terminal. From
#: ``asm-generic/siginfo.h``.
_SI_KERNEL = 0x80

#: How a shell says that a signal ended a process: 128 + its number.
_SIGNAL_BASE = 128


def leave_pid_1() -> None:
    """Return in a child of this process. In pid 1 itself it does not return.

    To be called before there is a second thread.
    """
    numbers = signal.valid_signals()
    # Before there is a child, so that no signal is lost in between.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    supervisor = os.fork()
    if not supervisor:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        return
    code = 1
    try:
        code = _serve(supervisor, numbers)
    finally:
        os._exit(code)


def _serve(supervisor: int, numbers: AbstractSet[int]) -> int:
    """Pass signals on and reap, until the supervisor has ended.

    :returns: its exit code, as a shell gives it.
    """
    while True:
        received = signal.sigwaitinfo(numbers)
        if received.si_signo == signal.SIGCHLD:
            if (code := _reap(supervisor)) is not None:
                return code
        elif received.si_code != _SI_KERNEL:
            with contextlib.suppress(OSError):
                os.kill(supervisor, received.si_signo)


def _reap(supervisor: int) -> int | None:
    """Wait for all that have ended; the supervisor's exit code if it is one of them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == supervisor:
                code = os.waitstatus_to_exitcode(ended[1])
    return code if code is None or code >= 0 else _SIGNAL_BASE - code
