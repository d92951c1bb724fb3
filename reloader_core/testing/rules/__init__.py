"""The rules that a change source must keep, one module for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.rule import Rule
from reloader_core.testing.rules import (
    absent,
    calm,
    directories,
    leaks,
    linked_trees,
    links,
    names,
    saves,
    threads,
    trees,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES = (
    saves,
    absent,
    directories,
    links,
    names,
    trees,
    linked_trees,
    watching,
    calm,
    threads,
    leaks,
)


def iter_rules() -> Iterator[Rule]:
    """Every rule, the simple ones first."""
    for module in _MODULES:
        yield from (value for value in vars(module).values() if isinstance(value, Rule))


RULES = tuple(iter_rules())
