"""What the tests of the backends share: which ones there are, and sources on real files."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import reloader_toy.backend

from reloader_backends import auto, inotify, nfs, stat, watchdog
from reloader_core.testing import (
    Observer,
    SourceTraits,
    covers,
    fake_open_request,
    open_backend,
    python_tree,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource, OpenRequest

__all__ = [
    "BACKENDS",
    "BUILT_IN",
    "DEADLINE_SECONDS",
    "INTERVAL_SECONDS",
    "TRAITS",
    "Watching",
    "covers",
    "open_source",
    "python_tree",
    "replace",
    "retarget",
    "run_limited",
]

DEADLINE_SECONDS = 10.0
INTERVAL_SECONDS = 0.05
TRAITS = SourceTraits(deadline_seconds=DEADLINE_SECONDS, quiet_seconds=3 * INTERVAL_SECONDS)

AnyPath = str | Path


def _open_at(backend: object, interval: float) -> ChangeSource:
    return open_backend(backend, interval=interval)


def _auto_request(interval: float) -> OpenRequest:
    """With the built-in backends to choose from."""
    others = {"inotify": inotify, "nfs": nfs, "stat": stat, "watchdog": watchdog}
    return fake_open_request(
        interval=interval,
        backends={name: partial(_open_at, module, interval) for name, module in others.items()},
    )


def _open_auto(interval: float) -> ChangeSource:
    return auto.open_change_source(_auto_request(interval))


def _open_auto_as_one_of_several(interval: float) -> ChangeSource:
    """Its only part is waited for on a thread, as when there are others."""
    source = auto.open_change_source(_auto_request(interval))
    source._local.leave_direct()
    return source


def _open_toy(interval: float) -> ChangeSource:
    return open_backend(reloader_toy.backend, {"pause_seconds": interval})


#: The built-in backends, each as a function of the interval. A new one is added here,
#: and nowhere else.
BUILT_IN = [
    pytest.param(partial(_open_at, stat), id="stat"),
    pytest.param(
        partial(_open_at, inotify),
        id="inotify",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's"),
    ),
    pytest.param(partial(_open_at, watchdog), id="watchdog"),
    pytest.param(partial(_open_at, nfs), id="nfs"),
    pytest.param(_open_auto, id="auto"),
]

#: What is held against the contract: these, one of them in its other state, and a stranger's.
BACKENDS = [
    *BUILT_IN,
    pytest.param(_open_auto_as_one_of_several, id="auto-as-one-of-several"),
    pytest.param(_open_toy, id="toy"),
]


def open_source(
    open_change_source: Callable[[OpenRequest], ChangeSource],
    interval: float = INTERVAL_SECONDS,
) -> ChangeSource:
    """Open a backend that needs no other."""
    return open_change_source(fake_open_request(interval=interval))


class Watching(Observer):
    """A source in use: what is done to files, and the hints that follow."""

    def __init__(self, source: ChangeSource) -> None:
        super().__init__(source, TRAITS)


def replace(path: Path, text: str) -> None:
    """Save the way most editors do: write another file, rename it."""
    other = path.with_name(path.name + ".tmp")
    other.write_text(text)
    other.replace(path)


def retarget(link: Path, target: AnyPath) -> None:
    """Point a link elsewhere in one step."""
    other = link.with_name(link.name + ".tmp")
    other.symlink_to(target)
    other.replace(link)


def run_limited(limit: str, value: int, code: str, *paths: Path) -> str:
    """The output of a Python program that gets paths, and few of what inotify takes."""
    lower = f'echo {value} > /proc/sys/user/{limit} && exec "$@"'
    command = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", lower, "sh", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0 and "Traceback" not in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    assert done.stderr == ""
    return done.stdout
