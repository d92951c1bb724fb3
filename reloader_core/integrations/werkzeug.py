"""Werkzeug's ``run_simple(use_reloader=True)``, and ``flask run --reload``, with this reloader.

For programs that are started without ``reloader run``, which needs none of this.
"""

from __future__ import annotations

import os
import socket
import sys
import warnings
from typing import TYPE_CHECKING

from reloader_core import child
from reloader_core.embedding import is_running_from_reloader, run_again, run_main
from reloader_core.supervisor.sockets.handover import FIRST_DESCRIPTOR, Listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Werkzeug's protocol: the program is the one that serves, and finds the socket that the first
# process has opened at this descriptor. See ``werkzeug.serving.run_simple``.
_IS_MAIN = "WERKZEUG_RUN_MAIN"
_DESCRIPTOR = "WERKZEUG_SERVER_FD"


def install() -> bool:
    """Put this reloader in the place of Werkzeug's, in this process.

    To be called before the server is run, where the application is made for instance. The
    options of ``run_simple`` mean what they mean for :func:`reloader_core.run_with_reloader`.

    :returns: whether it could be done; if not, there is a warning, and nothing is changed.
    :raises ImportError: there is no Werkzeug.
    """
    import werkzeug

    try:
        from werkzeug import _reloader as module
    except ImportError:
        module = None  # type: ignore[assignment]
    if not hasattr(module, "run_with_reloader"):
        from importlib.metadata import version

        warnings.warn(
            f"the reloader of Werkzeug {version(werkzeug.__name__)} is not known; it is left in"
            " place: start the program with 'reloader run'",
            stacklevel=2,
        )
        return False
    module.run_with_reloader = _run_with_reloader
    return True


def _run_with_reloader(
    main_func: Callable[[], object],
    extra_files: Iterable[str] | None = None,
    exclude_patterns: Iterable[str] | None = None,
    interval: float = 1,
    reloader_type: str = "auto",
) -> None:
    if is_running_from_reloader():
        if os.environ.get(_IS_MAIN) == "true":
            # It does not listen by itself, so that nobody sees when it does.
            child.ready()
        run_main(main_func)
        return
    run_again(
        extra_files, exclude_patterns, interval, reloader_type, listening=_take_socket(os.environ)
    )


def _take_socket(environ: os._Environ[str]) -> list[Listening]:
    """The socket that ``run_simple`` has opened, and tell the program where it finds it."""
    number = environ.get(_DESCRIPTOR, "")
    if not number.isdecimal():
        # Somebody has called the reloader, and not run_simple.
        return []
    if sys.platform == "win32":
        # It cannot be handed over: the program opens its own.
        socket.close(int(number))
        del environ[_DESCRIPTOR]
        return []
    try:
        with socket.socket(fileno=int(number)) as opened:
            taken = opened.dup() if _is_listening(opened) else None
            opened.detach()  # it stays Werkzeug's
    except OSError:
        taken = None
    if taken is None:
        return []
    environ[_IS_MAIN] = "true"
    environ[_DESCRIPTOR] = str(FIRST_DESCRIPTOR)
    return [Listening(taken, "werkzeug")]


def _is_listening(opened: socket.socket) -> bool:
    return bool(opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
