"""The kernel's watches: one per inode, shared by all that depend on that inode.

A watch is kept as narrow as its dependents allow: a directory that is merely on
the way tells of its own removal only, however busy it is.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Final

import attrs

from reloader_backends.inotify import limits, system
from reloader_backends.inotify.system import Instance
from reloader_core.errors import BackendUnavailableError

if TYPE_CHECKING:
    from reloader_backends.inotify.paths import Step
    from reloader_backends.inotify.system import Event
    from reloader_backends.inotify.trees import Branch

__all__ = ["CONTENT", "ENTRIES", "ITSELF", "NAMES", "Kernel", "Watch"]

_ONLY_THIS_DIRECTORY: Final = system.ONLYDIR | system.DONT_FOLLOW
#: A directory: that it was moved or removed. No event for anything in it.
ITSELF: Final = system.MOVE_SELF | system.DELETE_SELF | _ONLY_THIS_DIRECTORY
#: A directory: what happens to its entries. Opening, reading and chmod are not news.
ENTRIES: Final = (
    ITSELF
    | system.CLOSE_WRITE
    | system.MODIFY
    | system.MOVED_TO
    | system.MOVED_FROM
    | system.CREATE
    | system.DELETE
    | system.EXCL_UNLINK
)
#: A file: that it is written to, under whatever name.
CONTENT: Final = system.CLOSE_WRITE | system.MODIFY | system.DONT_FOLLOW
#: A file: that it got another name, among other changes of its attributes. Such a watch
#: is had while there are plenty, and the first to be given up when there are none left.
NAMES: Final = system.ATTRIB | system.DONT_FOLLOW

_VANISHED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


@attrs.define(eq=False)
class Watch:
    """A watched inode and what depends on it.

    :ivar path: where the inode was when it was last watched.
    :ivar names: for each entry that matters, the steps it decides on.
    :ivar owners: the steps that lead to this very inode.
    :ivar branches: the directories of trees that are this inode.
    """

    wd: int
    path: str
    mask: int
    names: dict[str, tuple[Step, ...]] = attrs.field(factory=dict)
    owners: set[Step] = attrs.field(factory=set)
    branches: list[Branch] = attrs.field(factory=list)

    @property
    def has_entries(self) -> bool:
        """Whether the kernel tells of changes to the directory's entries."""
        return bool(self.mask & system.CREATE)

    @property
    def has_content(self) -> bool:
        """Whether the kernel tells of writes to the file under whatever name."""
        return self.mask & CONTENT == CONTENT

    @property
    def needs_entries(self) -> bool:
        """Whether anything depends on the directory's entries."""
        return bool(self.names or self.branches)


class Kernel:
    """An inotify instance with its table of watches.

    :raises BackendUnavailableError: a limit was reached.
    """

    def __init__(self) -> None:
        try:
            self._instance = Instance()
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise limits.out_of_instances() from error
            raise limits.refused("this system", error) from error
        self._watches: dict[int, Watch] = {}
        self._loosened: set[Watch] = set()
        self._most_for_names = limits.spare_watches()

    def fileno(self) -> int:
        """The descriptor that becomes readable with an event."""
        return self._instance.fileno()

    def read(self) -> list[Event]:
        """All events there are, without blocking."""
        return self._instance.read()

    def close(self) -> None:
        """Give the instance and its watches back."""
        self._instance.close()

    def get(self, wd: int) -> Watch | None:
        """The watch an event is about; ``None`` when it was given up meanwhile."""
        return self._watches.get(wd)

    def add(self, path: str, mask: int) -> Watch | None:
        """Watch what is at ``path`` now, also for what it is watched for already.

        :returns: ``None`` when it is not, or no longer, of the kind asked for.
        :raises PermissionError: it may not be read.
        :raises BackendUnavailableError: a limit was reached.
        """
        try:
            wd = self._instance.add_watch(path, mask | system.MASK_ADD)
        except PermissionError:
            raise
        except OSError as error:
            if error.errno in _VANISHED:
                return None
            if error.errno == errno.ENOSPC:
                if self._shed():
                    return self.add(path, mask)
                raise limits.out_of_watches(path) from error
            raise limits.refused(path, error) from error
        watch = self._watches.get(wd)
        if watch is None:
            watch = self._watches[wd] = Watch(wd=wd, path=path, mask=mask)
            self._loosened.add(watch)
        else:
            watch.path = path
            watch.mask |= mask
        return watch

    def add_spare(self, path: str) -> Watch | None:
        """Watch for :data:`NAMES` what is at ``path`` now, if there are plenty of watches.

        :returns: ``None`` also when there are not.
        :raises PermissionError: it may not be read.
        """
        if len(self._watches) >= self._most_for_names:
            return None
        try:
            return self.add(path, NAMES)
        except BackendUnavailableError:
            return None

    def loosen(self, watch: Watch) -> None:
        """Note that something no longer depends on a watch."""
        self._loosened.add(watch)

    def forget(self, watch: Watch) -> None:
        """Note that the kernel dropped a watch: the inode is gone or unmounted."""
        self._watches.pop(watch.wd, None)

    def tidy(self) -> None:
        """Give up, or narrow, what was loosened and not asked for again."""
        for watch in self._loosened:
            if self._watches.get(watch.wd) is not watch:
                continue
            if not (watch.needs_entries or watch.owners):
                self._drop(watch)
            elif watch.has_entries and not watch.needs_entries:
                self._narrow(watch)
        self._loosened.clear()

    def _shed(self) -> bool:
        """Give up the watches that are the least use, and add no more of them.

        :returns: whether there were any.
        """
        self._most_for_names = 0
        spare = [watch for watch in self._watches.values() if watch.mask == NAMES]
        for watch in spare:
            for step in watch.owners:
                step.watch = None
            watch.owners.clear()
            self._drop(watch)
        return bool(spare)

    def _drop(self, watch: Watch) -> None:
        del self._watches[watch.wd]
        with contextlib.suppress(OSError):  # The inode may have gone before.
            self._instance.remove_watch(watch.wd)

    def _narrow(self, watch: Watch) -> None:
        # On failure it stays as it is: wider than it need be.
        with contextlib.suppress(OSError):
            wd = self._instance.add_watch(watch.path, ITSELF)
            if wd == watch.wd:
                watch.mask = ITSELF
            elif wd in self._watches:
                # Another directory took its place, which an event will tell of.
                self._instance.add_watch(watch.path, self._watches[wd].mask | system.MASK_ADD)
            else:
                self._instance.remove_watch(wd)
