"""Notices on standard error, for people."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from reloader_core.errors import ReloaderError
    from reloader_core.notices import Notice, Report

_PREFIX = "[reloader] "


def make_report(*, is_quiet: bool = False, is_verbose: bool = False) -> Report:
    """A report that prints.

    :param is_quiet: only what is wrong.
    :param is_verbose: everything.
    :returns: safe to be called from any thread.
    """
    lock = threading.Lock()

    def report(notice: Notice) -> None:
        from reloader_core.notices import Level

        least = Level.WARNING if is_quiet else Level.DETAIL if is_verbose else Level.INFO
        if notice.level < least:
            return
        # Whole lines, in one write: the program prints to the same terminal.
        with lock, contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{_PREFIX}{notice.text}\n")
            sys.stderr.flush()

    return report


def fail(error: ReloaderError) -> NoReturn:
    """End with an expected error: one line for each fault, and its exit code."""
    for line in str(error).splitlines():
        print(f"{_PREFIX}error: {line}", file=sys.stderr)
    sys.exit(error.exit_code)
