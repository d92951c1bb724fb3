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
    """Of one program after the other."""

    def __init__(self) -> None:
        self._is_known = False
        self._has_told = False
        self._rested_since = 0.0

    def begin_program(self, now: float) -> None:
        """Another program runs.

        :param now: monotonic seconds, as everywhere here.
        """
        self._is_known = False
        self._rested_since = now

    def learn(self, records: Iterable[Record], now: float) -> None:
        """Its agent reports."""
        for record in records:
            if isinstance(record, Listening | Ready):
                self._is_known = self._has_told = True
            elif isinstance(record, Loaded | Missing | Running):
                self._rested_since = now

    def ready_at(self) -> float:
        """When it counts as ready if nothing else comes in."""
        if self._is_known:
            return 0.0
        rest = _LONG_REST_SECONDS if self._has_told else _REST_SECONDS
        return self._rested_since + rest

    def is_ready(self, now: float) -> bool:
        """Whether it can do its work."""
        return now >= self.ready_at()
