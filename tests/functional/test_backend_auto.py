"""The ``auto`` backend: which backend it chooses, and what it says about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from reloader_backends.auto import open_change_source
from reloader_backends.stat import StatSource
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, OpenRequest
from tests.functional.auto_mounts import SCENARIOS, run_scenario

if TYPE_CHECKING:
    from pathlib import Path

FIRST_CHOICE = "inotify" if sys.platform == "linux" else "watchdog"


class Backends:
    """Opens a source for each backend that works, and notes what it was asked and told."""

    def __init__(self, **failures: str | None) -> None:
        self.failures = failures
        self.opened: list[str] = []
        self.notices: list[str] = []

    def open(self, reloader_type: str) -> ChangeSource:
        if reloader_type in self.failures:
            raise BackendUnavailableError("no watches left", fallback=self.failures[reloader_type])
        self.opened.append(reloader_type)
        return StatSource(interval_seconds=1.0)

    def request(self) -> OpenRequest:
        return OpenRequest(
            interval=1.0, options=None, notify=self.notices.append, open_backend=self.open
        )


def test_the_first_choice_is_taken_without_a_word() -> None:
    backends = Backends()
    open_change_source(backends.request()).close()
    assert (backends.opened, backends.notices) == ([FIRST_CHOICE], [])


def test_the_fallback_is_taken_and_the_user_told_why() -> None:
    backends = Backends(**{FIRST_CHOICE: "stat"})
    open_change_source(backends.request()).close()
    assert backends.opened == ["stat"]
    assert backends.notices == ["watching with stat: no watches left"]


def test_a_failure_without_a_fallback_is_passed_on() -> None:
    backends = Backends(**{FIRST_CHOICE: None, "stat": None})
    with pytest.raises(BackendUnavailableError, match="no watches left"):
        open_change_source(backends.request())
    assert backends.notices == []


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are told of on Linux only")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_on_real_mounts(scenario: str, tmp_path: Path) -> None:
    run_scenario(scenario, tmp_path)
