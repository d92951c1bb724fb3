"""Notices on standard error, for people."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from reloader_core.errors import ReloaderError
    from reloader_core.notices import Notice

_PREFIX = "[reloader] "


class Console:
    """Shows notices on standard error; may be called from any thread.

    :param is_quiet: only what is wrong.
    :param is_verbose: everything.
    :ivar log_format: ``text``, or ``json`` for an object a line; known when the
        configuration is.
    """

    def __init__(self, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._lock = threading.Lock()
        self.log_format = "text"

    def __call__(self, notice: Notice) -> None:
        """Show a notice, if it matters enough."""
        from reloader_core.notices import Level

        is_all = self._is_verbose
        least = Level.WARNING if self._is_quiet else Level.DETAIL if is_all else Level.INFO
        if notice.level < least:
            return
        text = _as_json(notice) if self.log_format == "json" else f"{_PREFIX}{notice.text}"
        with self._lock:
            _write_line(text)


def _as_json(notice: Notice) -> str:
    import datetime as dt
    import json

    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    members = {
        "time": now.replace("+00:00", "Z"),
        "level": notice.level.name.lower(),
        "event": notice.event,
        "text": notice.text,
        **notice.details,
    }
    return json.dumps(members, default=str)


def fail(error: ReloaderError) -> NoReturn:
    """End with an expected error: one line for each fault, and its exit code."""
    for line in str(error).splitlines():
        _write_line(f"{_PREFIX}error: {line}")
    sys.exit(error.exit_code)


def _write_line(text: str) -> None:
    """Write a line where nothing depends on its being read."""
    # None if it was closed before the start.
    stream: TextIO | None = sys.stderr
    if stream is not None:
        # Whole lines, in one write: the program prints to the same terminal.
        with contextlib.suppress(OSError, ValueError):
            stream.write(f"{text}\n")
            stream.flush()
