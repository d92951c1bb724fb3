"""Where the supervisor of a project can be reached: a Unix socket, one for each directory."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from hashlib import blake2b
else:
    try:
        # What hashlib gives out under this name, without loading OpenSSL.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

_FOLDER = "reloader"

#: What ends the search upwards for the directory of a project.
_PROJECT_FILE = "pyproject.toml"


def socket_name(project_root: str) -> str:
    """The name of a project's socket: short, for its path may have 107 bytes only."""
    real = os.path.realpath(project_root)
    return blake2b(os.fsencode(real), digest_size=10).hexdigest() + ".sock"


def iter_runtime_directories(environ: Mapping[str, str]) -> Iterator[str]:
    """Where sockets may be, the best place first.

    ``$XDG_RUNTIME_DIR`` is the user's own and goes with the session. Where it is not set, as
    in a container or under sudo, there is a directory of the user's among the temporary files.
    """
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield os.path.join(runtime, _FOLDER)
    if sys.platform != "win32":
        own = f"{_FOLDER}-{os.getuid()}"
        places = [environ.get("TMPDIR"), "/tmp"]  # noqa: S108  # only if it is ours: see below
        for place in dict.fromkeys(filter(None, places)):
            yield os.path.join(place, own)


def make_runtime_directory(path: str) -> None:
    """Make a directory that is ours alone, unless it is there.

    :raises OSError: it cannot be made, or it is somebody else's, or others may enter it.
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{path} is no directory")
    if sys.platform != "win32" and (status.st_uid != os.getuid() or status.st_mode & 0o077):
        raise PermissionError(f"{path} is not this user's alone")


def iter_project_roots(directory: str) -> Iterator[str]:
    """The directories whose project a directory may be in, nearest first.

    The nearest ``pyproject.toml`` makes a project, as it does for ``reloader run``. Without
    one, a project is where ``reloader run`` was started.
    """
    current = os.path.abspath(directory)
    while True:
        yield current
        above = os.path.dirname(current)
        if above == current or os.path.isfile(os.path.join(current, _PROJECT_FILE)):
            return
        current = above
