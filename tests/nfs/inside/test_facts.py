"""What the backend rests on: what the kernel's client knows without asking, and with."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

import pytest

from reloader_backends.inotify import system
from tests.nfs.inside import mounts
from tests.nfs.inside.statx import synced_size

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nfs.inside.mounts import Share

believing = pytest.mark.parametrize("options", mounts.BELIEVING)


@pytest.fixture
def path(share: Share) -> Path:
    """A file in a directory, both known to the client."""
    path = share.client / "directory" / "file"
    share.on_server(path.parent).mkdir()
    share.on_server(path).write_text("1")
    assert path.stat().st_size == 1
    assert os.listdir(path.parent) == ["file"]
    share.tick()
    return path


@believing
def test_stat_tells_what_the_client_knows(share: Share, path: Path) -> None:
    share.on_server(path).write_text("22")
    assert path.stat().st_size == 1
    assert [entry.stat().st_size for entry in os.scandir(path.parent)] == [1]


@believing
def test_a_forced_look_tells_what_the_server_knows(share: Share, path: Path) -> None:
    share.on_server(path).write_text("22")
    assert synced_size(path) == 2
    assert path.stat().st_size == 2


@pytest.mark.parametrize("options", ["vers=3,noac", "vers=4.2,noac"])
def test_a_client_without_a_cache_knows_what_the_server_knows(share: Share, path: Path) -> None:
    share.on_server(path).write_text("22")
    assert path.stat().st_size == 2


@believing
def test_a_swapped_directory_is_found_from_above(share: Share, path: Path) -> None:
    server = share.on_server(path.parent)
    server.rename(server.with_name("old"))
    server.mkdir()
    (server / "file").write_text("22")
    assert synced_size(path) == 1
    synced_size(share.client)
    assert synced_size(path) == 2


@believing
def test_a_new_file_is_found_from_its_directory(share: Share, path: Path) -> None:
    new = path.with_name("new")
    assert not new.exists()
    share.on_server(new).write_text("22")
    with pytest.raises(FileNotFoundError):
        synced_size(new)
    synced_size(path.parent)
    assert synced_size(new) == 2


def test_the_kernel_does_not_tell_of_changes_on_the_server(share: Share, path: Path) -> None:
    instance = system.Instance()
    try:
        instance.add_watch(str(path.parent), system.CREATE | system.MODIFY | system.CLOSE_WRITE)
        share.on_server(path).write_text("22")
        share.on_server(path.with_name("new")).write_text("")
        assert select.select([instance], [], [], 0.5)[0] == []
        path.with_name("own").write_text("")
        assert select.select([instance], [], [], 5.0)[0] == [instance]
    finally:
        instance.close()
