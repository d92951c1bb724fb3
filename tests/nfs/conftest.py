"""Tests that need the guest are collected in it only; those that boot one are spread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.nfs.guest import VARIABLE

if TYPE_CHECKING:
    import pytest

collect_ignore = [] if VARIABLE in os.environ else ["inside"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the guests over the run.

    Each takes a minute or more, and mostly waits. What runs tests side by side gives each
    of its workers a part of the list: so none of them gets all guests.
    """
    guests = [item for item in items if item.get_closest_marker("guest")]
    others = [item for item in items if not item.get_closest_marker("guest")]
    if guests:
        step = len(others) / len(guests)
        for number, guest in reversed(list(enumerate(guests))):
            others.insert(int(number * step), guest)
        items[:] = others
