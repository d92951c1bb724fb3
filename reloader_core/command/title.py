"""What messages call a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 60


def make_title(program: Sequence[str]) -> str:
    """The program as the user would type it, in one short line that can be printed."""
    words = " ".join(" ".join(program).split())
    if len(words) > _LONGEST:
        words = words[: _LONGEST - 1] + "…"
    printable = (char if char.isprintable() else "?" for char in words)
    return "".join(printable)
