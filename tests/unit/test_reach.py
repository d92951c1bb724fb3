"""Asking a server that may be away."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.mounts import Mount, MountTable
from reloader_core.policy.comparison import OutOfReachError
from reloader_core.supervisor import reach
from reloader_core.supervisor.reach import Reach
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Mount(id=1, parent=0, point="/", type="ext4", source="/dev/vda", device="254:0")
SHARE = Mount(id=2, parent=1, point="/share", type="nfs4", source="host:/export", device="0:50")
OTHER = Mount(id=3, parent=1, point="/other", type="nfs4", source="that:/export", device="0:51")
PATH = "/share/module.py"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reach]:
    monkeypatch.setattr(reach, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(MountTable, "read", lambda: MountTable([ROOT, SHARE, OTHER]))
    asked = Reach()
    yield asked
    asked.close()


class Server:
    """Answers when it is there, with how often it was asked."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.asked = 0

    def answer(self, path: str) -> str:
        self.asked += 1
        self.is_there.wait()
        return f"{path} {self.asked}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.is_there.set()


def test_what_is_local_is_asked_here(asked: Reach) -> None:
    assert asked.call("/home/module.py", threading.get_ident) == threading.get_ident()
    assert not asked.is_remote("/home/module.py")
    assert asked.is_remote(PATH)
    assert asked.call(PATH, threading.get_ident) != threading.get_ident()


def test_what_a_call_raises_is_raised(asked: Reach) -> None:
    with pytest.raises(ZeroDivisionError):
        asked.call(PATH, divmod, 1, 0)


def test_a_server_that_is_away_is_asked_once_and_others_go_on(asked: Reach, server: Server) -> None:
    with pytest.raises(OutOfReachError):
        asked.call(PATH, server.answer, PATH)
    threads = threading.active_count()
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(OutOfReachError):
            asked.call("/share/other.py", server.answer, "/share/other.py")
    assert not asked.is_answering("/share")
    assert time.monotonic() - began < 5.0
    assert asked.call("/other/module.py", abs, -1) == 1
    assert threading.active_count() == threads + 1


def be_answered_late(asked: Reach, server: Server) -> None:
    with pytest.raises(OutOfReachError):
        asked.call(PATH, server.answer, PATH)
    server.is_there.set()
    wait_until(lambda: asked.is_answering("/share/another.py"))


def test_a_call_that_only_takes_its_time_is_made_once(asked: Reach, server: Server) -> None:
    """A large file, read over a slow line, would never be read otherwise."""
    be_answered_late(asked, server)
    assert asked.call(PATH, server.answer, PATH) == f"{PATH} 1"
    assert asked.call(PATH, server.answer, PATH) == f"{PATH} 2"


def test_what_came_late_and_was_not_asked_for_is_forgotten(
    asked: Reach, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_answered_late(asked, server)
    monkeypatch.setattr(reach, "_FRESH_SECONDS", 0.0)
    assert asked.call(PATH, server.answer, PATH) == f"{PATH} 2"
