"""A plan's ``spawn``: called on a plugin's thread, done on the supervisor's."""

from __future__ import annotations

import collections
import threading
from functools import partial
from typing import TYPE_CHECKING

from reloader_core.errors import PluginError
from reloader_core.lines import Call
from reloader_core.plugins.answers import read_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import Child, Command


class Spawning:
    """Starts the program of one plan, as long as the plan is to be carried out.

    Only the supervisor's own thread starts processes: the keeper is asked one thing at a
    time, and what the program has to say is heard there.

    :param spawn: starts it, or returns the one that was started.
    :param wake: has :meth:`serve` called on the thread that made this object.
    :ivar child: the program, once it was started.
    """

    def __init__(
        self, spawn: Callable[[Command | None], Child], *, generation: int, wake: Callable[[], None]
    ) -> None:
        self._spawn = spawn
        self._generation = generation
        self._wake = wake
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._requests: collections.deque[Call[Child]] = collections.deque()
        self._is_over = False
        self.child: Child | None = None

    def __call__(self, *, command: Command | None = None) -> Child:
        """Start the program.

        :param command: another one than the plan's.
        :raises OSError: it cannot be started.
        :raises PluginError: the plan is over: the program was started without it.
        :raises TypeError: the command is none.
        :raises ValueError: the command makes no sense.
        """
        request = Call(partial(self._start, None if command is None else read_command(command)))
        with self._lock:
            if self._is_over:
                raise self._too_late()
            if threading.get_ident() != self._owner:
                self._requests.append(request)
        if threading.get_ident() == self._owner:
            request.make()
        else:
            self._wake()
            request.wait()
        return request.result()

    def serve(self) -> None:
        """Start the program if a plugin's thread wants it; for the owner to call."""
        while self._requests:
            self._requests.popleft().make()

    def close(self) -> None:
        """The plan is over: whoever asks now is refused."""
        with self._lock:
            self._is_over = True
        while self._requests:
            self._requests.popleft().refuse(self._too_late())

    def _start(self, command: Command | None) -> Child:
        self.child = self._spawn(command)
        return self.child

    def _too_late(self) -> PluginError:
        return PluginError(
            f"start {self._generation} is over: the program was started without this plan,"
            " or is not to be started any more"
        )
