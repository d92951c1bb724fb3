"""Fixtures: a directory of the server seen through a mount, a second client, a source."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing import Observer
from tests.nfs.inside import mounts
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.nfs.inside.mounts import Share


@pytest.fixture(scope="session")
def mount() -> Iterator[Callable[..., Path]]:
    """Mounts that last: each kind is mounted once, and once more for a second client."""
    points: dict[tuple[str, str], Path] = {}
    with contextlib.ExitStack() as stack:

        def mount_once(options: str, client: str = "first") -> Path:
            if (options, client) not in points:
                points[options, client] = stack.enter_context(mounts.mounted(options))
            return points[options, client]

        yield mount_once


@pytest.fixture(params=mounts.DEFAULT)
def options(request: pytest.FixtureRequest) -> str:
    """How the client has mounted it; a test may name others."""
    return str(request.param)


@pytest.fixture
def share(mount: Callable[..., Path], options: str) -> Iterator[Share]:
    """A new directory of the server, seen through a mount."""
    with mounts.shared(options, mount(options)) as share:
        yield share


@pytest.fixture
def other_client(mount: Callable[..., Path], options: str, share: Share) -> Path:
    """The directory of ``share`` as a second client sees it."""
    return mount(options, "second") / share.client.name


@pytest.fixture
def watching(share: Share) -> Iterator[Observer]:
    """The source in use, opened when ``share`` is mounted."""
    assert share.mount_point.is_mount()
    source = open_source()
    yield Observer(source, TRAITS)
    source.close()
