"""What can be known to be wrong before anything is started, found cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.config.backend_names import unknown_reloader_type, validate_backend_tables
from reloader_core.errors import ConfigurationError
from reloader_core.plugins.entry_points import (
    BACKENDS_GROUP,
    PLUGINS_GROUP,
    EntryPoint,
    find_entry_points,
)

if TYPE_CHECKING:
    from reloader_core.config.schema import Configuration
    from reloader_core.invocation import Invocation

_OWN_PROJECT = "reloader_core"


def installed_backends(configuration: Configuration) -> dict[str, EntryPoint]:
    """The installed backends by their ``reloader_type``.

    :raises ConfigurationError: the selected one is not among them, or there is
        a table for one that is not.
    """
    # Ours come last: a third party may serve a type of ours better, if installed.
    found = sorted(find_entry_points(BACKENDS_GROUP), key=_is_own)
    backends: dict[str, EntryPoint] = {}
    for entry in found:
        backends.setdefault(entry.name, entry)
    faults = validate_backend_tables(configuration, backends)
    if configuration.reloader_type not in backends:
        origin = configuration.origins.get("reloader_type", "reloader_type")
        error = unknown_reloader_type(configuration.reloader_type, backends, origin=origin)
        faults.extend(error.faults)
    if faults:
        raise ConfigurationError(faults)
    return backends


def nobody_else_has_a_say(
    configuration: Configuration, backends: dict[str, EntryPoint], program: Invocation
) -> bool:
    """Whether the start cannot depend on anything that is still to be loaded.

    With a plugin in play the command may be adapted, and with extra files their
    state has to be taken first. Without, the program can run while the rest of
    the supervisor is loaded.
    """
    selected = configuration.reloader_type
    return (
        not configuration.plugins
        and not configuration.extra_files
        and not program.extra_files
        and not configuration.env_files
        and selected not in configuration.backend_tables
        and _is_own(backends[selected])
        and not find_entry_points(PLUGINS_GROUP)
    )


def _is_own(entry: EntryPoint) -> bool:
    return entry.project == _OWN_PROJECT
