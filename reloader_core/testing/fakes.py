"""The arguments of hooks, made for tests: each part has a sensible default.

All of them are real values of :mod:`reloader_core.model`; only what they tell did
not happen.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from reloader_core.model import (
    Change,
    ChangeBatch,
    ChangeKind,
    Child,
    ChildExit,
    Command,
    OpenRequest,
    ReloadReport,
    RestartPlan,
    WatchRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reloader_core.model import ChangeSource

#: Where the fake project is; nothing needs to be there.
PROJECT = os.path.abspath(os.path.join(os.sep, "project"))

_NOW = 1000.0


def fake_command(
    *arguments: str,
    cwd: str = PROJECT,
    title: str | None = None,
    is_python: bool = True,
    environment: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> Command:
    """The program.

    :param arguments: behind the interpreter; ``app.py`` if left out.
    :param title: the arguments in one line if left out.
    """
    arguments = arguments or ("app.py",)
    return Command(
        argv=(sys.executable, *arguments) if is_python else arguments,
        cwd=cwd,
        title=" ".join(arguments) if title is None else title,
        is_python=is_python,
        environment=dict(environment or {}),
        notes=notes,
    )


def fake_watch_request(root: str = PROJECT, *, command: Command | None = None) -> WatchRequest:
    """The argument of ``iter_watched_files``."""
    return WatchRequest(root=root, command=command or fake_command(cwd=root))


def fake_changes(
    *paths: str, kind: ChangeKind = ChangeKind.MODIFIED, root: str = PROJECT
) -> tuple[Change, ...]:
    """Changes of one kind, ordered by path.

    :param paths: relative ones start at ``root``; ``app.py`` if left out.
    """
    return _as_changes(paths, kind=kind, root=root)


def fake_batch(
    *changes: str | Change,
    kind: ChangeKind = ChangeKind.MODIFIED,
    noticed_at: float = _NOW,
    root: str = PROJECT,
) -> ChangeBatch:
    """The argument of ``should_reload``.

    :param changes: changes as they are, or paths that changed by ``kind``.
    """
    return ChangeBatch(
        changes=_as_changes(changes, kind=kind, root=root),
        noticed_at=noticed_at,
    )


def fake_child(pid: int = 4711, *, generation: int = 1, started_at: float = _NOW) -> Child:
    """A started program; there is no process of that number, or it is somebody else's."""
    return Child(pid=pid, generation=generation, started_at=started_at)


def fake_exit(
    returncode: int = 0,
    *,
    child: Child | None = None,
    error: str | None = None,
    is_expected: bool = False,
    lived_seconds: float = 10.0,
) -> ChildExit:
    """The argument of ``child_exited``."""
    return ChildExit(
        child=child or fake_child(),
        returncode=returncode,
        error=error,
        is_expected=is_expected,
        lived_seconds=lived_seconds,
    )


class FakeSpawn:
    """A plan's ``spawn`` that starts nothing.

    Like the real one it starts one program for each plan: a second call returns
    the same child.

    :param child: what it returns.
    :param error: what it raises instead.
    :ivar commands: what it was asked to start; ``None`` for the plan's own.
    """

    def __init__(self, child: Child, error: OSError | None = None) -> None:
        self.child = child
        self.error = error
        self.commands: list[Command | None] = []

    def __call__(self, *, command: Command | None = None) -> Child:
        """Note the command."""
        self.commands.append(command)
        if self.error is not None:
            raise self.error
        return self.child


def fake_plan(
    *changes: str | Change,
    command: Command | None = None,
    generation: int | None = None,
    spawn: Callable[..., Child] | None = None,
) -> RestartPlan:
    """The argument of ``restart_child``.

    :param changes: why; changes as they are, or modified paths. None: a first start.
    :param generation: 1 without changes, else 2, if left out.
    :param spawn: a :class:`FakeSpawn` if left out.
    """
    if generation is None:
        generation = 2 if changes else 1
    return RestartPlan(
        command=command or fake_command(),
        generation=generation,
        changes=_as_changes(changes) if changes else (),
        spawn=spawn or FakeSpawn(fake_child(generation=generation)),
    )


def fake_report(
    *changes: str | Change,
    child: Child | None = None,
    reason: str | None = None,
    noticed_seconds: float = 0.002,
    stopped_seconds: float = 0.010,
    started_seconds: float = 0.050,
    ready_seconds: float | None = None,
) -> ReloadReport:
    """The argument of ``reload_finished``.

    :param changes: changes as they are, or modified paths; ``app.py`` if left out.
    :param reason: the first change in words if left out.
    """
    made = _as_changes(changes)
    first = made[0]
    return ReloadReport(
        child=child or fake_child(generation=2),
        changes=made,
        reason=reason or f"{os.path.basename(first.path)} {first.kind.value}",
        noticed_seconds=noticed_seconds,
        stopped_seconds=stopped_seconds,
        started_seconds=started_seconds,
        ready_seconds=ready_seconds,
    )


def fake_open_request(
    *,
    interval: float = 0.05,
    options: Any = None,
    notify: Callable[[str], None] | None = None,
    backends: Mapping[str, Callable[[], ChangeSource]] | None = None,
) -> OpenRequest:
    """The argument of ``open_change_source``.

    :param notify: takes what the backend tells the user; it is dropped if left out.
    :param backends: what ``open_backend`` opens, by ``reloader_type``.
    """
    known = dict(backends or {})

    def open_backend(reloader_type: str) -> ChangeSource:
        if reloader_type not in known:
            raise AssertionError(
                f"asked for the backend {reloader_type!r}; it was given {sorted(known)}"
            )
        return known[reloader_type]()

    return OpenRequest(
        interval=interval,
        options=options,
        notify=notify or (lambda line: None),
        open_backend=open_backend,
    )


def _as_changes(
    changes: Iterable[str | Change], kind: ChangeKind = ChangeKind.MODIFIED, root: str = PROJECT
) -> tuple[Change, ...]:
    """Paths made into changes, all in order; ``app.py`` if there are none."""
    changes = tuple(changes) or ("app.py",)
    made = [
        change if isinstance(change, Change) else Change(path=os.path.join(root, change), kind=kind)
        for change in changes
    ]
    return tuple(sorted(made, key=lambda change: change.path))
