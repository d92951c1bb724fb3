"""``reloader run``: start a program and keep it on the code that is on disk.

click is not needed for it, and so is not waited for: it makes the help.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from reloader_core.cli.console import Console, fail
from reloader_core.cli.options import RunArguments, parse_run_arguments
from reloader_core.errors import ProgramError, ReloaderError
from reloader_core.supervisor.child.host import open_host

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
    host = open_host()

    from reloader_core.integrations import adapt
    from reloader_core.supervisor.session import supervise

    # Asked once: it may be gone when the configuration is read again.
    directory = os.getcwd()
    console = Console(is_quiet=arguments.is_quiet, is_verbose=arguments.is_verbose)

    def configure() -> Configuration:
        from reloader_core.config.load import load_configuration

        configuration = load_configuration(
            start_directory=directory, environ=os.environ, arguments=arguments.settings
        )
        console.log_format = configuration.log_format
        return configuration

    return supervise(
        host,
        _resolve(arguments.program, directory) if arguments.program else None,
        configure=configure,
        find_program=_configured_program,
        adapt=adapt,
        report=console,
    )


def _resolve(program: Sequence[str], directory: str) -> Invocation:
    from reloader_core.command import interpreter_flags_of_this_process, resolve_program

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
