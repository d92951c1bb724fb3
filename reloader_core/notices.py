"""What the supervisor has to say to its user, as values; the command line prints them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs


class Level(enum.IntEnum):
    """How much a notice matters; ``-q`` and ``-v`` choose by it."""

    DETAIL = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@attrs.frozen(kw_only=True)
class Notice:
    """One thing worth telling.

    :ivar level: how much it matters.
    :ivar event: what kind it is, for machines: ``restarted``, ``waiting``, …
    :ivar text: one line for people.
    :ivar details: the same for machines.
    """

    level: Level
    event: str
    text: str
    details: Mapping[str, object] = attrs.field(factory=dict)


#: Whoever shows notices. Called from any thread.
Report: TypeAlias = Callable[[Notice], None]
