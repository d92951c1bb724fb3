"""Says which of the kernel's limits was reached, and the command that raises it."""

from __future__ import annotations

import os
import sys

from reloader_core.errors import BackendUnavailableError

__all__ = ["out_of_descriptors", "out_of_instances", "out_of_watches", "refused", "spare_watches"]

_FEWEST_WATCHES = 524_288
_FEWEST_INSTANCES = 1024
#: One watch in so many may be spent on what is seldom of use; the user has other programs.
_SPARE_PART = 8


def out_of_watches(path: str) -> BackendUnavailableError:
    """The error for ``ENOSPC`` from ``inotify_add_watch``.

    :param path: the directory that could not be watched.
    """
    limit, value = _lower_limit("max_user_watches", "max_inotify_watches")
    return BackendUnavailableError(
        f"inotify: {path} cannot be watched, all {limit}={value} watches of this user are taken; "
        f"raise it with: sudo sysctl -w {limit}={max(_FEWEST_WATCHES, 2 * value)}",
        fallback="stat",
    )


def out_of_instances() -> BackendUnavailableError:
    """The error for ``EMFILE`` from ``inotify_init``, which stands for two limits."""
    try:
        # Any descriptor will do: if one is to be had, it was not they that ran out.
        os.close(os.open("/", os.O_RDONLY))
    except OSError:
        return out_of_descriptors()
    limit, value = _lower_limit("max_user_instances", "max_inotify_instances")
    return BackendUnavailableError(
        f"inotify: all {limit}={value} instances of this user are taken; "
        f"raise it with: sudo sysctl -w {limit}={max(_FEWEST_INSTANCES, 2 * value)}",
        fallback="stat",
    )


def out_of_descriptors() -> BackendUnavailableError:
    """The error for a process that may not open any more files."""
    soft = 0
    if sys.platform != "win32":
        soft = os.sysconf("SC_OPEN_MAX")
    return BackendUnavailableError(
        f"inotify: all {soft} file descriptors of this process are open; "
        f"raise the limit with: ulimit -n {2 * soft}",
        fallback="stat",
    )


def spare_watches() -> int:
    """How many watches there may be before none is added that could be done without."""
    _, value = _lower_limit("max_user_watches", "max_inotify_watches")
    return value // _SPARE_PART


def refused(path: str, error: OSError) -> BackendUnavailableError:
    """The error for a directory that has to be watched and cannot be."""
    return BackendUnavailableError(
        f"inotify: {path} cannot be watched: {error.strerror}", fallback="stat"
    )


def _lower_limit(system_name: str, namespace_name: str) -> tuple[str, int]:
    """The limit that is reached first: the system's, or that of the user namespace (a container).

    Outside of any namespace both are the same number.
    """
    system = _read_limit(f"/proc/sys/fs/inotify/{system_name}")
    namespace = _read_limit(f"/proc/sys/user/{namespace_name}")
    if namespace is not None and (system is None or namespace < system):
        return f"user.{namespace_name}", namespace
    return f"fs.inotify.{system_name}", system or 0


def _read_limit(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
