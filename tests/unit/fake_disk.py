"""A disk in memory whose every state has a stamp of its own, as the comparison asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Stamp
from reloader_core.policy.comparison import Fault, OutOfReachError

if TYPE_CHECKING:
    from reloader_core.policy.parking import Lock

#: Content that begins with this does not compile.
BROKEN = "!"


@attrs.define
class FakeFile:
    content: str
    stamp: Stamp
    has_writer: bool = False
    is_readable: bool = True


class FakeDisk:
    """Files by path; writing advances the stamps, as a file system does."""

    def __init__(self) -> None:
        self.files: dict[str, FakeFile] = {}
        self.lock: Lock | None = None
        self.knows_writers = True
        #: How often it answers before it is away; ``None`` for ever.
        self.answers: int | None = None
        #: One for each nanosecond; a second for a clock that is as coarse.
        self.tick_ns = 1
        self._ticks = 0

    @property
    def is_away(self) -> bool:
        return self.answers == 0

    def write(self, path: str, content: str, *, has_writer: bool = False) -> Stamp:
        """A new state, with a stamp that none had before."""
        self._ticks += 1
        time = self._ticks * self.tick_ns
        stamp = Stamp(1, 1, len(content), time, time)
        self.files[path] = FakeFile(content, stamp, has_writer)
        return stamp

    def write_within_tick(self, path: str, content: str) -> None:
        """A new content of the same size, and no trace of it in the stamp."""
        assert len(content) == len(self.files[path].content)
        self.files[path].content = content

    def delete(self, path: str) -> None:
        self.files.pop(path, None)

    def close(self, path: str) -> None:
        self.files[path].has_writer = False

    def content(self, path: str) -> str | None:
        file = self.files.get(path)
        return None if file is None else file.content

    # What a comparison asks.

    def _answer(self) -> None:
        if self.is_away:
            raise OutOfReachError
        if self.answers is not None:
            self.answers -= 1

    def stamp_of(self, path: str) -> Stamp | None:
        self._answer()
        file = self.files.get(path)
        return None if file is None else file.stamp

    appeared = stamp_of

    def digest_of(self, path: str) -> tuple[Stamp, bytes] | None:
        self._answer()
        file = self.files.get(path)
        if file is None or not file.is_readable:
            return None
        return file.stamp, file.content.encode()

    def has_writer(self, path: str) -> bool | None:
        self._answer()
        return self.files[path].has_writer if self.knows_writers else None

    def lock_over(self, path: str) -> Lock | None:
        return self.lock

    def fault_of(self, path: str) -> Fault | None:
        self._answer()
        content = self.content(path)
        if content is None or not content.startswith(BROKEN):
            return None
        return Fault(path=path, text=f"{path} is broken")
