"""``reloader run``: start a program and keep it on the code that is on disk.

The program's first answer waits for everything that is imported here before it
is started. So its process is spawned as soon as it is known what to run, and
held back; the configuration is checked while that process boots; and what only
the supervisor needs is imported when the program is running already. click is
not needed for any of it: it makes the help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from reloader_core.cli.console import fail, level_of, make_report
from reloader_core.cli.options import parse_run_arguments
from reloader_core.command import interpreter_flags_of_this_process, resolve_program
from reloader_core.config.load import load_configuration
from reloader_core.config.schema import Configuration
from reloader_core.errors import ProgramError, ReloaderError
from reloader_core.model import Command
from reloader_core.supervisor.launcher import Launcher
from reloader_core.supervisor.preflight import installed_backends, nobody_else_has_a_say


def run(words: Sequence[str]) -> NoReturn:
    """Run the command line behind ``reloader run`` and exit.

    :param words: options, then the program.
    :raises SystemExit: always; with the program's exit code, 2 for bad input.
    """
    try:
        code = _run(words)
    except ReloaderError as error:
        fail(error)
    except KeyboardInterrupt:
        # Before the loop takes signals; afterwards they are its events.
        sys.exit(130)
    sys.exit(code)


def _run(words: Sequence[str]) -> int:
    arguments = parse_run_arguments(words)
    if arguments.asks_for_help:
        from reloader_core.cli.help import show_run_help

        show_run_help()
    launcher = Launcher()
    try:
        # The process in reserve is harmless until it is released, and is
        # given up if anything turns out to be wrong.
        command = _resolve(arguments.program, os.getcwd()) if arguments.program else None
        if command is not None:
            launcher.prepare(command)
        configuration = load_configuration(
            start_directory=os.getcwd(), environ=os.environ, arguments=arguments.settings
        )
        backends = installed_backends(configuration)
        command = command or _configured_command(configuration)
        if nobody_else_has_a_say(configuration, backends):
            launcher.start_early(command)

        from reloader_core.supervisor.assembly import assemble

        report = make_report(level_of(quiet=arguments.is_quiet, verbose=arguments.is_verbose))
        supervisor = assemble(
            configuration, command, backends=backends, launcher=launcher, report=report
        )
        return supervisor.run()
    finally:
        launcher.discard()


def _resolve(program: Sequence[str], directory: str) -> Command:
    return resolve_program(
        program,
        cwd=directory,
        environ=os.environ,
        executable=sys.executable,
        interpreter_flags=interpreter_flags_of_this_process(),
    )


def _configured_command(configuration: Configuration) -> Command:
    if not configuration.command:
        raise ProgramError(
            "nothing to run: give a script, -m MODULE, -c CODE or a command,"
            " or set `command` in [tool.reloader]"
        )
    return _resolve(configuration.command, configuration.project_root)
