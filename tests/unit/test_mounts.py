"""The table of mounts, held against lines as the kernel writes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from reloader_core.mounts import MountChanges, MountTable

if TYPE_CHECKING:
    from pathlib import Path

ROOT = "1 0 254:0 / / rw,relatime - ext4 /dev/vda rw"


def table(tmp_path: Path, *lines: str) -> MountTable:
    path = tmp_path / "mountinfo"
    path.write_text("".join(f"{line}\n" for line in (ROOT, *lines)))
    return MountTable.read(str(path))


def test_a_path_is_on_the_mount_nearest_to_it(tmp_path: Path) -> None:
    mounts = table(
        tmp_path,
        "2 1 0:50 / /srv rw shared:3 - nfs4 host:/export rw,vers=4.2",
        "3 2 0:51 / /srv/code/cache rw - tmpfs tmpfs rw",
    )
    assert mounts.find("/").type == "ext4"
    assert mounts.find("/srvother").type == "ext4"
    assert mounts.find("/srv").type == "nfs4"
    assert mounts.find("/srv/code/a.py").source == "host:/export"
    assert mounts.find("/srv/code/cache/a.py").type == "tmpfs"


def test_a_later_mount_hides_what_is_below_it(tmp_path: Path) -> None:
    mounts = table(
        tmp_path,
        "2 1 0:50 / /srv/code rw - nfs4 host:/export rw",
        "3 1 0:51 / /srv rw - tmpfs tmpfs rw",
        "4 3 0:52 / /srv rw - ext4 /dev/vdb rw",
    )
    assert mounts.find("/srv/code/a.py").device == "0:52"


def test_names_are_unescaped(tmp_path: Path) -> None:
    mounts = table(tmp_path, r"2 1 0:50 / /srv/a\040b\134c rw - fuse.sshfs me@host:/x\040y rw")
    mount = mounts.find("/srv/a b\\c/module.py")
    assert mount.point == "/srv/a b\\c"
    assert mount.source == "me@host:/x y"


@pytest.mark.parametrize(
    ("what", "is_remote"),
    [
        ("nfs host:/export rw", True),
        ("cifs //host/share rw", True),
        ("9p drvfs rw,aname=drvfs;path=C:\\", True),
        ("virtiofs shared rw", True),
        ("fuse.sshfs me@host:/ rw", True),
        ("fuse whatever rw", True),
        ("fuse.unheard-of thing rw", True),
        ("fuseblk /dev/sda1 rw", False),
        ("unheardof host:/volume rw", True),
        ("unheardof [fe80::1%eth0]:/volume rw", True),
        ("unheardof //host/share rw", True),
        ("ext4 /dev/mapper/a:b rw", False),
        ("tmpfs tmpfs rw", False),
        ("btrfs /dev/sda1 rw,subvol=/@home", False),
        ("zfs rpool/data rw", False),
    ],
)
def test_what_others_may_change_is_told_by_type_and_source(
    tmp_path: Path, what: str, is_remote: bool
) -> None:
    assert table(tmp_path, f"2 1 0:50 / /srv rw - {what}").is_remote("/srv/a.py") is is_remote


def test_an_overlay_is_what_lies_under_it(tmp_path: Path) -> None:
    mounts = table(
        tmp_path,
        "2 1 0:50 / /net rw - nfs4 host:/export rw",
        r"3 1 0:51 / /over rw - overlay overlay rw,lowerdir=/lib/a\134:b:/net/base,upperdir=/up",
        "4 1 0:52 / /local rw - overlay overlay rw,lowerdir=/lib,upperdir=/up,workdir=/net/work",
        "5 1 0:53 / /loop rw - overlay overlay rw,lowerdir=/loop/below",
    )
    assert mounts.is_remote("/over/a.py")
    assert not mounts.is_remote("/local/a.py")
    assert not mounts.is_remote("/loop/a.py")


def test_without_a_table_everything_is_local(tmp_path: Path) -> None:
    mounts = MountTable.read(str(tmp_path / "missing"))
    assert not mounts.is_remote("/net/a.py")
    assert mounts.find("/net/a.py").point == "/"


def test_this_system_has_a_root() -> None:
    assert MountTable.read().find("/a.py").point == "/"


def test_several_threads_may_ask_for_changes_at_a_time() -> None:
    changes = MountChanges()

    def ask() -> None:
        for _ in range(20_000):
            changes.take()

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
    changes.close()
    for call in asked:
        call.result()
