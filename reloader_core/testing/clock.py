"""Time that passes when a test says so."""

from __future__ import annotations


class FakeClock:
    """Stands for ``time.monotonic`` in code that takes its clock as an argument.

    :param now: where it starts, in seconds.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time, as ``time.monotonic`` gives it."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass.

        :raises ValueError: time does not go back.
        """
        if seconds < 0:
            raise ValueError(f"a monotonic clock cannot go back by {-seconds} s")
        self.now += seconds
