"""Which files a package manager, or Python's own installer, put where they are.

There are many of them and nobody edits them by hand, so a backend may spend less
on each one than on a file of the project.
"""

from __future__ import annotations

import os

__all__ = ["install_directory", "is_installed"]

_PACKAGES = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))
# The program's Python need not be this one; on POSIX the name tells.
_LIBRARIES = (
    *(f"{os.sep}{name}{os.sep}python3." for name in ("lib", "lib64")),
    os.path.dirname(os.__file__) + os.sep,
)
_PARTS = (*_PACKAGES, *_LIBRARIES)


def is_installed(path: str) -> bool:
    """Whether a path is, or is in, ``site-packages``, ``dist-packages`` or a standard library."""
    closed = path + os.sep
    return any(part in closed for part in _PARTS)


def install_directory(path: str) -> str | None:
    """The directory that gets a new entry with each distribution installed beside this file.

    :returns: ``None`` for what is not in such a directory.
    """
    for part in _PACKAGES:
        head, found, _ = path.partition(part)
        if found:
            return head + found.removesuffix(os.sep)
    return None
