"""The reloader inside a program: a drop-in for Werkzeug's ``run_with_reloader``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from reloader_core.agent import ENVIRONMENT_VARIABLE, MODULE_NAME
from reloader_core.errors import ReloaderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import FrameType

    from reloader_core.supervisor.sockets.handover import Listening

#: What the supervisor makes of SIGTERM; a program that embeds it ends cleanly instead.
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def is_running_from_reloader() -> bool:
    """Whether this process is a program that a reloader started and will restart."""
    # The variable is left over where the agent could not be loaded: python -I, -S.
    return MODULE_NAME in sys.modules or ENVIRONMENT_VARIABLE in os.environ


def run_with_reloader(
    main_func: Callable[[], object],
    extra_files: Iterable[str | os.PathLike[str]] | None = None,
    exclude_patterns: Iterable[str] | None = None,
    interval: float = 1,
    reloader_type: str = "auto",
) -> None:
    """Run a function in a process that is restarted whenever its code changes.

    Called in the main thread of a program, this runs the whole program again in
    a child process, and there calls ``main_func`` in the main thread. In the
    parent it never returns and never calls ``main_func``.

    ``[tool.reloader]`` in ``pyproject.toml`` and ``RELOADER_*`` variables apply
    where an argument is left out.

    :param main_func: the program, a server's ``serve_forever`` for instance.
    :param extra_files: files and directories to watch beyond the loaded modules.
    :param exclude_patterns: gitignore patterns of files to leave alone.
    :param interval: seconds between two looks, for backends that look.
    :param reloader_type: the backend's name.
    :raises SystemExit: in the parent, when the program has ended; with the
        program's exit code, 130 after Ctrl-C, and 0 after SIGTERM.
    """
    if is_running_from_reloader():
        run_main(main_func)
        return
    run_again(extra_files, exclude_patterns, interval, reloader_type)


def run_again(
    extra_files: Iterable[str | os.PathLike[str]] | None,
    exclude_patterns: Iterable[str] | None,
    interval: float,
    reloader_type: str,
    *,
    listening: Sequence[Listening] = (),
) -> NoReturn:
    """Run this very program again, and keep it on the code that is on disk.

    :param listening: sockets it gets; the other parameters are those of
        :func:`run_with_reloader`.
    :raises SystemExit: when the program has ended.
    """
    arguments: dict[str, object] = {}
    if extra_files is not None:
        arguments["extra_files"] = [os.path.abspath(os.fspath(path)) for path in extra_files]
    if exclude_patterns is not None:
        arguments["exclude_patterns"] = list(exclude_patterns)
    # The defaults of this signature are Werkzeug's; whoever leaves them means
    # "as configured".
    if interval != 1:
        arguments["interval"] = interval
    if reloader_type != "auto":
        arguments["reloader_type"] = reloader_type
    code = _supervise(arguments, listening)
    sys.exit(0 if code == _ENDED_BY_SIGTERM else code)


def _supervise(arguments: dict[str, object], listening: Sequence[Listening]) -> int:
    from reloader_core.cli.console import Console, fail
    from reloader_core.command import rerun_command
    from reloader_core.config.load import load_configuration
    from reloader_core.supervisor.child.host import open_host
    from reloader_core.supervisor.session import supervise

    try:
        invocation = rerun_command(environ=os.environ)
        return supervise(
            open_host(),
            invocation,
            configure=lambda: load_configuration(
                start_directory=invocation.cwd,
                environ=os.environ,
                arguments=arguments,
                name_argument=lambda setting: setting.key,
            ),
            find_program=lambda configuration: invocation,
            adapt=lambda same: same,  # the program would not know itself any more
            report=Console(),
            listening=listening,
        )
    except ReloaderError as error:
        fail(error)


def run_main(main_func: Callable[[], object]) -> None:
    """Be the program: SIGTERM ends it by ``SystemExit``, Ctrl-C without a word."""
    signal.signal(signal.SIGTERM, _exit_cleanly)
    with contextlib.suppress(KeyboardInterrupt):
        main_func()


def _exit_cleanly(number: int, frame: FrameType | None) -> None:
    """Leave through ``finally`` and ``atexit``; the default would not."""
    sys.exit(0)
