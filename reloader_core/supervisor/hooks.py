"""The hooks as the supervisor calls them: typed, guarded, and with their answers checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from reloader_core.hookspecs import hookimpl
from reloader_core.model import (
    ChangeBatch,
    Child,
    ChildExit,
    Command,
    ReloadReport,
    RestartPlan,
    Verdict,
    WatchRequest,
)
from reloader_core.plugins.answers import read_child, read_command, read_paths, read_verdict
from reloader_core.plugins.faults import show

if TYPE_CHECKING:
    from reloader_core.plugins.manager import Plugins
    from reloader_core.supervisor.spawning import Spawning


class CoreStart:
    """The core's own way to start a program, behind everybody else's."""

    @hookimpl(trylast=True)
    def restart_child(self, plan: RestartPlan) -> Child | None:
        """Spawn the command as it is."""
        try:
            child = plan.spawn()
        except OSError:
            return None  # the supervisor knows, and tells
        assert isinstance(child, Child)
        return child


class Hooks:
    """Calls hooks; what a plugin does wrong is reported by name and costs one call.

    Hooks that answer are waited for, so long. Those that observe are not.

    :param plugins: the loaded plugins. The core's own are added.
    """

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        plugins.register(CoreStart(), "reloader_core", is_own=True)

    def names_watched_files(self) -> bool:
        """Whether any plugin has files to add."""
        return self._plugins.has_implementation("iter_watched_files")

    def watched_files(self, request: WatchRequest) -> list[str]:
        """What the plugins want watched, joined."""
        answers = self._plugins.call_all("iter_watched_files", request, read_paths)
        return [path for _, paths in answers for path in paths]

    def verdicts(self, batch: ChangeBatch) -> list[tuple[str, Verdict]]:
        """What the plugins say of changes, by plugin name."""
        return self._plugins.call_all("should_reload", batch, read_verdict)

    def start(self, plan: RestartPlan, spawning: Spawning | None = None) -> Child | None:
        """Start the program; ``None`` when nobody could, or the supervisor is to end.

        :param spawning: the plan's ``spawn``, if it has to be served meanwhile.
        """
        if spawning is None:
            answer = self._plugins.call_first("restart_child", plan, read_child)
        else:
            read = partial(_read_spawned_child, spawning)
            answer = self._plugins.call_first("restart_child", plan, read, meanwhile=spawning.serve)
        return None if answer is None else answer[1]

    def adapt(self, command: Command) -> Command:
        """The command as an integration wants it run, else as it is."""
        answer = self._plugins.call_first("adapt_command", command, read_command)
        return command if answer is None else answer[1]

    def child_started(self, child: Child) -> None:
        """Tell the observers of a start."""
        self._plugins.tell_all("child_started", child)

    def child_ready(self, child: Child) -> None:
        """Tell the observers that a program can do its work."""
        self._plugins.tell_all("child_ready", child)

    def child_exited(self, ended: ChildExit) -> None:
        """Tell the observers of an end."""
        self._plugins.tell_all("child_exited", ended)

    def reload_finished(self, report: ReloadReport) -> None:
        """Tell the observers of a restart."""
        self._plugins.tell_all("reload_finished", report)

    def close(self) -> None:
        """Let the observers hear what they were told, so long, and end the plugins' threads."""
        self._plugins.close()


def _read_spawned_child(spawning: Spawning, answer: Any) -> Child:
    child = read_child(answer)
    if child != spawning.child:
        raise ValueError(f"expected what plan.spawn() returned, got {show(child)}")
    return child
