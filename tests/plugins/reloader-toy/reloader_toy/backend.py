"""A backend in thirty lines: it asks the core to compare everything, again and again."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import attrs

from reloader_core import hookimpl
from reloader_core.model import ChangeSource, Hint, OpenRequest, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen(kw_only=True)
class Options:
    """What ``[tool.reloader.toy]`` may hold."""

    pause_seconds: float = 0.1


class ToySource:
    """Knows nothing, so it hints at everything."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._closed = threading.Event()

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """All files are hinted at anyway."""

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Sleep, then hint."""
        if os.environ.get("TOY_RAISE") == "wait":
            raise RuntimeError("I lost my way")
        pause = self._pause_seconds if timeout is None else min(timeout, self._pause_seconds)
        return () if self._closed.wait(pause) else (Hint.everything(),)

    def close(self) -> None:
        """Wake the sleeper."""
        self._closed.set()


@hookimpl
def open_change_source(request: OpenRequest) -> ChangeSource:
    """Open the toy."""
    return ToySource(request.options.pause_seconds)
