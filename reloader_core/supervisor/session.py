"""From a program to its supervised run, in the order that starts the program soonest.

The program's first answer waits for everything that is imported here before it
is started:

1. Its process is spawned first, with hardly any import; it boots and then holds.
2. The configuration is read and checked while it boots. Whatever is wrong is
   found here: the process is given up before it has run a line of the program.
3. The program runs, and has the processor for itself while it loads. Only then is the
   rest of the supervisor loaded. What the program reports meanwhile is kept; an edit is
   noticed all the same, for files are compared after they are watched. The project's own
   files are read as they are reported, so that a touch can be told from an edit.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from reloader_core.supervisor.channel import Channel
from reloader_core.supervisor.child.launcher import Launcher
from reloader_core.supervisor.child.terminal import Terminal
from reloader_core.supervisor.signals import SignalMeanings
from reloader_core.supervisor.sockets.bound import BoundSockets, receive_sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation
    from reloader_core.notices import Report
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.child.host import Host
    from reloader_core.supervisor.sockets.handover import Listening


def supervise(
    host: Host,
    invocation: Invocation | None,
    *,
    configure: Callable[[], Configuration],
    find_program: Callable[[Configuration], Invocation],
    adapt: Callable[[Invocation], Invocation],
    report: Report,
    listening: Sequence[Listening] = (),
) -> int:
    """Run a program under a supervisor until it is over.

    :param host: starts its processes; closed at the end.
    :param invocation: the program; ``None`` if the configuration names it.
    :param configure: reads the configuration.
    :param find_program: finds the program that the configuration names.
    :param adapt: makes the command of a known framework fit for a reloader.
    :param report: shows notices.
    :param listening: sockets that every program gets, besides those of the configuration;
        closed at the end.
    :returns: the exit code.
    :raises ReloaderError: something is wrong; nothing was started.
    """

    def choose_program(configuration: Configuration) -> Invocation:
        chosen = invocation or find_program(configuration)
        return adapt(chosen) if configuration.adapt else chosen

    with contextlib.ExitStack() as cleanup:
        terminal = Terminal()
        terminal.note()
        launcher = Launcher(host)
        cleanup.callback(launcher.close)
        if invocation is not None:
            launcher.prepare(adapt(invocation))
        configuration = configure()

        from reloader_core.supervisor.preflight import installed_backends, nobody_else_has_a_say

        backends = installed_backends(configuration)
        program = choose_program(configuration)
        sockets = BoundSockets([*receive_sockets(os.environ), *listening])
        cleanup.callback(sockets.close)
        sockets.use(sockets.bind(configuration.bind, backlog=configuration.backlog))
        launcher.use(configuration, sockets.listening)
        channel = Channel()
        cleanup.callback(channel.close)
        signals = SignalMeanings(configuration)
        channel.quit_signals = signals.quitting
        contents: dict[str, tuple[Stamp, bytes]] = {}
        if nobody_else_has_a_say(configuration, backends, program):
            # From here on a signal concerns the program as well: the loop deals with it.
            cleanup.enter_context(channel.catching_signals(signals.numbers))

            from reloader_core.supervisor.watch.early import read_project_files

            launcher.start_early(
                program,
                sleep=channel.sleep,
                take=lambda records: read_project_files(records, contents),
            )

        from reloader_core.supervisor.assembly import Workshop

        workshop = Workshop(
            launcher=launcher,
            channel=channel,
            sockets=sockets,
            terminal=terminal,
            configure=configure,
            find_program=choose_program,
            report=report,
        )
        supervisor = workshop.assemble(
            configuration, program, backends=backends, contents=contents, signals=signals
        )
        cleanup.enter_context(channel.catching_signals(signals.numbers))
        sockets.tell(report)
        while (code := supervisor.run()) is None:
            supervisor = supervisor.make_successor()
        return code
