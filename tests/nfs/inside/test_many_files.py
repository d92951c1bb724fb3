"""What looking costs the server: counted in requests."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing import Observer
from tests.nfs.inside.mounts import count_requests
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from tests.nfs.inside.mounts import Share

_FILES = 2000
_DIRECTORIES = 20
_INTERVAL_SECONDS = 1.0
#: The directories above, a listing now and then, what the protocol itself has to say.
_SLACK = 50


@pytest.mark.parametrize("way", ["files", "tree"])
def test_a_look_is_a_request_for_each_file_and_directory(share: Share, way: str) -> None:
    paths = [
        share.client / f"package{number % _DIRECTORIES}" / f"module{number}.py"
        for number in range(_FILES)
    ]
    for path in paths:
        share.on_server(path.parent).mkdir(exist_ok=True)
        share.on_server(path).write_text("x = 1\n")
    # Absent files are told of by their directories.
    absent = [path.with_suffix(".pyi") for path in paths]
    share.tick()
    source = open_source(interval=_INTERVAL_SECONDS, max_interval=_INTERVAL_SECONDS)
    with contextlib.closing(source):
        observer = Observer(source, TRAITS)
        if way == "files":
            observer.watch(*paths, *absent)
        else:
            observer.watch(trees=[share.client])
        assert observer.wait(_INTERVAL_SECONDS) == []  # what is to be learnt at first
        before, started = count_requests(share.mount_point), time.monotonic()
        assert observer.wait(3 * _INTERVAL_SECONDS) == []
        requests = count_requests(share.mount_point) - before
        looks = (time.monotonic() - started) / _INTERVAL_SECONDS + 1
        assert requests / looks <= _FILES + _DIRECTORIES + _SLACK
        share.on_server(paths[-1]).write_text("x = 22\n")
        observer.until(paths[-1])
