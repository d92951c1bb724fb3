"""Notices on standard error, for people."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

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
        # Whole lines, in one write: the program prints to the same terminal.
        with self._lock, contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


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
    # Where nothing can be written, the exit code still tells.
    with contextlib.suppress(OSError, ValueError):
        for line in str(error).splitlines():
            print(f"{_PREFIX}error: {line}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code)
