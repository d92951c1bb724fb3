"""Fixtures of all tests, and guards against what a test may leave behind."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.harness import Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def runtime_directory() -> Iterator[None]:
    """Keep the sockets of the supervisors that are killed out of the user's own directory."""
    former = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="run-") as directory:
        os.environ["XDG_RUNTIME_DIR"] = directory
        yield
    if former is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = former


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A directory for a program, and what runs there; all of it ends with the test."""
    shop = Workshop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaks a thread, a child process or an environment variable."""
    threads = set(threading.enumerate())
    children = set(psutil.Process().children(recursive=True))
    environment = dict(os.environ)
    yield
    wait_until(
        lambda: (
            not {thread for thread in threading.enumerate() if thread.is_alive()}.difference(
                threads
            )
        ),
        "the test's threads to end",
    )
    left = {name: value for name, value in os.environ.items() if environment.get(name) != value}
    left.pop("PYTEST_CURRENT_TEST", None)
    assert not left, f"environment changed: {left}"
    started = set(psutil.Process().children(recursive=True)) - children
    assert not started, f"processes left running: {started}"
