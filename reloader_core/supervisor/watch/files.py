"""Looking at the disk: the only place of the core that reads the program's files."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from reloader_core.mounts import is_no_answer
from reloader_core.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import blake2b

    from reloader_core.model import Tree
else:
    try:
        # What hashlib gives out under this name, without the megabytes of
        # OpenSSL that importing hashlib loads.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

_CHUNK = 1 << 20

#: Where `Foo.py` answers for `foo.py`, a name must be looked up to exist.
_FOLDS_CASE = sys.platform in ("darwin", "win32")

#: Parts of the paths of what package managers have put there, and of Python's own library.
_INSTALLED = ("/site-packages/", "/dist-packages/", "/lib/python3.", "/lib64/python3.")


def is_installed(path: str) -> bool:
    """Whether a file was installed, rather than written by whoever works here."""
    spelled = path if os.sep == "/" else path.replace(os.sep, "/")
    return any(part in spelled for part in _INSTALLED)


def stamp_of(path: str) -> Stamp | None:
    """A file's stamp now.

    :returns: ``None`` when there is no regular file of that name, whatever the
        reason: for the program it is not there.
    :raises OSError: no answer could be had, or asking is not permitted.
    """
    try:
        try:
            status = os.stat(path)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            # What an NFS client remembered is gone; asked again, it finds what is there.
            status = os.stat(path)
    except ValueError:
        return None
    except OSError as error:
        if is_no_answer(error) or error.errno == errno.EACCES:
            raise
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Stamp.of(status)


def appeared(path: str) -> Stamp | None:
    """The stamp of a file that an import had looked for in vain."""
    stamp = stamp_of(path)
    if stamp is None or not _FOLDS_CASE:
        return stamp
    directory, name = os.path.split(path)
    try:
        return stamp if name in os.listdir(directory) else None
    except OSError:
        return None


def digest_of(path: str) -> tuple[Stamp, bytes] | None:
    """A file's content, as a digest, with the stamp it belongs to.

    :returns: ``None`` when it cannot be read or changed while it was.
    :raises OSError: no answer could be had.
    """
    content = blake2b(digest_size=16)
    try:
        with open(path, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            while chunk := file.read(_CHUNK):
                content.update(chunk)
            after = os.fstat(file.fileno())
    except OSError as error:
        if is_no_answer(error):
            raise
        return None
    if Stamp.of(before) != Stamp.of(after):
        return None
    return Stamp.of(before), content.digest()


def list_tree(tree: Tree) -> list[str]:
    """The files of a tree that its filter wants, each symlinked directory once."""
    return list(_iter_tree(tree))


def _iter_tree(tree: Tree) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    pending = [tree.root]
    while pending:
        directory = pending.pop()
        try:
            status = os.stat(directory)
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                continue
            seen.add(identity)
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            try:
                is_directory = entry.is_dir()
            except OSError:
                continue
            if is_directory:
                if tree.filter.wants_directory(entry.path):
                    pending.append(entry.path)
            elif tree.filter.wants_file(entry.path):
                yield entry.path
