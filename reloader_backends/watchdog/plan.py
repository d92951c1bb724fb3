"""Chooses the few directories that watchdog is asked to watch, and how.

Each one costs threads, and on Linux with watchdog 6 an inotify instance, of which
a user has 128. So there are few. One recursive watch does the work of many, but
takes along whatever is below, so everything below is counted before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.installed import is_installed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["MOST_SCHEDULES", "Candidate", "choose"]

#: Directories that are scheduled at one time.
MOST_SCHEDULES = 16

#: Directories below one that is watched with all that is below it. With the number
#: of schedules that makes 8192, the fewest inotify watches a user has by default.
_MOST_DIRECTORIES = 512

#: How many of them may be nobody's, at the least; else as many as are somebody's.
_MOST_UNNEEDED = 32

_HEAPS = frozenset({"node_modules", "site-packages", "dist-packages", "venv", "__pypackages__"})

#: A directory that is watched already outweighs another one of somewhat more files.
_FAITHFULNESS = 1.5


@attrs.frozen(kw_only=True)
class Candidate:
    """A directory that could be scheduled.

    :ivar path: without links.
    :ivar directories: what would be watched, each with its inode.
    :ivar needed: those of them that hold something watched.
    :ivar weight: how much they hold.
    """

    path: str
    is_recursive: bool
    directories: Mapping[str, int]
    needed: Collection[str]
    weight: int


def choose(
    needed: Mapping[str, int],
    *,
    refused: Collection[str] = (),
    kept: Collection[str] = (),
    most: int = MOST_SCHEDULES,
) -> list[Candidate]:
    """Choose what to schedule: the project before what is installed, then the fullest.

    :param needed: directories, without links, with the number of watched files in each.
    :param refused: directories that must not be watched.
    :param kept: what is scheduled already.
    """
    ordered = sorted(needed, key=lambda path: path.rstrip(os.sep) + os.sep)
    candidates = list(_iter_candidates(ordered, needed, refused))

    def rank(candidate: Candidate) -> tuple[bool, float, str]:
        weight = candidate.weight * (_FAITHFULNESS if candidate.path in kept else 1)
        return is_installed(candidate.path), -weight, candidate.path

    return sorted(candidates, key=rank)[:most]


def _iter_candidates(
    ordered: Sequence[str], needed: Mapping[str, int], refused: Collection[str]
) -> Iterator[Candidate]:
    """Take the topmost of each family with all that is below, if that is little enough."""
    start = 0
    while start < len(ordered):
        top = ordered[start]
        prefix = top.rstrip(os.sep) + os.sep
        end = start + 1
        while end < len(ordered) and ordered[end].startswith(prefix):
            end += 1
        below = ordered[start + 1 : end]
        start = end
        try:
            inode = os.stat(top).st_ino
        except OSError:
            yield from _iter_candidates(below, needed, refused)
            continue
        inside = _enclose(top, below, refused) if below else None
        if inside is not None:
            family = [top, *(path for path in below if path in inside)]
            yield Candidate(
                path=top,
                is_recursive=True,
                directories={top: inode, **inside},
                needed=family,
                weight=sum(needed[path] for path in family),
            )
            continue
        yield Candidate(
            path=top,
            is_recursive=False,
            directories={top: inode},
            needed=(top,),
            weight=needed[top],
        )
        yield from _iter_candidates(below, needed, refused)


def _enclose(top: str, below: Sequence[str], refused: Collection[str]) -> dict[str, int] | None:
    """All directories below, with their inodes; ``None`` when they are not to be watched."""
    if os.path.basename(top) in _HEAPS:
        return None
    on_the_way = set(below)
    for path in below:
        while (path := os.path.dirname(path)) not in on_the_way and path != top:
            on_the_way.add(path)
    inside: dict[str, int] = {}
    unneeded = 0
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
                inodes = [entry.inode() for entry in found]
        except OSError:
            continue
        for entry, inode in zip(found, inodes, strict=True):
            if _is_heap(entry.name, entry.path, on_the_way, refused):
                return None
            inside[entry.path] = inode
            unneeded += entry.path not in on_the_way
        if len(inside) > _MOST_DIRECTORIES or unneeded > max(_MOST_UNNEEDED, len(on_the_way)):
            return None
        waiting += [entry.path for entry in found]
    return inside


def _is_heap(name: str, path: str, on_the_way: Collection[str], refused: Collection[str]) -> bool:
    if name == "__pycache__":
        return False  # In every package, and without anything below it.
    return name in _HEAPS or path in refused or (name.startswith(".") and path not in on_the_way)
