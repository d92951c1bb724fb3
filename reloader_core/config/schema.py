"""The configuration as the rest of the program sees it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reloader_core.stamp import Stamp


class Configuration(NamedTuple):
    """What the user wants, complete and checked.

    A named tuple, because it is needed before the program is started, and attrs
    is not.

    :ivar reloader_type: the backend's name.
    :ivar interval: seconds between two looks, for backends that look; above 0.
    :ivar extra_files: paths and patterns to watch beyond what the program loads.
    :ivar env_files: absolute paths of files with environment variables for the program.
    :ivar exclude_patterns: gitignore patterns of what is left alone.
    :ivar track_opened_files: whether files of the project that the program opens to
        read are watched like those it loads.
    :ivar plugins: modules with hooks, or installed plugins, to be loaded by name.
    :ivar restart: how a replacement is started.
    :ivar hold_in_debugger: whether changes wait while the program is at a prompt.
    :ivar restart_on_enter: whether Enter on the terminal restarts the program.
    :ivar grace_seconds: seconds that a program gets to end by itself.
    :ivar stop_signal: the name of the signal that asks a program to end.
    :ivar pass_signals: names of signals that are passed on to the program.
    :ivar restart_signal: the name of the signal that restarts it; empty for none.
    :ivar bind: addresses of the sockets that outlive restarts.
    :ivar backlog: how many connections wait at each of them.
    :ivar keep_sockets: whether the sockets that the program listens on outlive it.
    :ivar adapt: whether the commands of known frameworks are made fit for a reloader.
    :ivar command: the program to run when none is given.
    :ivar log_format: how messages are written: ``text`` or ``json``.
    :ivar project_root: the directory of ``pyproject.toml``, else the one the
        reloader was started in; patterns start there.
    :ivar configuration_files: where it was read from, or would be if a file were there,
        with their stamps from before that; ``None`` for a file that was not there.
    :ivar backend_tables: ``[tool.reloader.<type>]``, unchecked, by type.
    :ivar origins: where each value that is not a default comes from, by key; for
        a backend's table, by its type.
    """

    project_root: str
    reloader_type: str = "auto"
    interval: float = 1.0
    extra_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()
    track_opened_files: bool = False
    plugins: tuple[str, ...] = ()
    restart: str = "spawn"
    hold_in_debugger: bool = True
    restart_on_enter: bool = True
    grace_seconds: float = 5.0
    stop_signal: str = "SIGTERM"
    pass_signals: tuple[str, ...] = ("SIGUSR1", "SIGUSR2", "SIGWINCH")
    restart_signal: str = ""
    bind: tuple[str, ...] = ()
    backlog: int = 2048
    keep_sockets: bool = True
    adapt: bool = True
    command: tuple[str, ...] = ()
    log_format: str = "text"
    configuration_files: tuple[tuple[str, Stamp | None], ...] = ()
    backend_tables: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    origins: Mapping[str, str] = MappingProxyType({})

    def differences(self, other: Configuration) -> list[str]:
        """The fields in which another one means something else."""
        names = [name for name in self._fields if name not in ("origins", "configuration_files")]
        return [name for name in names if getattr(self, name) != getattr(other, name)]
