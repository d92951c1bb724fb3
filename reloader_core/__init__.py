"""Keep a running program on the code that is on disk.

The public names of the package. They are loaded when they are first used: the
program under the reloader imports this too, and must not pay for the parts
that only the supervisor needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reloader_core.embedding import is_running_from_reloader, run_with_reloader
    from reloader_core.errors import (
        BackendUnavailableError,
        ConfigurationError,
        PluginError,
        ProgramError,
        ReloaderError,
        UsageError,
    )
    from reloader_core.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = [
    "BackendUnavailableError",
    "ConfigurationError",
    "PluginError",
    "ProgramError",
    "ReloaderError",
    "UsageError",
    "hookimpl",
    "is_running_from_reloader",
    "run_with_reloader",
]

_HOMES = {
    "hookimpl": "hookspecs",
    "is_running_from_reloader": "embedding",
    "run_with_reloader": "embedding",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value
