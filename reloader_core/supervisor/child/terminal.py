"""The terminal that supervisor and program share: its foreground, and its settings.

A program may leave it without echo, or line by line no more: a debugger or an editor of
lines that was ended in the middle. So the settings from before each program are put back
after it. Never from the background: the kernel stops who tries (SIGTTOU).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_in_foreground() -> bool:
    """Whether Ctrl-C on the terminal reaches this process and the program alike.

    The terminal sends the signal to its whole foreground group, and the
    program is in ours.
    """
    if sys.platform == "win32":
        return True
    descriptor = _find_terminal()
    try:
        return descriptor is not None and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


def _find_terminal() -> int | None:
    """The first of the standard descriptors that is a terminal."""
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            if os.isatty(descriptor):
                return descriptor
    return None


if sys.platform == "win32":

    class Terminal:
        """There is nothing to be put back on Windows."""

        def note(self) -> None:
            """Do nothing."""

        def restore(self) -> None:
            """Do nothing."""

else:
    import termios

    class Terminal:
        """The settings of the terminal from before a program."""

        def __init__(self) -> None:
            self._descriptor = _find_terminal()
            self._settings: list[Any] | None = None

        def note(self) -> None:
            """No program is alive: what is set now is to be put back after the next one."""
            self._settings = None
            if self._descriptor is not None and is_in_foreground():
                with contextlib.suppress(OSError, termios.error):
                    self._settings = termios.tcgetattr(self._descriptor)

        def restore(self) -> None:
            """A program has ended: put back what it has changed, and the foreground."""
            if self._settings is None or self._descriptor is None:
                return
            with contextlib.suppress(OSError, termios.error), _without_being_stopped():
                self._take_foreground_back(self._descriptor)
                if is_in_foreground() and termios.tcgetattr(self._descriptor) != self._settings:
                    # At once: nothing that was typed is lost.
                    termios.tcsetattr(self._descriptor, termios.TCSANOW, self._settings)

        def _take_foreground_back(self, descriptor: int) -> None:
            """Be in the foreground again if a group is that has no process any more.

            A shell or an editor that the program has started makes its own group the
            foreground, and may have been killed there.
            """
            group = os.tcgetpgrp(descriptor)
            if group == os.getpgrp():
                return
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                os.tcsetpgrp(descriptor, os.getpgrp())

    @contextlib.contextmanager
    def _without_being_stopped() -> Iterator[None]:
        """Block the signal that stops who changes the terminal from the background.

        It may have got there between a look and the change.
        """
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
