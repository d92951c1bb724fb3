"""Which directory entries a path depends on, link by link.

A path is a chain of steps, one per component; chains share their beginnings. A
step that is a link has a target, another step. What a step depends on is watched
*before* it is looked at: later changes lead to an event, and the event to
another look.

A step that is a directory is watched itself, for its removal; any other step is
watched as an entry of its directory.

There is one exception. The kernel tells of a removed directory only when nobody
uses it any more, and the program that is reloaded may have it as its working
directory. So a directory without a watched entry left in it, which is what may
be removed, is watched as an entry as well.
"""

from __future__ import annotations

import enum
import os
import stat
from collections import deque
from typing import TYPE_CHECKING

import attrs

from reloader_backends.inotify import limits
from reloader_backends.inotify.kernel import CONTENT, ENTRIES, ITSELF, Kernel, Watch
from reloader_backends.installed import is_installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reloader_backends.inotify.trees import Mount

__all__ = ["Kind", "Paths", "Step", "has_other_names"]

_MOST_LINKS = 40  # The kernel's own bound, MAXSYMLINKS.
_MOST_LOOKS = 10


class Kind(enum.Enum):
    """What a step was found to be."""

    NEW = "not looked at yet"
    LOST = "its directory cannot be reached"
    MISSING = "its directory has no such entry"
    FILE = "anything but a directory or a link"
    LINK = "a symbolic link"
    DIRECTORY = "a directory"


_ABSENT = frozenset({Kind.NEW, Kind.LOST, Kind.MISSING})


@attrs.define(eq=False)
class Step:
    """One component of a path, after all those before it.

    :ivar path: the components up to this one; empty for ``/``.
    :ivar real: of a directory, where it is without links; empty for ``/``.
    :ivar target: of a link, where it leads.
    :ivar goal: the directory it leads to in the end, itself if it is one.
    :ivar claim: the directory watch in which its name is registered.
    :ivar watch: the watch on its own inode: of a directory, or of a file.
    :ivar dependents: the steps below it and the links that lead to it.
    :ivar spellings: how it was given to ``watch``, once per time it was.
    :ivar mounts: the trees, or parts of trees, that begin here.
    """

    path: str
    name: str
    parent: Step | None
    kind: Kind = Kind.NEW
    real: str = ""
    target: Step | None = None
    goal: Step | None = None
    claim: Watch | None = None
    watch: Watch | None = None
    dependents: set[Step] | frozenset[Step] = frozenset()
    spellings: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether a watched path depends on it; circles of links depend on themselves."""
        if self.spellings or self.mounts:
            return True
        visited = {self}
        branches = [iter(self.dependents)]
        while branches:
            step = next(branches[-1], None)
            if step is None:
                branches.pop()
            elif step.spellings or step.mounts:
                return True
            elif step not in visited:
                visited.add(step)
                branches.append(iter(step.dependents))
        return False

    def iter_dependents(self, visited: set[Step]) -> Iterator[Step]:
        """Itself and all that depends on it, at any distance, but for the ``visited``."""
        waiting = [self]
        while waiting:
            step = waiting.pop()
            if step not in visited:
                visited.add(step)
                yield step
                waiting.extend(step.dependents)

    def add_dependent(self, step: Step) -> None:
        """Note that ``step`` has to be looked at again when this one changed."""
        if isinstance(self.dependents, frozenset):
            self.dependents = set()
        self.dependents.add(step)

    def drop_dependent(self, step: Step) -> None:
        """The reverse of :meth:`add_dependent`."""
        if isinstance(self.dependents, set):
            self.dependents.discard(step)


class Paths:
    """The steps of all watched paths."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._root = Step(path="", name="", parent=None)
        self._root.watch = kernel.add("/", ITSELF)
        if self._root.watch is not None:
            self._root.watch.owners.add(self._root)
        self._root.kind, self._root.goal = Kind.DIRECTORY, self._root
        self._steps: dict[str, Step] = {"": self._root}
        self._queue: deque[Step] = deque()
        self._queued: set[Step] = set()
        self._suspects: set[Step] = set()

    def add(self, path: str) -> None:
        """Watch a path; :meth:`settle` does it."""
        step = self._step(path)
        step.spellings += (path,)

    def remove(self, path: str) -> None:
        """The reverse of :meth:`add`."""
        step = self._step(path)
        spellings = list(step.spellings)
        spellings.remove(path)
        step.spellings = tuple(spellings)
        self._prune(step)

    def mount(self, path: str, mount: Mount) -> Step:
        """Watch a path at which a tree, or a part of one, begins."""
        step = self._step(path)
        step.mounts += (mount,)
        # A file of the same name is told from a directory once it is looked at.
        self.enqueue(step)
        return step

    def unmount(self, step: Step, mount: Mount) -> None:
        """The reverse of :meth:`mount`."""
        step.mounts = tuple(other for other in step.mounts if other is not mount)
        self._prune(step)

    def enqueue(self, step: Step) -> None:
        """Have a step looked at again."""
        if step not in self._queued:
            self._queued.add(step)
            self._queue.append(step)

    def enqueue_all(self) -> None:
        """Have all steps looked at again."""
        for step in list(self._steps.values()):
            self.enqueue(step)

    def suspect(self, steps: Iterable[Step]) -> None:
        """Have it examined whether these directories may be removed unnoticed."""
        self._suspects.update(steps)

    def forget(self, watch: Watch) -> None:
        """Cope with a watch that the kernel dropped."""
        self._kernel.forget(watch)
        for step in watch.owners:
            step.watch = None
            self.enqueue(step)
        watch.owners.clear()

    def settle(self) -> set[Step]:
        """Look at what is enqueued and what depends on it, until nothing changes.

        :returns: the steps that are no longer what they were.
        """
        changed: set[Step] = set()
        while self._queue or self._suspects:
            while self._queue:
                step = self._queue.popleft()
                self._queued.discard(step)
                if self._steps.get(step.path) is not step:
                    continue
                was_new = step.kind is Kind.NEW
                if self._look(step):
                    for dependent in step.dependents:
                        self.enqueue(dependent)
                    if not was_new:
                        changed.add(step)
            suspects, self._suspects = self._suspects, set()
            for step in suspects:
                self._guard(step)
        return changed

    def _step(self, path: str) -> Step:
        head, _, name = path.rpartition("/")
        parent = self._steps.get(head)
        if parent is not None and name not in ("", "."):
            return self._child(parent, name, path)
        step = self._root
        for part in path.split("/"):
            if part not in ("", "."):
                step = self._child(step, part, f"{step.path}/{part}")
        return step

    def _child(self, parent: Step, name: str, path: str) -> Step:
        step = self._steps.get(path)
        if step is None:
            step = self._steps[path] = Step(path=path, name=name, parent=parent)
            parent.add_dependent(step)
            self.enqueue(step)
        return step

    def _prune(self, step: Step) -> None:
        waiting = [step]
        while waiting:
            step = waiting.pop()
            if step.is_needed or step.parent is None or self._steps.get(step.path) is not step:
                continue
            del self._steps[step.path]
            self._unclaim(step)
            self._disown(step)
            for supporter in (step.parent, step.target):
                if supporter is not None:
                    supporter.drop_dependent(step)
                    waiting.append(supporter)
            waiting.extend(step.dependents)  # The rest of a circle.
            if step.parent.goal is not None:
                self._suspects.add(step.parent.goal)

    def _look(self, step: Step) -> bool:
        """Find out what a step is now.

        :returns: whether it changed.
        """
        before = (step.kind, step.real, step.target, step.goal, step.watch)
        if step.parent is None:
            return False
        directory = step.parent.goal
        if directory is None:
            if step.parent.kind is not Kind.NEW:
                self._become(step, Kind.LOST)
        elif step.name == "..":
            self._become_link(step, os.path.dirname(directory.real) or "/")
        else:
            self._look_at_entry(step, directory)
            self._suspects.add(directory)
        return before != (step.kind, step.real, step.target, step.goal, step.watch)

    def _look_at_entry(self, step: Step, directory: Step) -> None:
        path = f"{directory.real}/{step.name}"
        # What nothing depends on is hardly ever a directory.
        is_entry = not step.dependents and not step.mounts
        for _ in range(_MOST_LOOKS):
            if is_entry and not self._claim(step, directory):
                self._become(step, Kind.LOST)
                return
            status = _status(path)
            if status is not None and stat.S_ISDIR(status.st_mode):
                if self._become_directory(step, path):
                    return
            elif is_entry:
                if self._become_entry(step, path, directory, status):
                    return
            else:
                # Watch it, then look again; but nothing can be watched, nor appear, in
                # a directory that may not be passed through.
                is_entry = status is not None or os.access(directory.real or "/", os.X_OK)
                if not is_entry:
                    break
        self._become(step, Kind.MISSING)

    def _become_entry(
        self, step: Step, path: str, directory: Step, status: os.stat_result | None
    ) -> bool:
        if status is None:
            self._become(step, Kind.MISSING)
        elif stat.S_ISLNK(status.st_mode):
            try:
                target = os.readlink(path)
            except OSError:
                return False  # It was replaced meanwhile.
            self._become_link(step, os.path.join(directory.real or "/", target))
        else:
            self._become_file(step, path, status.st_nlink)
        return True

    def _become(self, step: Step, kind: Kind) -> None:
        if kind is Kind.LOST:
            self._unclaim(step)
        self._disown(step)
        self._retarget(step, None)
        step.kind, step.real, step.goal = kind, "", None

    def _become_file(self, step: Step, path: str, names: int) -> None:
        self._become(step, Kind.FILE)
        # Package managers link the files they install to a cache, and nobody edits them there.
        if is_installed(path):
            return
        try:
            watch = None
            if names == 1:
                watch = self._kernel.add_spare(path)
                # It may have got one before the watch was there.
                if watch is not None and has_other_names(path):
                    names = 2
            if names > 1:
                watch = self._kernel.add(path, CONTENT)
        except PermissionError:
            return  # It may be written to all the same, but it cannot be loaded.
        if watch is not None:
            step.watch = watch
            watch.owners.add(step)

    def _become_link(self, step: Step, target: str) -> None:
        self._disown(step)
        self._retarget(step, self._step(target))
        if step.kind is Kind.NEW and step.target is not None and step.target.kind is Kind.NEW:
            return  # The target's own look leads to another one here.
        step.kind, step.real, step.goal = Kind.LINK, "", _follow(step)

    def _become_directory(self, step: Step, path: str) -> bool:
        try:
            watch = self._kernel.add(path, ITSELF)
        except PermissionError:
            watch = None  # It may be passed through, but not read.
        else:
            if watch is None:
                return False
        if step.watch is not watch:
            self._disown(step)
            step.watch = watch
            if watch is not None:
                watch.owners.add(step)
        self._retarget(step, None)
        step.kind, step.real, step.goal = Kind.DIRECTORY, path, step
        self._suspects.add(step)
        return True

    def _retarget(self, step: Step, target: Step | None) -> None:
        before, step.target = step.target, target
        if before is not target:
            if target is not None:
                target.add_dependent(step)
            if before is not None:
                before.drop_dependent(step)
                self._prune(before)

    def _disown(self, step: Step) -> None:
        if step.watch is not None:
            step.watch.owners.discard(step)
            self._kernel.loosen(step.watch)
            step.watch = None

    def _claim(self, step: Step, directory: Step) -> bool:
        """Have the kernel tell of a name in a directory.

        :returns: ``False`` when the directory is no longer where it was; it and
            what is in it are looked at again.
        :raises BackendUnavailableError: the directory may not be read.
        """
        watch = directory.watch
        if watch is None or not watch.has_entries:
            try:
                found = self._kernel.add(directory.real or "/", ENTRIES)
            except PermissionError as error:
                raise limits.refused(directory.real or "/", error) from error
            if found is not watch or watch is None:
                self._disown(directory)
                directory.kind, directory.goal = Kind.LOST, None
                self.enqueue(directory)
                return False
        if step.claim is not watch:
            self._unclaim(step)
            step.claim = watch
            watch.names[step.name] = (*watch.names.get(step.name, ()), step)
        return True

    def _unclaim(self, step: Step) -> None:
        watch = step.claim
        if watch is not None:
            step.claim = None
            others = tuple(other for other in watch.names[step.name] if other is not step)
            if others:
                watch.names[step.name] = others
            else:
                del watch.names[step.name]
            self._kernel.loosen(watch)

    def _guard(self, step: Step) -> None:
        """Watch a directory as an entry of its own directory while it may be removed unnoticed."""
        if step.kind is not Kind.DIRECTORY or step.parent is None:
            return
        directory = step.parent.goal
        if directory is None or directory.watch is None or not _is_removable(step):
            self._unclaim(step)
        elif step.claim is None or step.claim is not directory.watch:
            self._claim(step, directory)
            self.enqueue(step)


def has_other_names(path: str) -> bool:
    """Whether a file has hard links, so that it can be written to under another name."""
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (OSError, ValueError):
        return None


def _is_removable(step: Step) -> bool:
    watch = step.watch
    if watch is None or any(branch.children for branch in watch.branches):
        return False
    for steps in watch.names.values():
        if any(entry.kind not in _ABSENT for entry in steps):
            return False
    return all(below.kind is not Kind.DIRECTORY for below in step.dependents)


def _follow(step: Step) -> Step | None:
    for _ in range(_MOST_LINKS):
        if step.target is None:
            return step if step.kind is Kind.DIRECTORY else None
        step = step.target
    return None
