"""Turns events into hints. What was looked at again is hinted at once the watch is up."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from reloader_backends.gate import Gate
from reloader_backends.inotify import limits, system
from reloader_backends.inotify.kernel import Kernel, Watch
from reloader_backends.inotify.paths import Paths, Step, has_other_names
from reloader_backends.inotify.trees import Branch, Mount, Trees
from reloader_core.model import Hint, HintScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_backends.inotify.system import Event
    from reloader_core.model import Tree

if sys.platform != "linux":
    raise ImportError(f"there is no inotify on {sys.platform}")

__all__ = ["InotifySource"]

_ITSELF: Final = system.MOVE_SELF | system.DELETE_SELF
_APPEARED: Final = system.CREATE | system.MOVED_TO
_REPLACED: Final = _APPEARED | system.DELETE | system.MOVED_FROM


class InotifySource:
    """A change source that the kernel wakes up.

    Both methods that may have to watch more, ``watch`` and ``wait``, raise
    :class:`~reloader_core.errors.BackendUnavailableError` when a limit is
    reached; the source is of no use after that but to be closed.

    :raises BackendUnavailableError: there are no inotify instances left.
    """

    def __init__(self) -> None:
        self._kernel = Kernel()
        try:
            self._paths = Paths(self._kernel)
            self._trees = Trees(self._kernel, self._paths)
            self._wakeup = _open_wakeup()
        except BaseException:
            self._kernel.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._kernel.fileno(), select.POLLIN)
        self._poll.register(self._wakeup, select.POLLIN)
        self._files: frozenset[str] = frozenset()
        self._hints: dict[tuple[str, HintScope], bool] = {}
        self._touched: set[Step] = set()
        # Guards the tables. close() does not take it: a look may hang in a dead
        # server's lstat().
        self._lock = threading.Lock()
        self._gate = Gate(wake=self._wake, release=self._release)

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on; see :class:`~reloader_core.model.ChangeSource`.

        :raises BackendUnavailableError: a limit was reached.
        """
        with self._lock:
            if self._gate.is_closed:
                return
            added = files - self._files
            removed: frozenset[str] = frozenset()
            # While a program imports, files are added a hundred times, and none is removed.
            if len(files) < len(self._files) + len(added):
                removed = self._files - files
            for path in added:
                self._paths.add(path)
            mounts = [self._trees.add(tree) for tree in trees - self._trees.trees]
            for path in removed:
                self._paths.remove(path)
            for tree in self._trees.trees - trees:
                self._trees.remove(tree)
            self._files = files
            self._settle(mounts)
            if self._hints:
                self._wake()

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until the kernel tells of something, at most ``timeout`` seconds.

        :raises BackendUnavailableError: a new directory has to be watched, and
            a limit was reached.
        """
        with self._gate.waiting() as is_open:
            return self._wait(timeout) if is_open else ()

    def close(self) -> None:
        """Give the descriptors back, or have the blocked ``wait`` do it at once."""
        self._gate.close()

    def _wake(self) -> None:
        os.eventfd_write(self._wakeup, 1)

    def _release(self) -> None:
        self._kernel.close()
        os.close(self._wakeup)

    def _wait(self, timeout: float | None) -> list[Hint]:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            rest = deadline - time.monotonic()
            self._poll.poll(None if rest == math.inf else max(0, math.ceil(rest * 1000)))
            if self._gate.is_closed:
                return []
            with self._lock:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wakeup)
                self._digest(self._kernel.read())
                hints, self._hints = self._hints, {}
            if hints or time.monotonic() >= deadline:
                return [
                    Hint(path=path, scope=scope, is_being_written=is_being_written)
                    for (path, scope), is_being_written in hints.items()
                ]

    def _digest(self, events: list[Event]) -> None:
        """Bring the tables up to date with events and collect the hints."""
        mounts: list[Mount] = []
        for wd, mask, _, name in events:
            if mask & system.Q_OVERFLOW:
                self._paths.enqueue_all()
                mounts += self._trees.roots
                self._hints["", HintScope.EVERYTHING] = False
                continue
            watch = self._kernel.get(wd)
            if watch is None:
                continue
            if mask & system.IGNORED:
                self._forget(watch, mounts)
            elif mask & system.ATTRIB:
                for step in watch.owners:
                    self._look_for_names(step, watch, mounts)
            elif name:
                for step in watch.names.get(name, ()):
                    self._touch(step, mask, mounts)
                for branch in list(watch.branches):
                    if branch in watch.branches:  # else it went with another one
                        self._touch_branch(branch, name, mask, mounts)
            else:
                for step in watch.owners:
                    self._touch(step, mask, mounts)
        if events:
            self._settle(mounts)

    def _settle(self, mounts: list[Mount]) -> None:
        """Look at what changed, enter what appeared, until neither leads to more.

        :param mounts: to be entered in any case.
        """
        while True:
            for step in self._paths.settle():
                # An event tells more than a look: whether somebody is still writing.
                self._hint_dependents(step, None if step in self._touched else False, mounts)
            if not mounts:
                break
            entering, mounts = dict.fromkeys(mounts), []
            for mount in entering:
                mounts += self._trees.enter(mount)
        self._touched.clear()
        self._kernel.tidy()

    def _touch(self, step: Step, mask: int, mounts: list[Mount]) -> None:
        """Note an event that is about a watched path or something on its way."""
        if mask & (_REPLACED | _ITSELF):
            self._paths.enqueue(step)
            self._touched.add(step)
        self._hint_dependents(step, _is_being_written(step.path, mask), mounts)

    def _look_for_names(self, step: Step, watch: Watch, mounts: list[Mount]) -> None:
        """Follow a file under all of its names once it has more than one."""
        if not watch.has_content and has_other_names(step.path):
            self._paths.enqueue(step)
            # Also what was written under its new name before that is followed.
            self._hint_dependents(step, False, mounts)

    def _hint_dependents(
        self, step: Step, is_being_written: bool | None, mounts: list[Mount]
    ) -> None:
        """Hint at all that depends on a step.

        :param is_being_written: ``None`` to keep what was said of it before.
        """
        for dependent in step.iter_dependents(set()):
            for path in dependent.spellings:
                self._hint(path, HintScope.PATH, is_being_written)
            for mount in dependent.mounts:
                if mount.branch is not None or dependent.goal is not None:
                    mounts.append(mount)
                    self._hint(mount.path, HintScope.TREE, False)
                elif mount.tree.filter.wants_file(mount.path):
                    self._hint(mount.path, HintScope.PATH, is_being_written)

    def _touch_branch(self, branch: Branch, name: str, mask: int, mounts: list[Mount]) -> None:
        """Note an event in a directory of a tree."""
        path = f"{branch.path}/{name}"
        if mask & system.ISDIR:
            child = branch.children.get(name)
            if child is not None:
                self._trees.drop(child)
            if mask & _APPEARED and branch.tree.filter.wants_directory(path):
                mounts += self._trees.enter_directory(branch, name)
                self._hint(path, HintScope.TREE, False)
            elif child is not None:
                self._hint(path, HintScope.TREE, False)
            return
        if mask & _REPLACED:
            self._trees.unfollow(branch, name)
        is_wanted = branch.wants_file(name)
        if mask & _APPEARED:
            is_link = os.path.islink(path)
            if is_wanted or (is_link and branch.tree.filter.wants_directory(path)):
                mounts.append(self._trees.follow(branch, name))
                if is_link:
                    self._hint(path, HintScope.TREE, False)
        if is_wanted:
            self._hint(path, HintScope.PATH, _is_being_written(path, mask))

    def _forget(self, watch: Watch, mounts: list[Mount]) -> None:
        self._paths.forget(watch)
        for branch in list(watch.branches):
            self._hint(branch.path, HintScope.TREE, False)
            # Where a tree begins, its path is looked at again.
            if branch.parent is not None and branch in watch.branches:
                self._trees.drop(branch)
                mounts += self._trees.enter_directory(branch.parent, os.path.basename(branch.path))

    def _hint(self, path: str, scope: HintScope, is_being_written: bool | None) -> None:
        if is_being_written is None:
            self._hints.setdefault((path, scope), False)
        else:
            self._hints[path, scope] = is_being_written


def _open_wakeup() -> int:
    try:
        return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except OSError as error:
        if error.errno == errno.EMFILE:
            raise limits.out_of_descriptors() from error
        raise limits.refused("this system", error) from error


def _is_being_written(path: str, mask: int) -> bool:
    """Whether the event is one of several of a writer who has yet to close the file."""
    if mask & system.ISDIR:
        return False
    if mask & system.CREATE:
        try:
            status = os.lstat(path)
        except OSError:
            return False
        # Links are made at one stroke.
        return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    return bool(mask & system.MODIFY)
