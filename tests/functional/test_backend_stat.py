"""What is particular to the ``stat`` backend: what a look costs, and the rhythm of looks."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from reloader_backends.stat import SLICES, StatSource, open_change_source
from reloader_backends.stat.stamps import Stamps, stamp_of
from reloader_core.testing import RULES
from tests.functional.change_sources import DEADLINE_SECONDS, Watching, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


def rewrite(path: Path) -> None:
    """Another content; size and modification time as before."""
    status = path.stat()
    path.write_text("y" * status.st_size)
    while path.stat().st_ctime_ns == status.st_ctime_ns:  # it has the resolution of a tick
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    """Another file; size and modification time as before."""
    status = path.stat()
    other = path.with_name("other")
    other.write_text("y" * status.st_size)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def swap_directory(path: Path) -> None:
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    path.parent.rename(path.parent.with_name("old"))
    path.parent.with_name("copy").rename(path.parent)


@pytest.mark.parametrize(
    "change",
    [
        rewrite,
        replace,
        swap_directory,
        lambda path: path.unlink(),
        lambda path: shutil.rmtree(path.parent),
        lambda path: path.parent.rename(path.parent.with_name("old")),
    ],
    ids=["rewrite", "replace", "swap", "unlink", "rmtree", "rename"],
)
@pytest.mark.parametrize("siblings", [0, 30])
@pytest.mark.parametrize("root", ["project", "lib/python3.12/site-packages"])
def test_a_change_is_seen_whatever_way_the_file_is_looked_at(
    watching: Watching, tmp_path: Path, root: str, siblings: int, change: Callable[[Path], object]
) -> None:
    """By its path or from its directory, at every look or in its turn."""
    path = tmp_path / root / "package" / "module.py"
    path.parent.mkdir(parents=True)
    files = [path, *(path.with_name(f"m{number}.py") for number in range(siblings))]
    for file in files:
        file.write_text("x = 1\n")
    watching.watch(*files)
    change(path)
    watching.until(path)
    watching.drain()
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 22\n")
    watching.until(path)


def test_an_installed_file_has_its_turn_within_so_many_looks(tmp_path: Path) -> None:
    files = [tmp_path / "site-packages" / f"p{n % 40}" / f"m{n}.py" for n in range(80)]
    stamps = Stamps(slices=SLICES, rechecks=2)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
        stamps.remember(str(file), stamp_of(str(file)))
    for file in files:
        # Whoever is next in turn, so many looks are enough.
        assert stamps.look() == []
        file.write_text("x = 22\n")
        found: dict[str, object] = {}
        for _ in range(SLICES):
            found.update(stamps.look())
        assert set(found) == {str(file)}
        stamps.remember(str(file), stamp_of(str(file)))


def test_a_change_has_all_installed_files_looked_at_so_that_it_is_one_burst(tmp_path: Path) -> None:
    files = [tmp_path / "site-packages" / f"p{n}" / "m.py" for n in range(40)]
    stamps = Stamps(slices=SLICES, rechecks=2)
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("x = 1\n")
        stamps.remember(str(file), stamp_of(str(file)))
    for file in files:
        file.write_text("x = 22\n")
    changes = next(filter(None, (stamps.look() for _ in range(SLICES))))
    assert {path for path, _ in changes} == set(map(str, files))


def test_an_installation_has_all_installed_files_looked_at_at_once(tmp_path: Path) -> None:
    files = [tmp_path / "site-packages" / f"p{n}" / "m.py" for n in range(40)]
    stamps = Stamps(slices=SLICES, rechecks=2)
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("x = 1\n")
        stamps.remember(str(file), stamp_of(str(file)))
    before = (tmp_path / "site-packages").stat()
    while (tmp_path / "site-packages").stat().st_ctime_ns == before.st_ctime_ns:
        # Once may be too early: a directory's times have the resolution of a tick.
        (tmp_path / "site-packages" / f"p-{time.monotonic_ns()}.dist-info").mkdir()
    files[0].write_text("x = 22\n")
    assert [path for path, _ in stamps.look()] == [str(files[0])]


def test_an_absent_file_is_waited_for_at_every_look_wherever_it_is(tmp_path: Path) -> None:
    """Installing what is missing repairs the program: that has no turn to wait for."""
    package = tmp_path / "site-packages" / "missing"
    package.parent.mkdir()
    source = StatSource(interval_seconds=0.2, slices=SLICES)
    source.watch(frozenset({str(package / "__init__.py")}), frozenset())
    package.mkdir()
    (package / "__init__.py").write_text("")
    hints = list(source.wait(DEADLINE_SECONDS))
    source.close()
    assert [hint.path for hint in hints] == [str(package / "__init__.py")]


@pytest.mark.skipif(sys.platform != "linux", reason="counts by the process's own clock")
def test_installed_files_cost_a_fraction_of_the_project_s(tmp_path: Path) -> None:
    costs = {}
    for place in ("project", "site-packages"):
        stamps = Stamps(slices=SLICES, rechecks=2)
        for number in range(2000):
            path = tmp_path / place / f"p{number // 20}" / f"m{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
            stamps.remember(str(path), stamp_of(str(path)))
        costs[place] = min(cost_of_ten_looks(stamps) for _ in range(5))
    assert costs["site-packages"] < costs["project"] / 4


def cost_of_ten_looks(stamps: Stamps) -> float:
    before = time.thread_time()
    for _ in range(10):
        assert stamps.look() == []
    return time.thread_time() - before


def test_a_source_without_slices_looks_at_every_file_at_every_look(tmp_path: Path) -> None:
    """What others embed, with a rhythm of their own."""
    files = [tmp_path / "site-packages" / f"p{n}" / "m.py" for n in range(20)]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("x = 1\n")
    source = StatSource(interval_seconds=0.2)
    source.watch(frozenset(map(str, files)), frozenset())
    for file in files:
        file.write_text("x = 22\n")
        # One look at a time: it has to find what was written before it.
        assert [hint.path for hint in source.wait(DEADLINE_SECONDS)] == [str(file)]
    source.close()
