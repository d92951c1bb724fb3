"""``reloader run``: start a program and keep it on the code that is on disk.

The program's first answer waits for everything that is imported here before it
is started. So the order is:

1. Read the options and find the program, with hardly any import; spawn its
   process, which boots and then holds.
2. Read and check the configuration while it boots. Whatever is wrong is found
   here: the process is given up before it has run a line of the program.
3. Let the program run, and load what only the supervisor needs meanwhile.

click is not needed for any of it; it makes the help.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from reloader_core.cli.console import fail, level_of, make_report
from reloader_core.cli.options import RunArguments, parse_run_arguments
from reloader_core.command import interpreter_flags_of_this_process, resolve_program
from reloader_core.errors import ProgramError, ReloaderError
from reloader_core.supervisor.channel import QUIT_SIGNALS, Channel
from reloader_core.supervisor.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation


def run(words: Sequence[str]) -> NoReturn:
    """Run the command line behind ``reloader run`` and exit.

    :param words: options, then the program.
    :raises SystemExit: always; with the program's exit code, 2 for bad input.
    """
    try:
        arguments = parse_run_arguments(words)
        if arguments.asks_for_help:
            from reloader_core.cli.help import show_run_help

            show_run_help()
        code = _run(arguments)
    except ReloaderError as error:
        fail(error)
    except KeyboardInterrupt:
        # Before signals are events of the supervisor's loop.
        sys.exit(130)
    sys.exit(code)


def _run(arguments: RunArguments) -> int:
    with contextlib.ExitStack() as cleanup:
        launcher = Launcher()
        cleanup.callback(launcher.discard)
        invocation = _resolve(arguments.program, os.getcwd()) if arguments.program else None
        if invocation is not None:
            launcher.prepare(invocation)

        from reloader_core.config.load import load_configuration
        from reloader_core.supervisor.preflight import installed_backends, nobody_else_has_a_say

        configuration = load_configuration(
            start_directory=os.getcwd(), environ=os.environ, arguments=arguments.settings
        )
        backends = installed_backends(configuration)
        invocation = invocation or _configured_program(configuration)
        channel = Channel()
        cleanup.callback(channel.close)
        if nobody_else_has_a_say(configuration, backends):
            # From here on a signal concerns the program as well: the loop deals with it.
            cleanup.enter_context(channel.catching_signals(QUIT_SIGNALS))
            launcher.start_early(invocation)

        from reloader_core.supervisor.assembly import assemble

        supervisor = assemble(
            configuration,
            invocation,
            backends=backends,
            launcher=launcher,
            channel=channel,
            report=make_report(level_of(quiet=arguments.is_quiet, verbose=arguments.is_verbose)),
        )
        return supervisor.run()


def _resolve(program: Sequence[str], directory: str) -> Invocation:
    return resolve_program(
        program,
        cwd=directory,
        environ=os.environ,
        executable=sys.executable,
        interpreter_flags=interpreter_flags_of_this_process(),
    )


def _configured_program(configuration: Configuration) -> Invocation:
    if not configuration.command:
        raise ProgramError(
            "nothing to run: give a script, -m MODULE, -c CODE or a command,"
            " or set `command` in [tool.reloader]"
        )
    return _resolve(configuration.command, configuration.project_root)
