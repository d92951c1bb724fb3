"""The disk as the comparison asks it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from reloader_core.policy.comparison import OutOfReachError
from reloader_core.supervisor.reach import Reach
from reloader_core.supervisor.watch import files, writers
from reloader_core.supervisor.watch.repositories import Repositories

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import Tree
    from reloader_core.policy.comparison import Fault
    from reloader_core.policy.parking import Lock
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.watch.compiler import Compiler

_T = TypeVar("_T")


class RealDisk:
    """Answers what :class:`~reloader_core.policy.comparison.Disk` asks, and the inspector.

    Each method raises :exc:`~reloader_core.policy.comparison.OutOfReachError` when the
    file system does not answer, unless it says otherwise.

    :param compiler: judges sources.
    """

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._repositories = Repositories()
        self._reach = Reach()

    def stamp_of(self, path: str) -> Stamp | None:
        """A file's stamp; ``None`` when it is not there."""
        return self._ask_for_stamp(path, files.stamp_of)

    def appeared(self, path: str) -> Stamp | None:
        """The stamp of a file that was not there; ``None`` if it still is not."""
        return self._ask_for_stamp(path, files.appeared)

    def digest_of(self, path: str) -> tuple[Stamp, bytes] | None:
        """A file's content as a digest, and the stamp it belongs to."""
        return self._ask(path, files.digest_of)

    def has_writer(self, path: str) -> bool | None:
        """Whether anybody has a file open for writing."""
        return self._ask(path, writers.has_writer)

    def lock_over(self, path: str) -> Lock | None:
        """The lock of version control over a file, if there is one, as far as one can know."""
        try:
            return self._ask(path, self._repositories.lock_over)
        except OutOfReachError:
            return None

    def fault_of(self, path: str) -> Fault | None:
        """What keeps a source from being compiled, if anything does."""
        return self._ask(path, self._compiler.fault_of)

    def files_of(self, tree: Tree) -> list[str]:
        """The files of a tree that its filter wants."""
        return self._reach.call(tree.root, files.list_tree, tree)

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory; not, as far as one can know, when there is no answer."""
        try:
            return self._ask(path, os.path.isdir)
        except OutOfReachError:
            return False

    def close(self) -> None:
        """Let the threads end that ask servers."""
        self._reach.close()

    def _ask_for_stamp(self, path: str, ask: Callable[[str], Stamp | None]) -> Stamp | None:
        try:
            return self._ask(path, ask)
        except PermissionError as error:
            # An NFS server says so of an export that was withdrawn.
            if self._reach.is_remote(path):
                raise OutOfReachError(path) from error
            return None

    def _ask(self, path: str, ask: Callable[[str], _T]) -> _T:
        try:
            return self._reach.call(path, ask, path)
        except PermissionError:
            raise
        except OSError as error:
            raise OutOfReachError(path) from error
