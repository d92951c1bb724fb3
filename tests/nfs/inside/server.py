"""The NFS server: stopped and started, its export withdrawn and given back."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nfs.guest import EXPORT, EXPORT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPORT = f"127.0.0.0/8:{EXPORT}"


@contextlib.contextmanager
def stopped() -> Iterator[None]:
    """Nobody answers meanwhile: whoever asks waits."""
    subprocess.run(["rpc.nfsd", "0"], check=True)
    try:
        yield
    finally:
        subprocess.run(["rpc.nfsd", "8"], check=True)
        # Clients have nothing to claim back: the server need not wait for them.
        with contextlib.suppress(OSError):
            Path("/proc/fs/nfsd/v4_end_grace").write_text("Y")


@contextlib.contextmanager
def withdrawn() -> Iterator[None]:
    """The server answers, and lets nobody in."""
    subprocess.run(["exportfs", "-u", _EXPORT], check=True)
    try:
        yield
    finally:
        subprocess.run(["exportfs", "-i", "-o", EXPORT_OPTIONS, _EXPORT], check=True)
