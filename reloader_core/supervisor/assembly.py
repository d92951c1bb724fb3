"""Putting a supervisor together: everything that can be wrong is found here, before the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reloader_core.config.backend_options import build_options
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, Command, OpenRequest
from reloader_core.notices import Level, Report
from reloader_core.patterns import ExcludeRules
from reloader_core.plugins.backends import Backend, load_backend
from reloader_core.plugins.manager import Plugins
from reloader_core.supervisor.hooks import Hooks
from reloader_core.supervisor.inspector import Inspector
from reloader_core.supervisor.loop import Supervisor
from reloader_core.supervisor.messages import make_tell
from reloader_core.supervisor.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation
    from reloader_core.plugins.entry_points import EntryPoint
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.launcher import Launcher


def assemble(
    configuration: Configuration,
    invocation: Invocation,
    *,
    backends: Mapping[str, EntryPoint],
    launcher: Launcher,
    channel: Channel,
    report: Report,
) -> Supervisor:
    """Build a supervisor that is ready to run.

    :param configuration: what the user wants.
    :param invocation: the program.
    :param backends: the installed backends, as ``preflight`` found them.
    :param launcher: may have a process ready.
    :param channel: where the supervisor's events come from; the caller closes it.
    :param report: shows notices.
    :raises ConfigurationError: the backend is not installed, or its options are wrong.
    :raises PluginError: a plugin that was asked for cannot be used.
    """

    tell = make_tell(report)

    def warn(text: str) -> None:
        tell(Level.WARNING, "warning", text)

    plugins = Plugins(warn)
    opener = Backends(
        configuration, backends, report=warn, notify=partial(tell, Level.INFO, "backend")
    )
    opener.check(configuration.reloader_type)
    plugins.load_installed()
    plugins.load_named(configuration.plugins, directory=configuration.project_root)
    hooks = Hooks(plugins)
    adapted = hooks.adapt(Command.of(invocation))
    for note in adapted.notes:
        tell(Level.INFO, "adapted", note)
    watching = Watching(
        configuration.reloader_type,
        open_source=opener.open,
        warn=warn,
        tell=partial(tell, Level.DETAIL, "backend"),
    )
    rules = ExcludeRules(root=configuration.project_root, patterns=configuration.exclude_patterns)
    return Supervisor(
        configuration=configuration,
        command=adapted,
        hooks=hooks,
        launcher=launcher,
        channel=channel,
        make_inspector=lambda post: Inspector(watching, is_excluded=rules.is_excluded, post=post),
        report=report,
    )


class Backends:
    """The installed backends; one is imported when it is opened, the others never.

    :param configuration: has the backends' tables.
    :param entries: the installed ones, by their ``reloader_type``.
    :param report: takes the failures of plugins.
    :param notify: shows what a backend has to say.
    """

    def __init__(
        self,
        configuration: Configuration,
        entries: Mapping[str, EntryPoint],
        *,
        report: Callable[[str], None],
        notify: Callable[[str], None],
    ) -> None:
        self._configuration = configuration
        self._entries = entries
        self._report = report
        self._notify = notify

    def check(self, name: str) -> None:
        """Import a backend and read its options, to find now what is wrong with them.

        :raises ConfigurationError: its options are wrong.
        :raises PluginError: it cannot be imported.
        """
        self._prepare(name)

    def open(self, name: str) -> ChangeSource:
        """Open a backend's change source.

        :param name: its ``reloader_type``.
        :raises BackendUnavailableError: it cannot work here.
        """
        backend, request = self._prepare(name)
        return backend.open_change_source(request)

    def _prepare(self, name: str) -> tuple[Backend, OpenRequest]:
        if name not in self._entries:
            raise BackendUnavailableError(f"the backend {name!r} is not installed")
        backend = load_backend(self._entries[name], self._report)
        table = self._configuration.backend_tables.get(name, {})
        options = build_options(backend.options_class, table, source=f"[tool.reloader.{name}]")
        request = OpenRequest(
            interval=self._configuration.interval,
            options=options,
            notify=self._notify,
            open_backend=self.open,
        )
        return backend, request
