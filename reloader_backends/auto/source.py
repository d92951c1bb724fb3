"""Joins the parts, and moves files from one to another when their file system changes."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import TYPE_CHECKING

from reloader_backends.auto.choice import Choice, Kind, Moved
from reloader_backends.auto.mounts import MountWatcher
from reloader_backends.auto.parts import Part, iter_hints
from reloader_backends.auto.probe import Prober, cache_directory
from reloader_backends.outbox import Outbox
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import Hint, HintScope
from reloader_core.mounts import Mount, MountTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_backends.auto.links import Links
    from reloader_core.model import OpenRequest, Tree

__all__ = ["AutoSource"]

_EVENTS = "inotify" if sys.platform == "linux" else "watchdog"
_BACKENDS = {Kind.LOCAL: _EVENTS, Kind.DEAF: "stat", Kind.REMOTE: "nfs"}
#: Those whose word is worth a trial; the others look.
_LISTENERS = frozenset({"inotify", "watchdog"})


class AutoSource:
    """A change source that has others watch, each what it is good for.

    :param request: opens them, and shows what was chosen.
    :param read_table: what is mounted now.
    :raises BackendUnavailableError: nothing can be opened for local file systems.
    """

    def __init__(
        self, request: OpenRequest, *, read_table: Callable[[], MountTable] = MountTable.read
    ) -> None:
        self._request = request
        self._read_table = read_table
        self._outbox = Outbox()
        # Before the table is read: what changes after that is told.
        self._mounts = MountWatcher(
            on_mount=self._take_mounts, on_wake=self._review, on_failure=self._fail
        )
        self._choice = Choice(read_table())
        # Guards the choice and which parts there are. close() does not take it.
        self._lock = threading.Lock()
        # Guards what close() needs, and is held for no time.
        self._state = threading.Lock()
        self._is_closed = False
        self._parts: dict[Kind, Part] = {}
        self._links: Links | None = None
        self._announced: set[tuple[str, str, str]] = set()
        # What was hinted at and may lead elsewhere now.
        self._suspects: set[Hint] = set()
        self._prober = Prober(request.open_backend, self._go_deaf)
        try:
            self._local = self._open_part(Kind.LOCAL)
        except BaseException:
            self._mounts.close()
            raise
        self._mounts.start()

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        :raises BackendUnavailableError: some of them cannot be watched by any backend.
        """
        with self._lock:
            if self._is_closed:
                return
            self._choice.watch(files, trees)
            self._share_out(Moved())
            self._outbox.keep(files, trees)
            local = self._local.backend
            table, deaf = self._choice.table, self._choice.deaf
        if local in _LISTENERS:
            self._prober.try_soon(local, files, table, deaf)

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until a part hints, at most ``timeout`` seconds.

        :raises BackendUnavailableError: a part failed, and nothing serves in its place.
        """
        source = self._local.direct
        if source is None:
            return self._outbox.take(timeout)
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        try:
            hints = tuple(source.wait(timeout))
        except BackendUnavailableError as error:
            self._local.recover(source, error)
            hints = ()
        if hints:
            self._suspect(hints)
            return hints
        if self._local.direct is source:
            return ()
        return self._outbox.take(None if timeout is None else max(0, deadline - time.monotonic()))

    def close(self) -> None:
        """Close the parts and have all threads end; a blocked ``wait`` returns at once."""
        with self._state:
            self._is_closed = True
            parts = [*self._parts.values(), *((self._links,) if self._links else ())]
        self._outbox.close()
        self._prober.close()
        self._mounts.close()
        for part in parts:
            part.close()

    # The parts. With the lock held.

    def _share_out(self, moved: Moved) -> None:
        """Tell each part what to watch.

        :param moved: what a part has to take up anew even if it watches it already.
        """
        choice = self._choice
        shares = {kind: (choice.files_of(kind), choice.trees_of(kind)) for kind in _BACKENDS}
        is_alone = not any(any(shares[kind]) for kind in _BACKENDS if kind is not Kind.LOCAL)
        if not is_alone or not moved.is_empty:
            self._local.leave_direct()
        for kind, (files, trees) in shares.items():
            part = self._parts.get(kind)
            if not files and not trees and kind is not Kind.LOCAL:
                self._close_part(kind)
                continue
            if part is None:
                part = self._open_part(kind)
            if kind is Kind.REMOTE:
                self._announce()
            part.rewatch(
                files,
                trees,
                stale_files=moved.files,
                stale_trees=moved.pieces,
            )
        links = choice.files_of(Kind.LINKS)
        if links or self._links is not None:
            self._watch_links(links, moved.files.union(tree.root for tree in moved.trees))

    def _open_part(self, kind: Kind) -> Part:
        part = Part(
            _BACKENDS[kind],
            open_backend=self._request.open_backend,
            hear=self._hear,
            fail=self._fail,
            tell_fallback=self._tell_fallback(kind),
            is_direct=kind is Kind.LOCAL,
        )
        with self._state:
            self._parts[kind] = part
            is_closed = self._is_closed
        if is_closed:
            part.close()
        return part

    def _watch_links(self, paths: frozenset[str], stale: frozenset[str]) -> None:
        if self._links is None:
            from reloader_backends.auto.links import Links

            links = Links(
                _EVENTS,
                open_backend=self._request.open_backend,
                hear=self._hear_of_links,
                fail=self._fail,
            )
            with self._state:
                self._links = links
                if self._is_closed:
                    links.close()
        self._links.watch(paths, stale=stale)

    def _close_part(self, kind: Kind) -> None:
        with self._state:
            part = self._parts.pop(kind, None)
        if part is not None:
            part.close()

    # What is said to the user.

    def _tell_fallback(self, kind: Kind) -> Callable[[str, Exception], None]:
        def tell(backend: str, error: Exception) -> None:
            what = ""
            if kind is Kind.REMOTE:
                what = "".join(f"{mount.point} " for mount in list(self._choice.remote))
            elif kind is Kind.LOCAL and self._announced:
                what = "everything else "
            self._request.notify(f"watching {what}with {backend}: {error}")

        return tell

    def _announce(self) -> None:
        """Name the remote file systems that were not named before."""
        told = []
        for mount in self._choice.remote:
            known = (mount.point, mount.type, mount.source)
            if known not in self._announced:
                self._announced.add(known)
                told.append(f"{mount.point} with {self._parts[Kind.REMOTE].backend} {_name(mount)}")
        if told:
            rest = f"everything else with {self._parts[Kind.LOCAL].backend}"
            self._request.notify(f"watching {', '.join([*told, rest])}")

    # On the parts' threads.

    def _hear(self, hints: Iterable[Hint]) -> None:
        hints = tuple(hints)
        self._outbox.put(hints)
        self._suspect(hints)

    def _suspect(self, hints: Iterable[Hint]) -> None:
        """Have it found out soon whether what is hinted at is on another file system now."""
        if self._choice.is_simple:
            return
        with self._state:
            self._suspects.update(hints)
        self._mounts.wake()

    def _hear_of_links(self, hints: Iterable[Hint]) -> None:
        """A link at which a tree begins changed: that is about all that is in the tree."""
        self._hear(
            Hint(path=hint.path, scope=HintScope.TREE) if self._choice.is_root(hint.path) else hint
            for hint in hints
        )

    def _fail(self, error: BaseException) -> None:
        self._outbox.fail(error)
        with self._state:
            local = self._parts.get(Kind.LOCAL)
        if local is not None:
            local.close()  # so that a direct wait returns

    # On the thread of the mounts, or the prober's.

    def _take_mounts(self) -> None:
        with self._lock:
            self._move(self._choice.mount(self._read_table()))

    def _review(self) -> None:
        """A link may lead to another file system now."""
        with self._state:
            suspects, self._suspects = self._suspects, set()
        with self._lock:
            self._move(self._choice.review(suspects))

    def _go_deaf(self, mount: Mount, backend: str) -> None:
        try:
            with self._lock:
                if self._is_closed:
                    return
                fault = f"{backend} told nothing of a change in {cache_directory()}"
                self._request.notify(f"watching {mount.point} with stat: {fault}")
                self._move(self._choice.silence(mount))
        except Exception as error:
            self._fail(error)

    def _move(self, moved: Moved) -> None:
        if not moved.is_empty and not self._is_closed:
            self._share_out(moved)
            self._outbox.put(iter_hints(moved.files, moved.trees))


def _name(mount: Mount) -> str:
    source = mount.source
    if source in ("", "none", mount.type):
        return f"({mount.type})"
    return f"({mount.type} from {source})"
