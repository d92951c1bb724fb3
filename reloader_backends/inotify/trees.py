"""Trees: each wanted directory is watched, and what is made in it is taken in.

What a filter does not want is neither watched nor read. Links are followed the
way files are, by :mod:`~reloader_backends.inotify.paths`: a link to a directory
outside of the tree is entered, one to a file is watched where the file is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.inotify.kernel import ENTRIES, Kernel, Watch

if TYPE_CHECKING:
    from reloader_backends.inotify.paths import Paths, Step
    from reloader_core.model import Tree

__all__ = ["Branch", "Mount", "Trees"]

_MOST_VERDICTS = 1000


@attrs.define(eq=False)
class Mount:
    """A place where a tree, or a part of it behind a link, begins.

    :ivar branch: the directory found there, if it is one and to be entered.
    """

    tree: Tree
    path: str
    step: Step | None = None
    branch: Branch | None = None


@attrs.define(eq=False)
class Branch:
    """One watched directory of a tree.

    :ivar path: as spelled from the tree's root on.
    :ivar real: the same without links.
    :ivar followed: the files and symbolic links in it that are followed each on its own, by name.
    """

    tree: Tree
    path: str
    real: str
    watch: Watch
    parent: Branch | None
    children: dict[str, Branch] = attrs.field(factory=dict)
    followed: dict[str, Mount] = attrs.field(factory=dict)
    verdicts: dict[str, bool] = attrs.field(factory=dict)

    def wants_file(self, name: str) -> bool:
        """Ask the filter, but not again for every event of a busy file."""
        verdict = self.verdicts.get(name)
        if verdict is None:
            if len(self.verdicts) >= _MOST_VERDICTS:
                self.verdicts.clear()
            verdict = self.verdicts[name] = self.tree.filter.wants_file(f"{self.path}/{name}")
        return verdict


class Trees:
    """All watched trees."""

    def __init__(self, kernel: Kernel, paths: Paths) -> None:
        self._kernel = kernel
        self._paths = paths
        self._roots: dict[Tree, Mount] = {}

    @property
    def trees(self) -> frozenset[Tree]:
        """The trees that are watched."""
        return frozenset(self._roots)

    @property
    def roots(self) -> list[Mount]:
        """Where they begin."""
        return list(self._roots.values())

    def add(self, tree: Tree) -> Mount:
        """Watch a tree; it is :meth:`enter`-ed when its root is known."""
        mount = self._roots[tree] = self._mount(tree, tree.root)
        return mount

    def remove(self, tree: Tree) -> None:
        """The reverse of :meth:`add`."""
        self._unmount(self._roots.pop(tree))

    def enter(self, mount: Mount) -> list[Mount]:
        """Read anew what is at a mount.

        :returns: mounts that were found below, to be entered in their turn.
        """
        found: list[Mount] = []
        if mount.branch is not None:
            self.drop(mount.branch)
            mount.branch = None
        if mount.step is None or mount.step.goal is None:
            return found
        real = mount.step.goal.real or "/"
        watch = mount.step.goal.watch
        if mount is not self._roots.get(mount.tree) and (
            watch is None
            or any(branch.tree is mount.tree for branch in watch.branches)
            or _holds(real, os.path.realpath(mount.tree.root))
            or not mount.tree.filter.wants_directory(mount.path)
        ):
            return found
        mount.branch = self._grow(mount.tree, mount.path, real, None, found)
        return found

    def enter_directory(self, branch: Branch, name: str) -> list[Mount]:
        """Take in a directory that appeared; the same as in :meth:`enter` is returned."""
        found: list[Mount] = []
        self._grow(branch.tree, f"{branch.path}/{name}", f"{branch.real}/{name}", branch, found)
        return found

    def follow(self, branch: Branch, name: str) -> Mount:
        """Watch a file, or where a link leads, that appeared."""
        mount = branch.followed[name] = self._mount(branch.tree, f"{branch.path}/{name}")
        return mount

    def unfollow(self, branch: Branch, name: str) -> None:
        """The reverse of :meth:`follow`, if there was one."""
        mount = branch.followed.pop(name, None)
        if mount is not None:
            self._unmount(mount)

    def drop(self, branch: Branch) -> None:
        """Stop watching a directory and what is below it."""
        waiting = [branch]
        if branch.parent is not None:
            branch.parent.children.pop(os.path.basename(branch.path), None)
        while waiting:
            branch = waiting.pop()
            branch.watch.branches.remove(branch)
            self._kernel.loosen(branch.watch)
            self._paths.suspect(branch.watch.owners)
            if branch.parent is not None:
                self._paths.suspect(branch.parent.watch.owners)
            for mount in branch.followed.values():
                self._unmount(mount)
            waiting.extend(branch.children.values())

    def _mount(self, tree: Tree, path: str) -> Mount:
        mount = Mount(tree=tree, path=path)
        mount.step = self._paths.mount(path, mount)
        return mount

    def _unmount(self, mount: Mount) -> None:
        if mount.branch is not None:
            self.drop(mount.branch)
            mount.branch = None
        if mount.step is not None:
            self._paths.unmount(mount.step, mount)
            mount.step = None

    def _grow(
        self, tree: Tree, path: str, real: str, parent: Branch | None, found: list[Mount]
    ) -> Branch | None:
        """Watch a directory, then read it, and so with each wanted one below."""
        first: Branch | None = None
        waiting = [(path, real, parent)]
        while waiting:
            path, real, parent = waiting.pop()
            try:
                watch = self._kernel.add(real, ENTRIES)
            except PermissionError:
                continue  # Nobody can read it, so nothing is loaded from it.
            if watch is None:
                continue
            branch = Branch(tree=tree, path=path, real=real, watch=watch, parent=parent)
            watch.branches.append(branch)
            self._paths.suspect(watch.owners)
            if parent is not None:
                parent.children[os.path.basename(path)] = branch
            first = first or branch
            waiting.extend(
                (f"{path}/{name}", f"{real}/{name}", branch) for name in self._read(branch, found)
            )
        return first

    def _read(self, branch: Branch, found: list[Mount]) -> list[str]:
        """The wanted directories in a branch; its wanted files and links become mounts."""
        choose = branch.tree.filter
        directories: list[str] = []
        try:
            entries = os.scandir(branch.real)
        except OSError:
            return directories
        with entries:
            for entry in entries:
                path = f"{branch.path}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if choose.wants_directory(path):
                        directories.append(entry.name)
                # A file is followed as well, under whatever name it is written.
                elif branch.wants_file(entry.name) or (
                    entry.is_symlink() and choose.wants_directory(path)
                ):
                    found.append(self.follow(branch, entry.name))
        return directories


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
