"""The hooks as the supervisor calls them: typed, guarded, and with their answers checked."""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    from reloader_core.plugins.manager import Plugins


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

    :param plugins: the loaded plugins. The core's own are added.
    """

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        plugins.register(CoreStart(), "core")

    def names_watched_files(self) -> bool:
        """Whether any plugin has files to add."""
        return self._plugins.has_implementation("iter_watched_files")

    def watched_files(self, request: WatchRequest) -> list[str]:
        """What the plugins want watched, joined."""
        answers = self._plugins.call_all("iter_watched_files", request, _read_paths)
        return [path for _, paths in answers for path in paths]

    def verdicts(self, batch: ChangeBatch) -> list[tuple[str, Verdict]]:
        """What the plugins say of changes, by plugin name."""
        return self._plugins.call_all("should_reload", batch, _expect(Verdict))

    def start(self, plan: RestartPlan) -> Child | None:
        """Start the program; ``None`` when nobody could."""
        answer = self._plugins.call_first("restart_child", plan, _expect(Child))
        return None if answer is None else answer[1]

    def adapt(self, command: Command) -> Command:
        """The command as an integration wants it run, else as it is."""
        answer = self._plugins.call_first("adapt_command", command, _expect(Command))
        return command if answer is None else answer[1]

    def child_started(self, child: Child) -> None:
        """Tell the observers of a start."""
        self._plugins.call_all("child_started", child, _ignore)

    def child_ready(self, child: Child) -> None:
        """Tell the observers that a program can do its work."""
        self._plugins.call_all("child_ready", child, _ignore)

    def child_exited(self, ended: ChildExit) -> None:
        """Tell the observers of an end."""
        self._plugins.call_all("child_exited", ended, _ignore)

    def reload_finished(self, report: ReloadReport) -> None:
        """Tell the observers of a restart."""
        self._plugins.call_all("reload_finished", report, _ignore)


def _read_paths(answer: Any) -> list[str]:
    if isinstance(answer, (str, bytes)):
        raise TypeError(f"expected paths, got one string: {answer!r}; put it into a list")
    return [os.fsdecode(path) for path in answer]


def _expect(kind: type) -> Any:
    def read(answer: Any) -> Any:
        if not isinstance(answer, kind):
            raise TypeError(f"expected a {kind.__name__} or None, got {answer!r}")
        return answer

    return read


def _ignore(answer: Any) -> None:
    return None
