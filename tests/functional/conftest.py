"""Fixtures of the tests that run the real command with every backend there is."""

from __future__ import annotations

import pytest

from tests.functional.harness import BACKENDS, Workshop
from tests.functional.live import Live


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each installed backend in turn."""
    return str(request.param)


@pytest.fixture
def live(workshop: Workshop, backend: str) -> Live:
    """A program to be followed from edit to edit."""
    return Live(workshop, backend)
