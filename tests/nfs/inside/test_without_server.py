"""A server that does not answer, or lets nobody in, says nothing of its files."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_core.testing import Observer
from tests.nfs.inside import server
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.nfs.inside.mounts import Share

_TIMEOUT_SECONDS = 2.0
#: A call that waits for a server which is back is made again after some seconds.
_BACK_SECONDS = 20.0


@attrs.frozen
class Watched:
    """Files on a mount, and a source that watches them.

    :ivar path: is there, also in a tree.
    :ivar absent: is not there.
    :ivar lines: what the user was told.
    """

    share: Share
    path: Path
    absent: Path
    observer: Observer
    lines: list[str]

    def stay_silent(self, seconds: float) -> None:
        """There must be no hint for so long."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            assert self.observer.wait(min(rest, 0.5)) == []

    def until_told(self, count: int, seconds: float) -> None:
        """Wait until the user was told so many lines; there must be no hint meanwhile."""
        deadline = time.monotonic() + seconds
        while len(self.lines) < count:
            assert time.monotonic() < deadline, self.lines
            self.stay_silent(0.1)
        assert str(self.share.mount_point) in self.lines[count - 1]

    def expect_changes_to_be_seen(self) -> None:
        """Change what is watched, on the server, and wait for the hints."""
        for path in (self.path, self.absent):
            self.share.on_server(path).write_text("x = 22\n")
            self.observer.until(path)


@pytest.fixture
def watched(share: Share) -> Iterator[Watched]:
    path, absent = share.client / "tree" / "module.py", share.client / "package" / "absent.py"
    for directory in (path.parent, absent.parent):
        share.on_server(directory).mkdir()
    share.on_server(path).write_text("x = 1\n")
    share.tick()
    lines: list[str] = []
    source = open_source(lines.append, timeout_seconds=_TIMEOUT_SECONDS)
    with contextlib.closing(source):
        observer = Observer(source, TRAITS)
        observer.watch(path, absent, trees=[path.parent])
        assert observer.hints() == []
        yield Watched(share, path, absent, observer, lines)


def test_a_withdrawn_export_is_no_deletion(watched: Watched) -> None:
    with server.withdrawn():
        watched.stay_silent(3.0)
    watched.stay_silent(1.0)
    watched.expect_changes_to_be_seen()
    assert all(str(watched.share.mount_point) in line for line in watched.lines)
    assert len(watched.lines) in {0, 2}


def test_a_change_while_the_export_is_withdrawn_is_seen_afterwards(watched: Watched) -> None:
    with server.withdrawn():
        watched.stay_silent(1.0)
        watched.share.on_server(watched.path).write_text("x = 22\n")
        watched.stay_silent(1.0)
    watched.observer.until(watched.path)


@pytest.mark.parametrize(
    "options",
    [
        "vers=3",
        "vers=4.2",
        "vers=3,soft,timeo=10,retrans=2",
        "vers=4.2,soft,timeo=10,retrans=2",
    ],
)
def test_a_stopped_server_is_told_of_once_and_is_no_deletion(watched: Watched) -> None:
    with server.stopped():
        watched.until_told(1, 10 * _TIMEOUT_SECONDS)
        watched.stay_silent(6.0)
        assert len(watched.lines) == 1
    watched.until_told(2, _BACK_SECONDS)
    watched.stay_silent(1.0)
    watched.expect_changes_to_be_seen()
    assert len(watched.lines) == 2


@pytest.mark.parametrize("options", ["vers=4.2,softerr,timeo=10,retrans=2"])
def test_a_client_that_answers_for_a_stopped_server_is_no_deletion(watched: Watched) -> None:
    """It says what it remembers, in the end; the server is not back for that."""
    with server.stopped():
        watched.until_told(1, 10 * _TIMEOUT_SECONDS)
        watched.stay_silent(20.0)
        assert len(watched.lines) == 1, watched.lines
    watched.stay_silent(1.0)
    watched.share.on_server(watched.path).write_text("x = 22\n")
    deadline = time.monotonic() + _BACK_SECONDS
    while not watched.observer.wait(0.5):
        assert time.monotonic() < deadline


def test_a_change_while_the_server_is_stopped_is_seen_afterwards(watched: Watched) -> None:
    with server.stopped():
        watched.until_told(1, 10 * _TIMEOUT_SECONDS)
        watched.share.on_server(watched.path).write_text("x = 22\n")
        watched.share.on_server(watched.absent).write_text("x = 22\n")
    watched.observer.until(watched.path, watched.absent)


def test_a_source_is_watched_with_and_closed_while_the_server_is_stopped(
    watched: Watched, tmp_path: Path
) -> None:
    local = tmp_path / "module.py"
    local.write_text("x = 1\n")
    with server.stopped():
        watched.until_told(1, 10 * _TIMEOUT_SECONDS)
        started = time.monotonic()
        watched.observer.watch(watched.path, watched.share.client / "more.py", local)
        assert time.monotonic() - started < TRAITS.prompt_seconds
        local.write_text("x = 22\n")
        watched.observer.until(local)
        started = time.monotonic()
        watched.observer.source.close()
        assert time.monotonic() - started < TRAITS.prompt_seconds
