"""How the supervisor waits for a plugin: not longer than this, and not when it has to end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: While a plugin is waited for, nothing else is decided, and no edit is acted on. Whoever
#: needs longer than this to answer does work that belongs elsewhere.
ANSWER_SECONDS = 2.0

#: Starting the program may mean starting what it needs: a container, a database.
START_SECONDS = 10.0

#: Observers keep nobody waiting but the other hooks of their own plugin.
OBSERVER_SECONDS = 5.0

#: What was observed at the end, "it has exited", is worth this much of a Ctrl-C.
END_SECONDS = 2.0


class Waiter(Protocol):
    """Waits on the supervisor's thread. The supervisor's channel is one."""

    @property
    def is_quitting(self) -> bool:
        """Whether it is to end: then nothing is waited for."""

    def wake(self) -> None:
        """Have the condition that is waited for looked at; from any thread."""

    def wait_for(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, or the supervisor is to end.

        :param is_so: called on this thread, at first and at each :meth:`wake`.
        :param seconds: at most.
        :returns: whether it is so.
        """


class PlainWaiter:
    """Waits where there is no channel, and nothing to quit."""

    is_quitting = False

    def __init__(self) -> None:
        self._woken = threading.Condition()

    def wake(self) -> None:
        """Have the condition looked at."""
        with self._woken:
            self._woken.notify_all()

    def wait_for(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so."""
        with self._woken:
            return self._woken.wait_for(is_so, seconds)
