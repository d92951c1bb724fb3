"""Notices on standard error, for people."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from reloader_core.errors import ReloaderError
    from reloader_core.notices import Level, Notice, Report

_PREFIX = "[reloader] "


def make_report(least: Level) -> Report:
    """A report that prints.

    :param least: notices below this level are not shown.
    :returns: safe to be called from any thread.
    """
    lock = threading.Lock()

    def report(notice: Notice) -> None:
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


def level_of(*, quiet: bool, verbose: bool) -> Level:
    """What ``-q`` and ``-v`` ask for: only problems, or everything."""
    from reloader_core.notices import Level

    if quiet:
        return Level.WARNING
    return Level.DETAIL if verbose else Level.INFO
