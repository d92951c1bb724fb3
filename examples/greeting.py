"""Edit me while the program runs."""

from __future__ import annotations


def text() -> str:
    """What the application says."""
    return "Hello, world."
