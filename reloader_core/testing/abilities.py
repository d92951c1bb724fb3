"""What a rule needs of the file system, found by trying it where the rule is checked."""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A name that is no UTF-8, as Latin-1 would have it.
BYTE_NAME = os.fsdecode(b"caf\xe9.py") if os.name == "posix" else "caf\udce9.py"
ODD_NAMES = ("two words.py", "[ab]*?{c}.py", "line\nbreak.py", " around .py", "-é$HOME%.py")

_DESCRIPTORS = "/proc/self/fd"


class Ability(enum.Enum):
    """Something that not every system has; the value says so in words."""

    SYMLINKS = "no symbolic links can be made here"
    HARD_LINKS = "no hard links can be made here"
    CHANGE_TIMES = "files have no change time here"
    ODD_NAMES = "names with any character in them are not allowed here"
    BYTE_NAMES = "names that are no UTF-8 are not allowed here"
    HELD_DIRECTORIES = "a directory that is held open cannot be removed here"
    DESCRIPTORS = "the open file descriptors of a process cannot be listed here"

    def is_there(self, directory: Path) -> bool:
        """Whether the file system of an existing directory has it."""
        place = Path(tempfile.mkdtemp(prefix="ability-", dir=directory))
        try:
            return _TRIALS[self](place)
        except (OSError, ValueError, NotImplementedError):
            return False
        finally:
            shutil.rmtree(place, ignore_errors=True)


def open_descriptors() -> dict[str, str]:
    """The open file descriptors of this process, and what each one leads to.

    :returns: by number; none where they cannot be listed.
    """
    found = {}
    for name in os.listdir(_DESCRIPTORS) if os.path.isdir(_DESCRIPTORS) else ():
        with contextlib.suppress(OSError):  # the one that the listing itself needs
            found[name] = os.readlink(f"{_DESCRIPTORS}/{name}")
    return found


def _has_symlinks(place: Path) -> bool:
    (place / "link").symlink_to("target")
    return True


def _has_hard_links(place: Path) -> bool:
    (place / "file").write_text("")
    (place / "other").hardlink_to(place / "file")
    return (place / "file").stat().st_nlink == 2


def _has_change_times(place: Path) -> bool:
    if sys.platform == "win32":  # st_ctime is the time of creation there
        return False
    (place / "file").write_text("")
    before = (place / "file").stat()
    os.utime(place / "file", ns=(0, 0))
    return (place / "file").stat().st_ctime_ns >= before.st_ctime_ns > 0


def _has_names(place: Path, *names: str) -> bool:
    for name in names:
        (place / name).write_text("")
    return set(os.listdir(place)) == set(names)


def _has_held_directories(place: Path) -> bool:
    (place / "held").mkdir()
    descriptor = os.open(place / "held", os.O_RDONLY)
    try:
        (place / "held").rmdir()
    finally:
        os.close(descriptor)
    return True


_TRIALS: dict[Ability, Callable[[Path], bool]] = {
    Ability.SYMLINKS: _has_symlinks,
    Ability.HARD_LINKS: _has_hard_links,
    Ability.CHANGE_TIMES: _has_change_times,
    Ability.ODD_NAMES: lambda place: _has_names(place, *ODD_NAMES),
    Ability.BYTE_NAMES: lambda place: _has_names(place, BYTE_NAME),
    Ability.HELD_DIRECTORIES: _has_held_directories,
    Ability.DESCRIPTORS: lambda place: bool(open_descriptors()),
}
