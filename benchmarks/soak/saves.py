"""The ways in which editors and tools write one file."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

#: Takes a path and what the file is to contain, in two halves.
Save: TypeAlias = "Callable[[str, tuple[bytes, bytes], Random], None]"

_SLOW_SECONDS = (0.005, 0.02, 0.05, 0.12, 0.25, 0.6)
_YEARS_AGO_NS = 1_000_000_000_000_000_000


def _write(path: str, halves: tuple[bytes, bytes]) -> None:
    with open(path, "wb") as file:
        file.write(b"".join(halves))


def in_place(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """Truncate and write, as most editors do."""
    del dice
    _write(path, halves)


def slowly(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """The same in slow steps, the file being open all the time."""
    with open(path, "wb", buffering=0) as file:
        if dice.random() < 0.5:
            time.sleep(dice.choice(_SLOW_SECONDS))
        file.write(halves[0])
        time.sleep(dice.choice(_SLOW_SECONDS))
        file.write(halves[1])


def atomically(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """Write beside and rename, as most tools do."""
    del dice
    beside = path + ".tmp"
    _write(beside, halves)
    os.replace(beside, path)


def as_vim(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """A swap file, a probe whether the directory is writable, a backup by renaming."""
    del dice
    directory, name = os.path.split(path)
    swap, probe = os.path.join(directory, f".{name}.swp"), os.path.join(directory, "4913")
    _write(swap, (b"swap", b""))
    _write(probe, (b"", b""))
    os.unlink(probe)
    os.rename(path, path + "~")
    _write(path, halves)
    os.unlink(path + "~")
    os.unlink(swap)


def as_emacs(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """A lock that is a dangling link, an autosave, a backup that stays."""
    del dice
    directory, name = os.path.split(path)
    lock, autosave = os.path.join(directory, f".#{name}"), os.path.join(directory, f"#{name}#")
    os.symlink("somebody@somewhere.1234:5678", lock)
    _write(autosave, halves)
    os.rename(path, path + "~")
    _write(path, halves)
    os.unlink(autosave)
    os.unlink(lock)


def as_pycharm(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """`Safe write`: write beside, move the old one away, move the new one in."""
    del dice
    new, old = path + "___jb_tmp___", path + "___jb_old___"
    _write(new, halves)
    os.rename(path, old)
    os.rename(new, path)
    os.unlink(old)


def deleted_and_created(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """As git does when it switches branches."""
    del dice
    os.unlink(path)
    _write(path, halves)


def deleted_and_soon_created(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """The same with a pause."""
    os.unlink(path)
    time.sleep(dice.uniform(0.001, 0.1))
    _write(path, halves)


def with_the_same_times(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """In place or by renaming, and size and modification time are those from before."""
    status = os.stat(path)
    times = (status.st_atime_ns, status.st_mtime_ns)
    if dice.random() < 0.5:
        _write(path, halves)
        os.utime(path, ns=times)
    else:
        _write(path + ".tmp", halves)
        os.utime(path + ".tmp", ns=times)
        os.replace(path + ".tmp", path)


def older_copied(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """`cp -p` of an older file."""
    _write(path, halves)
    _make_old(path, dice)


def older_moved(path: str, halves: tuple[bytes, bytes], dice: Random) -> None:
    """`mv` of an older file."""
    _write(path + ".old", halves)
    _make_old(path + ".old", dice)
    os.replace(path + ".old", path)


def _make_old(path: str, dice: Random) -> None:
    age = _YEARS_AGO_NS + dice.randrange(1_000_000_000_000)
    os.utime(path, ns=(age, age))


#: By the names of the edits.
SAVES: dict[str, Save] = {
    "in place": in_place,
    "in place, slowly": slowly,
    "atomic replace": atomically,
    "vim": as_vim,
    "emacs": as_emacs,
    "PyCharm": as_pycharm,
    "delete, create at once": deleted_and_created,
    "delete, create within 0.1 s": deleted_and_soon_created,
    "same size and time": with_the_same_times,
    "older file copied": older_copied,
    "older file moved over": older_moved,
}

#: Those without a pause: as parts of a burst.
QUICK_SAVES: tuple[Save, ...] = (
    *(in_place, atomically, as_vim, as_emacs, as_pycharm, deleted_and_created),
    *(with_the_same_times, older_copied, older_moved),
)
