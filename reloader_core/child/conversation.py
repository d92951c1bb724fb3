"""The program's end of a conversation about changes: what it is asked, and what it answers.

The supervisor sends ``<number> <path>``; the answer is ``Y<number>`` if the change is dealt with,
``N<number>`` if not. ``F<entry>`` names what is to be watched; when it is, the supervisor says
``W``. A NUL ends each.
"""

from __future__ import annotations

import os
import socket
import threading
import traceback
from typing import TYPE_CHECKING

from reloader_core.child import absolute

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.child import Loader


class Conversation:
    """Of one loader, in one process after the other.

    :param offer: gives the supervisor a descriptor; false if there is none.
    """

    def __init__(self, loader: Loader, offer: Callable[[int], bool]) -> None:
        self._loader = loader
        self._offer = offer
        self._link: socket.socket | None = None
        self._named = b""

    def open(self) -> bool:
        """Begin it.

        :returns: whether there is somebody to talk to.
        """
        named = self._name_files()
        if not self._begin(named):
            return False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_in_fork)
        return True

    def _begin(self, named: bytes) -> bool:
        self._link, theirs = socket.socketpair()
        with theirs:
            if not self._offer(theirs.fileno()):
                self._link.close()
                return False
        self._link.sendall(named)
        self._named = named
        thread = threading.Thread(
            target=self._listen, args=(self._link,), name="reloader", daemon=True
        )
        thread.start()
        return True

    def _begin_in_fork(self) -> None:
        """A worker has memory of its own, and is asked for itself."""
        try:
            if self._link is not None:
                self._link.close()
            self._begin(self._name_files())
        except Exception:
            # Whoever forks must not fail of it: the worker is restarted as others are.
            traceback.print_exc()

    def _listen(self, link: socket.socket) -> None:
        rest = b""
        try:
            while data := link.recv(65536):
                *questions, rest = (rest + data).split(b"\0")
                for question in questions:
                    if question == b"W":
                        self._begin_watch()
                    else:
                        link.sendall(self._answer(question))
        except OSError:
            # The supervisor has hung up.
            pass

    def _begin_watch(self) -> None:
        try:
            self._loader.watch_began()
        except Exception:
            traceback.print_exc()

    def _answer(self, question: bytes) -> bytes:
        number, _, path = question.partition(b" ")
        try:
            if self._loader.file_changed(os.fsdecode(path)):
                named = self._name_files()
                is_new, self._named = named != self._named, named
                return (named if is_new else b"") + b"Y%s\0" % number
        except Exception:
            # The program is restarted; what went wrong is for its author.
            traceback.print_exc()
        return b"N%s\0" % number

    def _name_files(self) -> bytes:
        entries = [absolute(path) for path in self._loader.iter_watched_files()]
        return b"".join(b"F%s\0" % os.fsencode(entry) for entry in entries)
