"""Putting a supervisor together: everything that can be wrong is found here, before the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reloader_core.model import Command
from reloader_core.notices import Level, Report
from reloader_core.patterns import ExcludeRules
from reloader_core.plugins.manager import Plugins
from reloader_core.supervisor.child.environment import ProgramEnvironment
from reloader_core.supervisor.hooks import Hooks
from reloader_core.supervisor.loop import Supervisor
from reloader_core.supervisor.messages import make_tell
from reloader_core.supervisor.preflight import installed_backends
from reloader_core.supervisor.reach import Reach
from reloader_core.supervisor.renewal import Legacy, Prepared, Renewal
from reloader_core.supervisor.watch.backends import Backends
from reloader_core.supervisor.watch.inspector import Inspector
from reloader_core.supervisor.watch.source import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation
    from reloader_core.plugins.entry_points import EntryPoint
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.child.launcher import Launcher
    from reloader_core.supervisor.child.terminal import Terminal
    from reloader_core.supervisor.signals import SignalMeanings
    from reloader_core.supervisor.sockets.bound import BoundSockets


class Workshop:
    """Puts supervisors together. What it is given outlives each of them.

    :param launcher: may have a process ready.
    :param channel: where a supervisor's events come from; the caller closes it.
    :param sockets: the addresses that are listened at.
    :param terminal: noted before the first program.
    :param configure: reads the configuration again.
    :param find_program: finds the program, which the configuration may name.
    :param report: shows notices.
    """

    def __init__(
        self,
        *,
        launcher: Launcher,
        channel: Channel,
        sockets: BoundSockets,
        terminal: Terminal,
        configure: Callable[[], Configuration],
        find_program: Callable[[Configuration], Invocation],
        report: Report,
    ) -> None:
        self._launcher = launcher
        self._channel = channel
        self._sockets = sockets
        self._terminal = terminal
        self._configure = configure
        self._find_program = find_program
        self._report = report
        self._tell = make_tell(report)
        launcher.ask_first(Reach())

    def assemble(
        self,
        configuration: Configuration,
        invocation: Invocation,
        *,
        backends: Mapping[str, EntryPoint],
        contents: Mapping[str, tuple[Stamp, bytes]],
        signals: SignalMeanings,
    ) -> Supervisor:
        """Build the first supervisor. It is ready to run.

        :param configuration: what the user wants.
        :param invocation: the program.
        :param backends: the installed backends, as ``preflight`` found them.
        :param contents: digests of files that were read before, with their stamps.
        :param signals: what signals mean.
        :raises ConfigurationError: the backend's options are wrong.
        :raises PluginError: a plugin that was asked for cannot be used.
        """
        opener, hooks = self._load(configuration, backends)
        self._use(configuration)
        command = self._adapt(hooks, invocation)
        return self._build(
            configuration, command, opener, hooks, contents=contents, signals=signals, legacy=None
        )

    def prepare(self, configuration: Configuration, signals: SignalMeanings) -> Prepared:
        """Do all that a new configuration can fail at.

        :param signals: what signals mean by the one in force.
        :raises ReloaderError: it fails; nothing has changed.
        """
        backends = installed_backends(configuration)
        invocation = self._find_program(configuration)
        opener, hooks = self._load(configuration, backends)
        bound = self._sockets.bind(configuration.bind, backlog=configuration.backlog)

        def take_over(legacy: Legacy) -> Supervisor:
            self._sockets.use(bound)
            self._sockets.tell(self._report)
            self._use(configuration)
            return self._build(
                configuration,
                self._adapt(hooks, invocation),
                opener,
                hooks,
                contents={},
                signals=signals.renewed(configuration),
                legacy=legacy,
            )

        def give_up() -> None:
            self._sockets.give_up(bound)
            hooks.close()

        return Prepared(reason="", take_over=take_over, give_up=give_up)

    def _load(
        self, configuration: Configuration, backends: Mapping[str, EntryPoint]
    ) -> tuple[Backends, Hooks]:
        opener = Backends(configuration, backends, tell=self._tell)
        opener.check(configuration.reloader_type)
        plugins = Plugins(
            partial(self._tell, Level.WARNING, "plugin"),
            detail=partial(self._tell, Level.DETAIL, "plugin"),
            waiter=self._channel,
        )
        plugins.load_installed()
        plugins.load_named(configuration.plugins, directory=configuration.project_root)
        return opener, Hooks(plugins)

    def _use(self, configuration: Configuration) -> None:
        """Have programs started as a configuration says."""
        self._launcher.use(configuration, self._sockets.listening)
        warn = partial(self._tell, Level.WARNING, "environment")
        self._launcher.use_environment(ProgramEnvironment(configuration.env_files, warn=warn))

    def _adapt(self, hooks: Hooks, invocation: Invocation) -> Command:
        adapted = hooks.adapt(Command.of(invocation))
        for note in adapted.notes:
            self._tell(Level.INFO, "adapted", note)
        return adapted

    def _build(
        self,
        configuration: Configuration,
        command: Command,
        opener: Backends,
        hooks: Hooks,
        *,
        contents: Mapping[str, tuple[Stamp, bytes]],
        signals: SignalMeanings,
        legacy: Legacy | None,
    ) -> Supervisor:
        self._channel.quit_signals = signals.quitting
        watching = Watching(
            configuration.reloader_type,
            open_source=opener.open_selected,
            describe=opener.describe,
            warn=partial(self._tell, Level.WARNING, "backend"),
            detail=partial(self._tell, Level.DETAIL, "backend"),
        )
        root = configuration.project_root
        rules = ExcludeRules(root=root, patterns=configuration.exclude_patterns)
        return Supervisor(
            configuration=configuration,
            command=command,
            hooks=hooks,
            launcher=self._launcher,
            channel=self._channel,
            make_inspector=lambda post: Inspector(
                watching, is_excluded=rules.is_excluded, contents=contents, post=post
            ),
            signals=signals,
            terminal=self._terminal,
            renewal=Renewal(
                configuration,
                configure=self._configure,
                prepare=partial(self.prepare, signals=signals),
                tell=self._tell,
            ),
            legacy=legacy,
            report=self._report,
        )
