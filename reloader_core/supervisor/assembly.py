"""Putting a supervisor together: everything that can be wrong is found here, before the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reloader_core.model import Command
from reloader_core.notices import Level, Report
from reloader_core.patterns import ExcludeRules
from reloader_core.plugins.manager import Plugins
from reloader_core.supervisor.hooks import Hooks
from reloader_core.supervisor.loop import Supervisor
from reloader_core.supervisor.messages import make_tell
from reloader_core.supervisor.reach import Reach
from reloader_core.supervisor.watch.backends import Backends
from reloader_core.supervisor.watch.inspector import Inspector
from reloader_core.supervisor.watch.source import Watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation
    from reloader_core.plugins.entry_points import EntryPoint
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.channel import Channel
    from reloader_core.supervisor.child.launcher import Launcher
    from reloader_core.supervisor.child.terminal import Terminal
    from reloader_core.supervisor.signals import SignalMeanings


def assemble(
    configuration: Configuration,
    invocation: Invocation,
    *,
    backends: Mapping[str, EntryPoint],
    launcher: Launcher,
    channel: Channel,
    contents: Mapping[str, tuple[Stamp, bytes]],
    signals: SignalMeanings,
    terminal: Terminal,
    report: Report,
) -> Supervisor:
    """Build a supervisor that is ready to run.

    :param configuration: what the user wants.
    :param invocation: the program.
    :param backends: the installed backends, as ``preflight`` found them.
    :param launcher: may have a process ready.
    :param channel: where the supervisor's events come from; the caller closes it.
    :param contents: digests of files that were read before, with their stamps.
    :param signals: what signals mean.
    :param terminal: noted before the first program.
    :param report: shows notices.
    :raises ConfigurationError: the backend's options are wrong.
    :raises PluginError: a plugin that was asked for cannot be used.
    """
    tell = make_tell(report)
    warn = partial(tell, Level.WARNING, "plugin")
    opener = Backends(configuration, backends, tell=tell)
    opener.check(configuration.reloader_type)
    plugins = Plugins(warn, detail=partial(tell, Level.DETAIL, "plugin"), waiter=channel)
    plugins.load_installed()
    plugins.load_named(configuration.plugins, directory=configuration.project_root)
    hooks = Hooks(plugins)
    adapted = hooks.adapt(Command.of(invocation))
    for note in adapted.notes:
        tell(Level.INFO, "adapted", note)
    watching = Watching(
        configuration.reloader_type,
        open_source=opener.open,
        warn=partial(tell, Level.WARNING, "backend"),
        detail=partial(tell, Level.DETAIL, "backend"),
    )
    launcher.ask_first(Reach())
    rules = ExcludeRules(root=configuration.project_root, patterns=configuration.exclude_patterns)
    return Supervisor(
        configuration=configuration,
        command=adapted,
        hooks=hooks,
        launcher=launcher,
        channel=channel,
        make_inspector=lambda post: Inspector(
            watching, is_excluded=rules.is_excluded, contents=contents, post=post
        ),
        signals=signals,
        terminal=terminal,
        report=report,
    )
