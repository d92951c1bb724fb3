"""The exported directory as the server and as clients see it, and what clients ask for."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tests.nfs.guest import EXPORT, SOURCE_3, SOURCE_4

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The mount options of a client with nothing special.
DEFAULT = ("vers=3", "vers=4.2")
#: What is cached is believed for a minute: a look that believes it is late for any deadline.
BELIEVING = tuple(f"{version},actimeo=60" for version in DEFAULT)


@attrs.frozen(kw_only=True)
class Share:
    """A new directory of the server, as each side sees it.

    :ivar options: of the mount.
    :ivar mount_point: where the client has mounted what the server exports.
    :ivar client: the directory, below the mount point.
    :ivar server: the same, on the server.
    """

    options: str
    mount_point: Path
    client: Path
    server: Path

    def on_server(self, path: Path) -> Path:
        """Where the server has a file of the client."""
        return self.server / path.relative_to(self.client)

    def tick(self) -> None:
        """Wait until a change gets another time than those made so far.

        To a client of NFSv3 two states with the same times and size are one.
        """
        clock = Path(EXPORT, "clock")
        clock.write_text("")
        first, deadline = clock.stat().st_mtime_ns, time.monotonic() + 5.0
        while clock.stat().st_mtime_ns == first:
            assert time.monotonic() < deadline, "the clock of the file system stands still"
            time.sleep(0.001)  # the poll of a wait with a deadline
            clock.write_text("")


@contextlib.contextmanager
def mounted(options: str, at: Path | None = None) -> Iterator[Path]:
    """A mount with a cache of its own: the others might be other machines.

    :param options: as ``mount`` takes them; which version has to be among them.
    :param at: an empty directory; without it a new one is made.
    """
    is_3 = "vers=3" in options
    options += ",nosharecache,nolock" if is_3 else ",nosharecache"
    point = at or Path(tempfile.mkdtemp(prefix="client-", dir="/mnt"))
    source = SOURCE_3 if is_3 else SOURCE_4
    subprocess.run(["mount", "-t", "nfs", "-o", options, source, point], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "-f", "-l", point], check=True)
        if at is None:
            point.rmdir()


@contextlib.contextmanager
def shared(options: str, point: Path) -> Iterator[Share]:
    """A new directory on the server, seen through a mount with these options."""
    server = Path(tempfile.mkdtemp(prefix="share-", dir=EXPORT))
    server.chmod(0o755)
    yield Share(options=options, mount_point=point, client=point / server.name, server=server)


def count_requests(point: Path) -> int:
    """How many requests a client has sent to its server so far."""
    total, is_ours = 0, False
    for line in Path("/proc/self/mountstats").read_text().splitlines():
        words = line.split()
        if words[:1] == ["device"]:
            is_ours, is_operation = words[4] == str(point), False
        elif is_ours and words == ["per-op", "statistics"]:
            is_operation = True
        elif is_ours and words and is_operation:
            total += int(words[1])
    return total
