"""Every error this project raises on purpose: one small tree that says who is at fault.

The command line prints such an error as one line and exits with the class's
``exit_code``. Any other exception is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

__all__ = [
    "BackendUnavailableError",
    "ConfigurationError",
    "PluginError",
    "ProgramError",
    "ReloaderError",
    "UsageError",
]


class ReloaderError(Exception):
    """Base of all expected errors. ``str(error)`` is subject, fault and what to do."""

    exit_code = 1


class UsageError(ReloaderError):
    """The user asked for something that cannot be: an unknown option, say."""

    exit_code = 2


class ConfigurationError(UsageError):
    """The configuration has faults; all of them are reported at once.

    :param faults: one sentence each, naming the source, the key and the remedy.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class ProgramError(UsageError):
    """The program to run does not exist or cannot be run again."""


class PluginError(ReloaderError):
    """A plugin that was asked for by name cannot be used."""

    exit_code = 2


class BackendUnavailableError(ReloaderError):
    """A backend cannot work here, or can no longer: a limit, a missing kernel feature.

    :param message: names the limit and how to raise it.
    :param fallback: the ``reloader_type`` that serves instead; ``None`` for the one
        that works everywhere. The supervisor switches to it and shows the message.
    """

    def __init__(self, message: str, *, fallback: str | None = None) -> None:
        super().__init__(message)
        self.fallback = fallback
