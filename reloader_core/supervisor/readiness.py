"""Whether a program can do its work: it listens, it says so, or it has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.agent.protocol import Listening, Loaded, Missing, Ready, Running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.agent.protocol import Record

#: A program that listens nowhere, and says nothing, is ready when it has loaded nothing new
#: for this long. Between two modules of a slow import there is hardly ever as much.
_REST_SECONDS = 1.0

#: And one whose predecessor did, when it has not done so for this long.
_LONG_REST_SECONDS = 10.0


class Readiness:
    """Of one program after the other.

    :ivar begun_at: when the program began to run, monotonic seconds, as everywhere here.
    :ivar told_at: when it said, or its listening did, that it is ready; ``None`` before.
    :ivar is_to_be_told: whether a program before it has said so.
    """

    def __init__(self) -> None:
        self.begun_at = 0.0
        self.told_at: float | None = None
        self.is_to_be_told = False
        self._rested_since = 0.0

    def begin_program(self, now: float) -> None:
        """Another program was spawned."""
        self.told_at = None
        self.begun_at = self._rested_since = now

    def learn(self, records: Iterable[Record], now: float) -> None:
        """Its agent reports."""
        for record in records:
            if isinstance(record, Listening | Ready):
                self.note_ready(now)
            elif isinstance(record, Loaded | Missing | Running):
                self._rested_since = now

    def note_ready(self, now: float) -> None:
        """It is ready, whoever says so."""
        self.is_to_be_told = True
        if self.told_at is None:
            self.told_at = now

    def ready_at(self) -> float:
        """When it counts as ready if nothing else comes in."""
        if self.told_at is not None:
            return self.told_at
        rest = _LONG_REST_SECONDS if self.is_to_be_told else _REST_SECONDS
        return self._rested_since + rest

    def is_ready(self, now: float) -> bool:
        """Whether it can do its work."""
        return now >= self.ready_at()
