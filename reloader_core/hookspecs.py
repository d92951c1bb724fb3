"""The contracts between the supervisor and its plugins.

Every hook takes one frozen object, positionally. An implementation may leave
the argument out. Plugins raise freely: a plugin that raises, or takes too long,
is reported by name and skipped for that call; a hook that fails again and again
is not called any more. Each plugin is called on a thread of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.model import (
        ChangeBatch,
        ChangeSource,
        Child,
        ChildExit,
        Command,
        OpenRequest,
        ReloadReport,
        RestartPlan,
        Verdict,
        WatchRequest,
    )

PROJECT_NAME = "reloader"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def iter_watched_files(request: WatchRequest) -> Iterable[str] | None:
    """Name what to watch beyond what the program loads.

    Asked once before the program is first started and again before each restart.

    :param request: where the project is and what runs.
    :returns: paths, globs or directories in the dialect of ``extra_files``;
        the answers of all plugins are joined. ``None`` or nothing when there
        is nothing to add.
    """


@hookspec
def should_reload(batch: ChangeBatch) -> Verdict | None:
    """Say what is to be done about confirmed changes.

    :param batch: the changes; a program that runs is not stopped yet on their account.
    :returns: a verdict; for each changed path a veto beats a deferral, which
        beats a reload, whatever the order of the plugins. ``None`` for no
        opinion: without any, the program is restarted.
    """


@hookspec(firstresult=True)
def restart_child(plan: RestartPlan) -> Child | None:
    """Start the program, for the first time or as a replacement.

    The old process is gone when this is called.

    :param plan: what to start and why; ``plan.spawn()`` does what the core does.
    :returns: the started program. ``None`` to leave it to the next plugin; the
        core's own implementation comes last and always answers.
    """


@hookspec(firstresult=True)
def open_change_source(request: OpenRequest) -> ChangeSource | None:
    """Open the watcher of a backend. Only the selected backend is asked.

    :param request: the interval and the backend's options.
    :returns: a change source that watches nothing yet. ``None`` is an error.
    """


@hookspec(firstresult=True)
def adapt_command(command: Command) -> Command | None:
    """Recognise a command line and make it fit to be run under a reloader.

    :param command: the program as the user typed it.
    :returns: the command to run instead, with a note that says what was
        changed. ``None`` when it is not this plugin's, or needs no change.
    """


@hookspec
def child_started(child: Child) -> None:
    """Observe that a program began to run.

    :param child: the new program.
    :returns: nothing; what is returned is ignored.
    """


@hookspec
def child_ready(child: Child) -> None:
    """Observe that a program can do its work.

    :param child: the program, which said so.
    :returns: nothing; what is returned is ignored.
    """


@hookspec
def child_exited(ended: ChildExit) -> None:
    """Observe that a program ended, by itself or stopped.

    :param ended: which program, how and after how long.
    :returns: nothing; what is returned is ignored.
    """


@hookspec
def reload_finished(report: ReloadReport) -> None:
    """Observe that a restart is over: the new program runs.

    :param report: what changed and where the time went.
    :returns: nothing; what is returned is ignored.
    """
