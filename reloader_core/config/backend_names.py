"""Which backends there are, held against what the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

    from reloader_core.config.schema import Configuration


def validate_backend_tables(configuration: Configuration, installed: Collection[str]) -> list[str]:
    """Find tables of backends that are not there.

    :param configuration: has the tables.
    :param installed: the names of the installed backends.
    :returns: one fault for each; empty when all is well.
    """
    return [
        f"{configuration.origins.get(name, 'pyproject.toml')}: [tool.reloader.{name}] is for a "
        f"backend that is not installed; installed: {join_names(installed)}"
        f"{did_you_mean(name, installed)}"
        for name in configuration.backend_tables
        if name not in installed
    ]


def unknown_reloader_type(
    name: str, installed: Collection[str], *, origin: str = "reloader_type"
) -> ConfigurationError:
    """The error of a backend that is not installed.

    :param name: what was asked for.
    :param installed: the names of the installed backends.
    :param origin: where it was asked for.
    """
    return ConfigurationError(
        [
            (
                f"{origin}: no backend {name!r} is installed; installed: {join_names(installed)}"
                f"{did_you_mean(name, installed)}"
            )
        ]
    )


def join_names(names: Collection[str]) -> str:
    """Names for a message, in order."""
    return ", ".join(sorted(names))
