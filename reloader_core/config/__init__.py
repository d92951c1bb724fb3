"""The configuration: what can be set, where it comes from, and what is wrong with it."""

from __future__ import annotations

from reloader_core.config.backend_options import (
    build_options,
    unknown_reloader_type,
    validate_backend_tables,
)
from reloader_core.config.load import load_configuration
from reloader_core.config.schema import SETTINGS, Configuration, Setting

__all__ = [
    "SETTINGS",
    "Configuration",
    "Setting",
    "build_options",
    "load_configuration",
    "unknown_reloader_type",
    "validate_backend_tables",
]
