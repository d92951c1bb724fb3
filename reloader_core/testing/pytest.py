"""The rules as pytest's parameters. Only this module needs pytest."""

from __future__ import annotations

import pytest

from reloader_core.testing.rules import RULES

__all__ = ["change_source_rules"]


def change_source_rules() -> list[object]:
    """Every rule, with its name as the test's id, for ``pytest.mark.parametrize``."""
    return [pytest.param(rule, id=rule.slug) for rule in RULES]
