"""The sentences of the supervisor: what happened, why, and how long it took."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Protocol

from reloader_core.model import Change, ChangeKind, ReloadReport
from reloader_core.notices import Level, Notice, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reloader_core.policy.comparison import Fault

#: More changed files than this are counted, not named.
_MOST_NAMED = 2


class Tell(Protocol):
    """Shows a notice."""

    def __call__(
        self, level: Level, event: str, text: str, details: Mapping[str, object] | None = None, /
    ) -> None:
        """Show it."""


def make_tell(report: Report) -> Tell:
    """A shorter way to say something."""

    def tell(
        level: Level, event: str, text: str, details: Mapping[str, object] | None = None, /
    ) -> None:
        report(Notice(level=level, event=event, text=text, details=details or {}))

    return tell


def describe_changes(changes: tuple[Change, ...], root: str) -> str:
    """What changed, for people: ``a.py, b.py and 5 more changed``.

    :param changes: at least one.
    :param root: paths below it are shown relative to it.
    """
    kinds = {change.kind for change in changes}
    verb = kinds.pop().value if len(kinds) == 1 else ChangeKind.MODIFIED.value
    names = [shorten(change.path, root) for change in changes[:_MOST_NAMED]]
    hidden = len(changes) - len(names)
    if hidden:
        return f"{', '.join(names)} and {hidden} more {verb}"
    return f"{' and '.join(names)} {verb}"


def shorten(path: str, root: str) -> str:
    """A path as a user of the project would say it, safe to print."""
    prefix = root.rstrip(os.sep) + os.sep
    short = path.removeprefix(prefix)
    return short.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")


def milliseconds(seconds: float) -> str:
    """A duration for people: "84 ms", "1.3 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def restarted(report: ReloadReport) -> Notice:
    """The line of a finished restart."""
    parts = {
        "noticed": report.noticed_seconds,
        "stopped": report.stopped_seconds,
        "started": report.started_seconds,
    }
    if report.ready_seconds is not None:
        parts["ready"] = report.ready_seconds
    timing = ", ".join(f"{name} {milliseconds(seconds)}" for name, seconds in parts.items())
    text = f"{report.reason}: restarted in {milliseconds(report.seconds)} ({timing})"
    details: dict[str, object] = {
        "pid": report.child.pid,
        "generation": report.child.generation,
        "reason": report.reason,
        "paths": [change.path for change in report.changes],
    }
    details.update({f"{name}_seconds": seconds for name, seconds in parts.items()})
    return Notice(level=Level.INFO, event="restarted", text=text, details=details)


def held(fault: Fault, root: str, *, goes_on: str | None) -> Notice:
    """The lines of a source that does not compile.

    :param fault: what is wrong with it.
    :param root: paths below it are shown relative to it.
    :param goes_on: the program that runs all the same, if there is one.
    """
    consequence = "waiting until it compiles"
    if goes_on is not None:
        consequence = f"{goes_on} goes on with the old code until it compiles"
    text = f"{shorten(fault.path, root)} does not compile; {consequence}\n{fault.text}"
    details = {"path": fault.path, "error": fault.text}
    return Notice(level=Level.ERROR, event="held", text=text, details=details)


def lock(path: str, root: str, *, is_abandoned: bool) -> Notice:
    """The line of a lock of version control that stays for long."""
    name = shorten(path, root)
    if is_abandoned:
        level, text = Level.WARNING, f"{name} is still there: not waiting for it any longer"
    else:
        level, text = Level.INFO, f"{name} is there: waiting until version control is done"
    return Notice(level=level, event="lock", text=text, details={"path": path})


def ended(title: str, returncode: int, error: str | None) -> str:
    """How a program ended: "app.py exited with code 1 (NameError: …)"."""
    if returncode < 0:
        how = f"was ended by {_signal_name(-returncode)}"
    else:
        how = f"exited with code {returncode}"
    return f"{title} {how}" + (f" ({error})" if error else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
