"""Whether version control is at work on a file.

Git holds ``index.lock`` while it checks out, merges, rebases or stashes, and
Mercurial ``wlock``; when the lock is gone, the files are what they shall be.
Watchman waits for it the same way.
"""

from __future__ import annotations

import contextlib
import os
import time

from reloader_core.policy.parking import Lock

#: For how long it is believed which repository a directory belongs to, so that each
#: of four hundred files does not lead to the same look.
_REMEMBER_SECONDS = 0.5

_GITDIR = "gitdir:"


class Repositories:
    """Finds the lock over a file; remembers which repository a directory belongs to."""

    def __init__(self) -> None:
        self._lock_paths: dict[str, str | None] = {}
        self._forget_at = 0.0

    def lock_over(self, path: str) -> Lock | None:
        """The lock of the repository that holds a file.

        :param path: the file, absolute.
        :returns: ``None`` when there is no lock now, or no repository.
        """
        now = time.monotonic()
        if now >= self._forget_at:
            self._lock_paths.clear()
            self._forget_at = now + _REMEMBER_SECONDS
        lock_path = self._lock_path(os.path.dirname(path))
        if lock_path is None:
            return None
        try:
            # Mercurial's is a symbolic link that leads nowhere.
            status = os.lstat(lock_path)
        except OSError:
            return None
        return Lock(lock_path, (status.st_dev, status.st_ino))

    def _lock_path(self, directory: str) -> str | None:
        """Where the lock of a directory's repository would be."""
        asked = []
        found = None
        while directory not in self._lock_paths:
            asked.append(directory)
            found = _lock_path_in(directory)
            above = os.path.dirname(directory)
            if found is not None or above == directory:
                break
            directory = above
        else:
            found = self._lock_paths[directory]
        self._lock_paths.update(dict.fromkeys(asked, found))
        return found


def _lock_path_in(directory: str) -> str | None:
    git = os.path.join(directory, ".git")
    if os.path.isdir(git):
        return os.path.join(git, "index.lock")
    if os.path.isdir(mercurial := os.path.join(directory, ".hg")):
        return os.path.join(mercurial, "wlock")
    # A worktree's or submodule's own directory is elsewhere: gitrepository-layout(5).
    with contextlib.suppress(OSError, UnicodeDecodeError), open(git, encoding="utf-8") as file:
        line = file.readline().strip()
        if line.startswith(_GITDIR):
            elsewhere = os.path.join(directory, line.removeprefix(_GITDIR).strip())
            return os.path.join(elsewhere, "index.lock")
    return None
