"""A plugin that implements every hook a stranger may, led by environment variables.

``TOY_JOURNAL`` names a file that gets a line for each observation,
``TOY_WATCH`` a glob to watch, ``TOY_VERDICT`` a decision and a file name's end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core import hookimpl
from reloader_core.model import (
    ChangeBatch,
    Child,
    ChildExit,
    Command,
    Decision,
    ReloadReport,
    RestartPlan,
    Verdict,
    WatchRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def _note(line: str) -> None:
    if path := os.environ.get("TOY_JOURNAL"):
        with open(path, "a") as file:
            file.write(line + "\n")


@hookimpl
def iter_watched_files(request: WatchRequest) -> Iterable[str]:
    """A generator, as many would write it."""
    if os.environ.get("TOY_RAISE") == "iter_watched_files":
        raise RuntimeError("no files today")
    if pattern := os.environ.get("TOY_WATCH"):
        yield pattern


@hookimpl
def should_reload(batch: ChangeBatch) -> Verdict | None:
    """The verdict of the environment."""
    if os.environ.get("TOY_RAISE") == "should_reload":
        raise SystemExit("I would end it all")
    decision, _, ending = os.environ.get("TOY_VERDICT", "").partition(" ")
    paths = frozenset(path for path in batch.paths if path.endswith(ending))
    if not decision or not paths:
        return None
    return Verdict(
        decision=Decision(decision), reason=f"toy says {decision}", paths=paths, seconds=0.2
    )


@hookimpl
def restart_child(plan: RestartPlan) -> Child | None:
    """Start the program itself if asked to, with a variable more."""
    _note(f"plan {plan.generation} {len(plan.changes)}")
    return None


@hookimpl
def adapt_command(command: Command) -> Command | None:
    """Leave the command alone."""
    _note(f"adapt {command.title}")
    return None


@hookimpl
def child_started(child: Child) -> None:
    """Note a start."""
    _note(f"started {child.generation}")


@hookimpl
def child_exited(ended: ChildExit) -> None:
    """Note an end."""
    _note(f"exited {ended.child.generation} {ended.returncode}")


@hookimpl
def reload_finished(report: ReloadReport) -> None:
    """Note a restart."""
    _note(f"reloaded {report.child.generation} {report.reason}")
