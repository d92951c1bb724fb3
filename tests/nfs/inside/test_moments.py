"""Moments that only network file systems have: stale handles, silly renames, strange clocks."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.model import Tree
from reloader_core.patterns import PathFilter
from tests.functional.harness import wait_until
from tests.nfs.inside.statx import synced_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reloader_core.testing import Observer
    from tests.nfs.inside.mounts import Share

_DAY_NS = 86_400 * 1_000_000_000


@contextlib.contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold a file or a directory open meanwhile."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture
def path(share: Share) -> Path:
    """A file on the mount."""
    path = share.client / "package" / "module.py"
    share.on_server(path.parent).mkdir()
    share.on_server(path).write_text("x = 1\n")
    share.tick()
    return path


def everything_in(root: Path) -> Tree:
    return Tree(root=str(root), filter=PathFilter(root=str(root), include=("*",), exclude=()))


@pytest.mark.parametrize("way", ["file", "tree"])
def test_a_directory_that_went_stale_in_use_is_seen_to_come_back(
    watching: Observer, share: Share, path: Path, way: str
) -> None:
    with held(path.parent) as directory:
        if way == "file":
            watching.watch(path)
        else:
            watching.watch(trees=[share.client])
        shutil.rmtree(share.on_server(path.parent))
        watching.until(path)
        watching.drain()
        with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
            synced_size(directory)
        share.on_server(path.parent).mkdir()
        for text in ("x = 22\n", "x = 333\n"):
            share.on_server(path).write_text(text)
            watching.until(path)
            watching.drain()


def test_a_replaced_file_that_is_held_open_leaves_a_name_that_is_not_hinted_at(
    watching: Observer, share: Share, path: Path
) -> None:
    watching.watch(path, trees=[everything_in(share.client)])
    with held(path):
        other = path.with_name("other.tmp")
        other.write_text("x = 22\n")
        other.replace(path)
        left = [name for name in os.listdir(share.on_server(path.parent)) if "nfs" in name]
        assert len(left) == 1
        hints = watching.until(path) + watching.hints()
        assert not [hint for hint in hints if ".nfs" in hint.path]
        watching.drain()
    server = share.on_server(path.parent)
    wait_until(lambda: os.listdir(server) == [path.name], "the client to remove the name")
    assert watching.hints() == []
    path.write_text("x = 333\n")
    watching.until(path)


def test_a_deleted_file_that_is_held_open_is_hinted_at_and_its_other_name_is_not(
    watching: Observer, share: Share, path: Path
) -> None:
    watching.watch(path, trees=[everything_in(share.client)])
    with held(path):
        path.unlink()
        assert ".nfs" in str(os.listdir(share.on_server(path.parent)))
        hints = watching.until(path) + watching.hints()
        assert not [hint for hint in hints if ".nfs" in hint.path]
        with pytest.raises(OSError, match=os.strerror(errno.ENOTEMPTY)):
            path.parent.rmdir()
    assert watching.hints() == []
    path.write_text("x = 22\n")
    watching.until(path)


def test_a_name_that_was_left_before_the_watch_is_not_hinted_at_when_it_goes(
    watching: Observer, share: Share, path: Path
) -> None:
    with held(path):
        path.unlink()
        assert ".nfs" in str(os.listdir(share.on_server(path.parent)))
        watching.watch(trees=[everything_in(share.client)])
        watching.drain()
    wait_until(lambda: not os.listdir(share.on_server(path.parent)), "the name to go")
    assert watching.hints() == []


def test_a_name_of_a_file_held_open_elsewhere_is_not_hinted_at(
    watching: Observer, share: Share, path: Path, other_client: Path
) -> None:
    watching.watch(path, trees=[everything_in(share.client)])
    other = other_client / path.relative_to(share.client)
    with held(other):
        other.unlink()
        hints = watching.until(path) + watching.hints()
        assert not [hint for hint in hints if ".nfs" in hint.path]
    assert watching.hints() == []


@pytest.mark.parametrize(
    "date_ns",
    [time.time_ns() + _DAY_NS, time.time_ns() - _DAY_NS, 0],
    ids=["tomorrow", "yesterday", "1970"],
)
def test_the_clock_of_the_server_does_not_matter(
    watching: Observer, share: Share, path: Path, date_ns: int
) -> None:
    server = share.on_server(path)
    os.utime(server, ns=(date_ns, date_ns))
    watching.watch(path)
    assert watching.hints() == []
    for shift in (1, 0, -1, 0):  # a nanosecond counts
        server.write_text("x = 2\n")
        os.utime(server, ns=(date_ns + shift, date_ns + shift))
        watching.until(path)
        watching.drain()
