"""Asking file systems whose server may be away, without waiting for it.

A call to a dead server blocks for minutes, or for ever. So each call that may go to one
is made on a thread of its mount, and waited for only so long. As long as it is stuck,
nothing else on that mount is asked, and no thread is started in its place.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from reloader_core.lines import Call, Line
from reloader_core.mounts import MountChanges, MountTable, Places
from reloader_core.policy.comparison import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.mounts import Mount

_T = TypeVar("_T")

#: A call to a server that takes longer is left alone; changes elsewhere wait that long.
_PATIENCE_SECONDS = 1.0

#: For how long what a call returned late is still worth something. It is asked for again
#: every second (``OUT_OF_REACH_SECONDS``).
_FRESH_SECONDS = 3.0

#: For how long it is believed what is mounted where, and where links lead.
_REMEMBER_SECONDS = 1.0


class Reach:
    """Makes calls about paths, here or on the thread of a remote mount."""

    def __init__(self) -> None:
        # Read when it is asked for first: a start has other things to do.
        self._changes: MountChanges | None = None
        self._table = MountTable()
        self._places = Places(self._table)
        self._forget_at = 0.0
        self._servers: dict[str, _Server] = {}

    def is_remote(self, path: str) -> bool:
        """Whether others than this kernel may change files there."""
        return self._remote_mount(path) is not None

    def is_answering(self, path: str) -> bool:
        """Whether the file system of a path answers, whatever it says."""
        try:
            self.call(path, os.path.exists, path)
        except OutOfReachError:
            return False
        return True

    def call(self, path: str, function: Callable[..., _T], *arguments: object) -> _T:
        """Make a call about a path.

        One that takes too long goes on; who asks the same again soon gets what it returns.

        :param path: what the call is about; it says which server is asked.
        :param function: called with the rest.
        :raises OutOfReachError: the server does not answer, or takes its time.
        :raises BaseException: whatever the function raises.
        """
        mount = self._remote_mount(path)
        if mount is None:
            return function(*arguments)
        server = self._servers.get(mount.point)
        if server is None:
            server = self._servers[mount.point] = _Server(mount.point)
        return server.ask(function, *arguments)

    def close(self) -> None:
        """Let the threads end; one that is stuck does so when its call returns."""
        if self._changes is not None:
            self._changes.close()
        for server in self._servers.values():
            server.close()

    def _remote_mount(self, path: str) -> Mount | None:
        now = time.monotonic()
        if now >= self._forget_at:
            self._forget_at = now + _REMEMBER_SECONDS
            if self._changes is None or self._changes.take():
                # Before the table is read: what changes after that is told.
                self._changes = self._changes or MountChanges()
                self._table = MountTable.read()
            self._places = Places(self._table)
        if not self._table.remote:
            return None
        place = self._places.find(path)
        return place.mount if place.is_remote else None


class _Server:
    """One server, asked on a thread of its own."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._line = Line(f"reloader-disk {point}")
        self._stuck: Call[Any] | None = None

    def ask(self, function: Callable[..., _T], *arguments: object) -> _T:
        what = (function, *arguments)
        if (stuck := self._stuck) is not None:
            if stuck.done_at is None:
                raise OutOfReachError(self._point)
            is_fresh = time.monotonic() - stuck.done_at < _FRESH_SECONDS
            if stuck.what == what or not is_fresh:
                self._stuck = None
            if stuck.what == what and is_fresh:
                # It only took its time: asked again, it would do so again.
                late: _T = stuck.result()
                return late
        call = self._line.put(Call(lambda: function(*arguments), what=what))
        if not call.wait(_PATIENCE_SECONDS):
            self._stuck = call
            raise OutOfReachError(self._point)
        return call.result()

    def close(self) -> None:
        self._line.close()
