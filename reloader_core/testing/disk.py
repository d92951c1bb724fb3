"""The files that a rule is checked on: each thing done to them is done here, and logged."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reloader_core.model import Hint

#: The ticks of a file system are shorter; those of FAT take two seconds.
_LONGEST_TICK_SECONDS = 5.0


@attrs.define(eq=False)
class Log:
    """What happened, in words, first things first.

    :ivar root: paths are shown relative to it.
    """

    root: Path
    lines: list[str] = attrs.field(factory=list)

    def note(self, line: str, hints: Iterable[Hint] | None = None) -> None:
        """Add a line."""
        if hints is not None:
            told = [
                f"{hint.scope.value} {self.name(hint.path)}"
                + (" (being written)" if hint.is_being_written else "")
                for hint in hints
            ]
            shown = "; ".join(told[:20]) + (f"; {len(told) - 20} more" if len(told) > 20 else "")
            line = f"{line}: {shown or 'none'}"
        self.lines.append(line)

    def name(self, path: str | os.PathLike[str]) -> str:
        """A path as messages show it: harmless, whatever its characters."""
        path = os.fspath(path)
        prefix = f"{self.root}{os.sep}"
        return repr(path.removeprefix(prefix))


class Disk:
    """A directory for one rule.

    :param directory: empty; the rule's files are in ``root`` below it.
    :param changed_in: where the changes are made: the same directory by another way,
        such as that of the server it is mounted from. Else they are made in it.
    """

    def __init__(self, directory: Path, changed_in: Path | None = None) -> None:
        self.root = directory / "files"
        self.log = Log(self.root)
        self._directory = directory
        self._changed_in = changed_in or directory
        self._clock = self._changed_in / "clock"
        self._there(self.root).mkdir()
        self._clock.write_text("")
        self._writes = 0

    def _there(self, path: Path) -> Path:
        """A path where it is changed."""
        if not path.is_relative_to(self._directory):
            return path
        return self._changed_in / path.relative_to(self._directory)

    # Places

    def place(self, name: str) -> Path:
        """Where a file may be; nothing is made."""
        return self.root / name

    def file(self, name: str) -> Path:
        """A new file, with its directories."""
        path = self.root / name
        self._there(path.parent).mkdir(parents=True, exist_ok=True)
        self.write(path)
        return path

    def directory(self, name: str) -> Path:
        """A new directory, with those above it."""
        path = self.root / name
        self.make(path)
        return path

    # Changes

    def write(self, path: Path) -> None:
        """Write in place, each time more than before; a file that is absent is made."""
        self._writes += 1
        self.log.note(f"wrote {self.log.name(path)}")
        self._there(path).write_text("x = 1" + "1" * self._writes + "\n")

    def replace(self, path: Path) -> None:
        """Write another file and rename it over this one."""
        other = path.with_name(f"{path.name}.tmp")
        self.write(other)
        self.rename(other, path)

    def rename(self, path: Path, to: Path) -> None:
        """Rename, over what may be there."""
        self.log.note(f"renamed {self.log.name(path)} to {self.log.name(to)}")
        self._there(path).replace(self._there(to))

    def delete(self, path: Path) -> None:
        """Delete a file or a link."""
        self.log.note(f"deleted {self.log.name(path)}")
        self._there(path).unlink()

    def make(self, directory: Path) -> None:
        """Make a directory, with those above it."""
        self.log.note(f"made {self.log.name(directory)}")
        self._there(directory).mkdir(parents=True)

    def remove(self, directory: Path) -> None:
        """Remove a directory with all that is in it."""
        self.log.note(f"removed {self.log.name(directory)}")
        shutil.rmtree(self._there(directory))

    def copy(self, directory: Path, to: Path) -> None:
        """Copy a directory with all that is in it."""
        self.log.note(f"copied {self.log.name(directory)} to {self.log.name(to)}")
        shutil.copytree(self._there(directory), self._there(to))

    def link(self, path: Path, target: str | Path) -> None:
        """Make a symbolic link."""
        self.log.note(f"linked {self.log.name(path)} to {self.log.name(target)}")
        self._there(path).symlink_to(target)

    def retarget(self, path: Path, target: str | Path) -> None:
        """Point a symbolic link elsewhere in one step."""
        other = path.with_name(f"{path.name}.tmp")
        self.link(other, target)
        self.rename(other, path)

    def hard_link(self, path: Path, original: Path) -> None:
        """Give a file another name."""
        self.log.note(f"made {self.log.name(path)} a hard link to {self.log.name(original)}")
        self._there(path).hardlink_to(self._there(original))

    def set_time(self, path: Path, mtime_ns: int) -> None:
        """Set when a file was modified."""
        self.log.note(f"set the time of {self.log.name(path)}")
        os.utime(self._there(path), ns=(mtime_ns, mtime_ns))

    def tick(self) -> None:
        """Wait until a change would get another time stamp than those made so far.

        A source that looks cannot tell two states of the same size apart that were
        written in place within one tick of the file system's clock.
        """
        self._clock.write_text("x")
        first = self._clock.stat().st_mtime_ns
        deadline = time.monotonic() + _LONGEST_TICK_SECONDS
        while self._clock.stat().st_mtime_ns == first and time.monotonic() < deadline:
            time.sleep(0.001)
            self._clock.write_text("x")
