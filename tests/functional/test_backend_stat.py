"""What is particular to the ``stat`` backend: what a look costs, and the rhythm of looks."""

from __future__ import annotations

import itertools
import sys
import time
from typing import TYPE_CHECKING

import pytest

from reloader_backends.stat import StatSource, open_change_source
from reloader_core.testing import RULES
from tests.functional.change_sources import DEADLINE_SECONDS, Watching, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def watching() -> Iterator[Watching]:
    source = open_source(open_change_source)
    yield Watching(source)
    source.close()


def test_close_does_not_wait_for_the_next_look(tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule.name == "close wakes a blocked wait")
    rule.check(lambda: StatSource(interval_seconds=60.0), tmp_path)


def test_a_change_is_told_once(watching: Watching, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    watching.watch(path)
    path.write_text("x = 22\n")
    assert [hint.path for hint in watching.until(path)] == [str(path)]
    assert watching.hints() == []


def test_every_appearance_within_a_tick_of_the_clock_is_seen(
    watching: Watching, tmp_path: Path
) -> None:
    """The directory's own time stamp may stay as it is when a second file is made."""
    paths = [tmp_path / f"m{number}.py" for number in range(200)]
    watching.watch(*paths)
    for path in paths:
        path.write_text("")
    watching.until(*paths)
    watching.drain()
    for path in paths:
        path.unlink()
    watching.until(*paths)
    watching.drain()
    paths[0].write_text("")
    watching.until(paths[0])


@pytest.mark.skipif(sys.platform != "linux", reason="counts by the process's own clock")
def test_absent_files_cost_next_to_nothing(tmp_path: Path) -> None:
    """However many they are: after a while only the directory is looked at."""
    files = frozenset(str(tmp_path / f"d{n % 100}" / f"m{n}.py") for n in range(20_000))
    source = StatSource(interval_seconds=0.25)
    source.watch(files, frozenset())
    started = time.monotonic()
    costs: list[float] = []
    while not costs or costs[-1] > 0.005:
        before = time.thread_time()
        assert list(source.wait(0.25)) == []
        costs.append(time.thread_time() - before)
        assert time.monotonic() < started + 3 * DEADLINE_SECONDS, costs
    source.close()


def test_an_interval_passes_between_looks_whenever_wait_is_called(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("")
    source = StatSource(interval_seconds=0.2)
    source.watch(frozenset({str(path)}), frozenset())
    seen = []
    for number in itertools.count(1):
        path.write_text("x" * number)
        while not list(source.wait(0.01)):
            pass
        seen.append(time.monotonic())
        if number == 4:
            break
    source.close()
    # Three intervals lie between the first look and the fourth, whatever delayed them.
    assert seen[-1] - seen[0] > 2 * 0.2


def test_a_path_that_cannot_be_is_absent(watching: Watching, tmp_path: Path) -> None:
    watching.watch(tmp_path / ("x" * 5000), str(tmp_path) + "/a\0b", trees=[f"{tmp_path}/\0"])
    assert watching.hints() == []
