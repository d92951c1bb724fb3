"""The help, by click; and everything else that is not running a program."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from reloader_core import __version__
from reloader_core.cli.console import fail
from reloader_core.cli.control import pause, restart, resume, status, wait
from reloader_core.cli.options import HELP, QUIET, VERBOSE
from reloader_core.config.settings import SETTINGS, Setting
from reloader_core.errors import UsageError

_GROUPS = {
    "What to watch": ["extra_files", "env_files", "exclude_patterns", "track_opened_files"],
    "How to watch": ["reloader_type", "interval"],
    "How to restart": ["grace_seconds", "stop_signal", "hold_in_debugger", "restart_on_enter"],
    "What to listen at": ["bind", "backlog", "keep_sockets"],
    "Extensions": ["adapt", "plugins"],
}

_RUN_HELP = """Run a program, and restart it whenever the code it runs changes on disk.

The program is a script, a directory or a zip file with a __main__.py, -m and a
module, -c and code, or any command. Options of reloader come before it;
everything behind it belongs to the program.
"""

_RUN_EPILOG = """Each option can also be set in [tool.reloader] of pyproject.toml, and by an
environment variable such as RELOADER_INTERVAL; the command line wins.

Exit code: the program's own when it ends by itself; 130 after Ctrl-C, 143 after
SIGTERM; 2 if something here is wrong. A program that exits with 3 is restarted.
"""


def _row(setting: Setting) -> tuple[str, str]:
    return f"{setting.option} {setting.metavar}".rstrip(), setting.help


class _RunHelp(click.Command):
    """``reloader run`` as it is described; it is parsed by ``cli.options``."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(
            ctx.command_path, "[OPTIONS] (SCRIPT | -m MODULE | -c CODE | COMMAND) [ARGS]..."
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, keys in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([_row(SETTINGS[key]) for key in keys])
        with formatter.section("What to say"):
            formatter.write_dl(
                [
                    _row(SETTINGS["log_format"]),
                    (", ".join(QUIET), "Say only what is wrong."),
                    (", ".join(VERBOSE), "Say everything: starts, ends, what is watched."),
                    (", ".join(HELP), "Show this and exit."),
                ]
            )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\n")
        formatter.write(_RUN_EPILOG)


@click.group(context_settings={"help_option_names": list(HELP)})
@click.version_option(__version__, prog_name="reloader", message="%(prog)s %(version)s")
def reloader() -> None:
    """Keep a running program on the code that is on disk."""


reloader.add_command(
    _RunHelp("run", help=_RUN_HELP, short_help="Run a program and restart it when it changes.")
)


for command in (status, restart, wait, pause, resume):
    reloader.add_command(command)


def show_run_help() -> NoReturn:
    """Print the help of ``reloader run`` and exit."""
    show(["run", "--help"])


def show(words: list[str]) -> NoReturn:
    """Do what a command line asks for that runs no program, and exit."""
    try:
        code = reloader.main(args=words or ["--help"], prog_name="reloader", standalone_mode=False)
    except click.ClickException as error:
        fail(UsageError(f"{error.format_message().rstrip('.')}; see 'reloader --help'"))
    sys.exit(code or 0)
