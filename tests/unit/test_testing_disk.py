"""The files of a rule may be changed by another way than the one they are watched by."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_changes_are_made_where_the_disk_was_told_to(tmp_path: Path) -> None:
    (server := tmp_path / "server").mkdir()
    client = tmp_path / "client"  # not there: what is done to it would raise
    disk = Disk(client, changed_in=server)
    path, old = disk.file("project/module.py"), disk.file("project/old.py")
    assert path == client / "files" / "project" / "module.py"
    disk.replace(path)
    disk.set_time(path, 0)
    disk.link(disk.place("link.py"), path)
    disk.retarget(disk.place("link.py"), old)
    disk.hard_link(disk.place("other.py"), path)
    disk.delete(old)
    disk.make(disk.place("made"))
    disk.rename(disk.place("made"), disk.place("renamed"))
    disk.copy(path.parent, disk.place("copy"))
    disk.remove(path.parent)
    disk.tick()
    disk.write(tmp_path / "outside.py")
    files = server / "files"
    assert {str(found.relative_to(files)) for found in files.rglob("*")} == {
        *("copy", "copy/module.py", "link.py", "other.py", "renamed")
    }
    assert (files / "link.py").readlink() == old  # what a link says is for its reader
    assert (files / "other.py").stat().st_mtime_ns == 0
    assert (tmp_path / "outside.py").exists()
    assert not client.exists()
