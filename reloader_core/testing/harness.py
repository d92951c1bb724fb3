"""A plugin on trial: registered and called as the supervisor does it, without a process."""

from __future__ import annotations

import types
import weakref
from typing import TYPE_CHECKING

from reloader_core.config.backend_options import build_options
from reloader_core.plugins.backends import Backend
from reloader_core.plugins.manager import Plugins
from reloader_core.plugins.waiting import END_SECONDS
from reloader_core.policy.verdicts import combine
from reloader_core.supervisor.hooks import Hooks
from reloader_core.testing.fakes import (
    fake_batch,
    fake_child,
    fake_command,
    fake_exit,
    fake_open_request,
    fake_plan,
    fake_report,
    fake_watch_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from reloader_core.model import (
        ChangeBatch,
        ChangeSource,
        Child,
        ChildExit,
        Command,
        ReloadReport,
        RestartPlan,
        Verdict,
        WatchRequest,
    )
    from reloader_core.policy.verdicts import Outcome


class PluginHarness:
    """Calls the hooks of plugins. Each argument that is left out is a fake.

    As under the supervisor, each plugin is called on a thread of its own, and what it
    does wrong is no exception but a warning. Observers are waited for here. The threads
    end with the harness.

    :param plugins: modules or objects with hooks; the last one is asked first.
    :raises PluginError: one does not fit the hooks it implements.
    :ivar warnings: what the user would be told: failures, wrong answers, unknown hooks.
    """

    def __init__(self, *plugins: object) -> None:
        self.warnings: list[str] = []
        self._plugins = Plugins(self.warnings.append)
        for number, plugin in enumerate(plugins):
            self._plugins.register(plugin, _name_of(plugin, number))
        self._hooks = Hooks(self._plugins)
        # Their threads go with it: no test needs to close it.
        weakref.finalize(self, self._plugins.end_threads)

    def watched_files(self, request: WatchRequest | None = None) -> list[str]:
        """What ``iter_watched_files`` adds."""
        return self._hooks.watched_files(request or fake_watch_request())

    def verdicts(self, batch: ChangeBatch | None = None) -> list[tuple[str, Verdict]]:
        """What ``should_reload`` says, by the plugin's name."""
        return self._hooks.verdicts(batch or fake_batch())

    def outcome(self, batch: ChangeBatch | None = None) -> Outcome:
        """What the supervisor would do about changes, now that the plugins were asked."""
        batch = batch or fake_batch()
        return combine(batch, self.verdicts(batch))

    def start(self, plan: RestartPlan | None = None) -> Child | None:
        """What ``restart_child`` starts; the core's own way comes last.

        :returns: ``None`` when nobody could.
        """
        return self._hooks.start(plan or fake_plan())

    def adapt(self, command: Command | None = None) -> Command:
        """What ``adapt_command`` makes of a command: itself if it is not the plugin's."""
        return self._hooks.adapt(command or fake_command())

    def child_started(self, child: Child | None = None) -> None:
        """Tell of a start."""
        self._hooks.child_started(child or fake_child())
        self._plugins.settle(END_SECONDS)

    def child_ready(self, child: Child | None = None) -> None:
        """Tell that a program can do its work."""
        self._hooks.child_ready(child or fake_child())
        self._plugins.settle(END_SECONDS)

    def child_exited(self, ended: ChildExit | None = None) -> None:
        """Tell of an end."""
        self._hooks.child_exited(ended or fake_exit())
        self._plugins.settle(END_SECONDS)

    def reload_finished(self, report: ReloadReport | None = None) -> None:
        """Tell of a restart."""
        self._hooks.reload_finished(report or fake_report())
        self._plugins.settle(END_SECONDS)

    def close(self) -> None:
        """End the plugins' threads; so does the end of a ``with``, or letting go of it."""
        self._hooks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_backend(
    backend: object,
    table: Mapping[str, object] | None = None,
    *,
    interval: float = 0.05,
    notify: Callable[[str], None] | None = None,
    backends: Mapping[str, Callable[[], ChangeSource]] | None = None,
) -> ChangeSource:
    """Open the change source of a backend as the supervisor does.

    :param backend: the module, or whatever its entry point names.
    :param table: what ``[tool.reloader.<type>]`` would hold.
    :param interval: the setting ``interval``.
    :param notify: takes what the backend tells the user.
    :param backends: what ``request.open_backend`` opens, by ``reloader_type``.
    :raises ConfigurationError: the options are wrong.
    :raises PluginError: it does not implement ``open_change_source``, or returned nothing.
    """
    name = _name_of(backend, 0)
    loaded = Backend.of(backend, name, f"backend {name!r}", notify or (lambda line: None))
    options = build_options(loaded.options_class, table or {}, source=f"[tool.reloader.{name}]")
    request = fake_open_request(
        interval=interval, options=options, notify=notify, backends=backends
    )
    return loaded.open_change_source(request)


def _name_of(plugin: object, number: int) -> str:
    if isinstance(plugin, types.ModuleType):
        return plugin.__name__
    name = type(plugin).__name__
    return f"{name}-{number + 1}" if number else name
