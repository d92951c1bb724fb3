"""Some rounds of chaos; the benchmark does a thousand."""

from __future__ import annotations

import sys

import pytest

from benchmarks.chaos.rounds import Chaos, Outcome

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(sys.platform != "linux", reason="read from /proc"),
]

#: With this seed they are of most kinds, and end the supervisor in all ways.
ROUNDS = range(1, 31)
SEED = 1


def test_faults_at_any_moment_break_nothing() -> None:
    broken: list[str] = []

    def tell(outcome: Outcome, said: list[str]) -> None:
        if outcome.broken:
            broken.append("\n".join([str(outcome), *said]))

    Chaos(backend="inotify", seed=SEED).run(ROUNDS, tell)
    assert not broken, "\n".join(broken)
