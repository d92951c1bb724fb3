"""The disk as the comparison asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.supervisor.watch import files, writers
from reloader_core.supervisor.watch.repositories import Repositories

if TYPE_CHECKING:
    from reloader_core.policy.comparison import Fault
    from reloader_core.policy.parking import Lock
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.watch.compiler import Compiler


class RealDisk:
    """Answers what :class:`~reloader_core.policy.comparison.Disk` asks.

    :param compiler: judges sources.
    """

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._repositories = Repositories()

    def stamp_of(self, path: str) -> Stamp | None:
        """A file's stamp; ``None`` when it is not there."""
        return files.stamp_of(path)

    def appeared(self, path: str) -> Stamp | None:
        """The stamp of a file that was not there; ``None`` if it still is not."""
        return files.appeared(path)

    def digest_of(self, path: str) -> tuple[Stamp, bytes] | None:
        """A file's content as a digest, and the stamp it belongs to."""
        return files.digest_of(path)

    def has_writer(self, path: str) -> bool | None:
        """Whether anybody has a file open for writing."""
        return writers.has_writer(path)

    def lock_over(self, path: str) -> Lock | None:
        """The lock of version control over a file, if there is one."""
        return self._repositories.lock_over(path)

    def fault_of(self, path: str) -> Fault | None:
        """What keeps a source from being compiled, if anything does."""
        return self._compiler.fault_of(path)
