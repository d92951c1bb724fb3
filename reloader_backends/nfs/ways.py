"""Which directories have to be asked for, and in which order, to know what a path leads to.

A forced answer about a file goes to the file that the client remembers under that path.
Whether a directory or a link on the way is another one by now, the client finds out when
each directory on the way is asked for, from the top down. Where a link leads comes first.
"""

from __future__ import annotations

import os

__all__ = ["Ways"]

_MOST_LINKS = 40  # The kernel's own bound, MAXSYMLINKS.


class Ways:
    """The directories on the way to some paths, in levels: each needs those before it only."""

    def __init__(self) -> None:
        self._levels: dict[str, int] = {}
        self._links = 0

    @property
    def levels(self) -> list[list[str]]:
        """The directories, those that have to be asked for first at the front."""
        levels: dict[int, list[str]] = {}
        for directory, level in self._levels.items():
            levels.setdefault(level, []).append(directory)
        return [levels[level] for level in sorted(levels)]

    def add_file(self, path: str) -> None:
        """Take in the way to a file, which may be a link itself."""
        self._links = _MOST_LINKS
        self._level_of(os.path.dirname(path))
        self._level_of_target(path)

    def add_directory(self, path: str) -> None:
        """Take in a directory and the way to it."""
        self._links = _MOST_LINKS
        self._level_of(path)

    def _level_of(self, directory: str) -> int:
        level = self._levels.get(directory)
        if level is not None:
            return level
        above = os.path.dirname(directory)
        level = 0 if above == directory else self._level_of(above) + 1
        # Said before its link is followed: links may lead round in a circle.
        self._levels[directory] = level
        level = self._levels[directory] = max(level, self._level_of_target(directory) + 1)
        return level

    def _level_of_target(self, path: str) -> int:
        """The last level that has to be asked for to know where a link leads; -1 if it is none."""
        if self._links <= 0:
            return -1
        try:
            target = os.readlink(path)
        except (OSError, ValueError):
            return -1
        self._links -= 1
        # Not normalized: `..` goes up from where the link before it leads.
        target = os.path.join(os.path.dirname(path), target).rstrip(os.sep) or os.sep
        if os.path.isdir(target):
            return self._level_of(target)
        return max(self._level_of(os.path.dirname(target)), self._level_of_target(target))
