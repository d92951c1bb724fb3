"""What the ``nfs`` backend does beyond the contract, as far as it takes no server.

``tests/nfs`` has the servers.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_backends import nfs
from reloader_backends.nfs import share, sync
from reloader_backends.nfs.crew import Crew
from reloader_backends.nfs.sync import Status, status_of
from reloader_backends.nfs.ways import Ways
from reloader_core.model import Hint, Stamp
from reloader_core.testing import RULES, Rule, fake_open_request, open_backend
from tests.functional.change_sources import TRAITS, Watching, replace
from tests.functional.harness import Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reloader_core.model import ChangeSource

INTERVAL_SECONDS = 0.1


class Server:
    """Counts what is asked for, and may keep its answers back."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []
        self.is_there = threading.Event()
        self.is_there.set()
        self.most_at_a_time = 0
        self._at_a_time = 0
        self._lock = threading.Lock()

    def answer(self, path: str) -> Status | None:
        with self._lock:
            self.asked.append((time.monotonic(), path))
            self._at_a_time += 1
            self.most_at_a_time = max(self.most_at_a_time, self._at_a_time)
        try:
            self.is_there.wait()
            return status_of(path)
        finally:
            with self._lock:
                self._at_a_time -= 1

    def times_of(self, *paths: str | Path) -> list[float]:
        names = set(map(str, paths))
        return [at for at, path in list(self.asked) if path in names]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(share, "status_of", server.answer)
    yield server
    server.is_there.set()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def open_nfs(notes: list[str]) -> Iterator[Callable[..., ChangeSource]]:
    opened: list[ChangeSource] = []

    def open_source(**options: float) -> ChangeSource:
        request = fake_open_request(
            interval=INTERVAL_SECONDS,
            options=nfs.Options(**options),  # type: ignore[arg-type]
            notify=notes.append,
        )
        opened.append(nfs.open_change_source(request))
        return opened[-1]

    yield open_source
    for source in opened:
        source.close()


def make_files(directory: Path, count: int) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"module{number}.py" for number in range(count)]
    for path in paths:
        path.write_text("")
    return paths


# What is asked for, and how often


def test_one_look_asks_once_for_each_directory_on_the_way_and_each_file(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    files = make_files(tmp_path / "project" / "package", 20)
    open_nfs().watch(frozenset(map(str, files)), frozenset())
    wait_until(lambda: len(server.times_of(files[0])) >= 3)
    looks = len(server.times_of(tmp_path / "project"))
    asked = {path for _, path in server.asked}
    on_the_way = {str(path) for path in (files[0], *files[0].parents)}
    assert asked == on_the_way | set(map(str, files))
    assert len(server.asked) <= looks * len(asked)


def test_a_look_is_spread_over_its_interval(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    files = make_files(tmp_path, 60)
    open_nfs(interval=1.0).watch(frozenset(map(str, files)), frozenset())
    wait_until(lambda: len(server.times_of(*files)) >= len(files))
    times = sorted(server.times_of(*files)[: len(files)])
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert sum(pause > 0.02 for pause in pauses) >= 5


def test_installed_files_have_their_turn_less_often(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    own = make_files(tmp_path / "project", 20)
    installed = make_files(tmp_path / "lib" / "site-packages", 20)
    open_nfs().watch(frozenset(map(str, own + installed)), frozenset())
    wait_until(lambda: len(server.times_of(*own)) >= 10 * len(own))
    assert len(server.times_of(*installed)) * 5 < len(server.times_of(*own))
    wait_until(lambda: all(server.times_of(path) for path in installed))


def test_every_file_has_its_turn_though_a_directory_changes_all_the_time(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    """A database makes and removes a journal, and all is planned anew each time."""
    own = make_files(tmp_path / "project", 10)
    installed = make_files(tmp_path / "lib" / "site-packages", 30)
    open_nfs().watch(frozenset(map(str, own + installed)), frozenset())

    def have_all_had_their_turn() -> bool:
        journal = tmp_path / "project" / "journal"
        journal.touch()
        journal.unlink()
        return all(server.times_of(path) for path in own + installed)

    wait_until(have_all_had_their_turn)


def test_files_are_asked_for_less_often_while_nothing_changes(
    server: Server,
    open_nfs: Callable[..., ChangeSource],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(share, "_STEADY_SECONDS", 0.1)
    files = make_files(tmp_path, 20)
    source = open_nfs(max_interval=10 * INTERVAL_SECONDS)
    source.watch(frozenset(map(str, files)), frozenset())

    def files_per_look() -> float:
        looks = server.times_of(tmp_path)[-6:]
        in_them = [at for at in server.times_of(*files) if looks[0] <= at < looks[-1]]
        return len(in_them) / max(len(looks) - 1, 1)

    wait_until(lambda: len(server.times_of(tmp_path)) > 20 and files_per_look() <= 4)
    # A file that is replaced changes its directory, which has its turn in each look.
    replace(files[3], "x")
    began = time.monotonic()
    Watching(source).until(files[3])
    monkeypatch.setattr(share, "_STEADY_SECONDS", 100.0)
    wait_until(lambda: len(server.times_of(*files)) and files_per_look() >= 18)
    assert len([at for at in server.times_of(tmp_path) if at > began]) >= 2


def test_never_more_requests_are_under_way_than_configured(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    files = make_files(tmp_path, 200)
    source = open_nfs(concurrency=3)
    source.watch(frozenset(map(str, files)), frozenset())
    wait_until(lambda: bool(server.times_of(files[0])))
    server.is_there.clear()
    threads = threading.active_count()
    wait_until(lambda: server.most_at_a_time >= 1)
    for path in files:
        path.write_text("x")
    server.is_there.set()
    Watching(source).until(*files)
    assert server.most_at_a_time <= 3
    assert threading.active_count() <= threads + 2


@pytest.mark.parametrize("most", [1, 4])
def test_a_crew_works_side_by_side_when_it_has_to(most: int) -> None:
    crew = Crew("crew", most)
    lock, under_way, seen = threading.Lock(), [0], [0]

    def work(item: int) -> int:
        with lock:
            under_way[0] += 1
            seen[0] = max(seen[0], under_way[0])
        time.sleep(0.002)  # calls that take no time are made one after the other
        with lock:
            under_way[0] -= 1
        return item * 2

    try:
        for _ in range(3):
            done = crew.map(work, range(50), within_seconds=0.0)
            assert sorted(done) == [(item, item * 2) for item in range(50)]
        assert seen[0] <= most
        assert crew.seconds_per_call > 0.0005
        assert crew.oldest_call() is None
    finally:
        crew.close()


# A server that is away


def test_a_server_that_does_not_answer_is_told_of_once_and_nothing_waits_for_it(
    server: Server, open_nfs: Callable[..., ChangeSource], notes: list[str], tmp_path: Path
) -> None:
    files = make_files(tmp_path, 10)
    source = open_nfs(timeout_seconds=0.3, concurrency=2)
    watching = Watching(source)
    watching.watch(*files)
    server.is_there.clear()
    wait_until(lambda: bool(list(source.wait(0.1)) or notes))
    threads = threading.active_count()
    files[3].write_text("x")
    began = time.monotonic()
    source.watch(frozenset(map(str, files[:5])), frozenset())
    assert time.monotonic() - began < 5.0
    for _ in range(5):
        assert list(source.wait(0.1)) == []
    assert threading.active_count() == threads
    assert len(notes) == 1
    assert "does not answer" in notes[0]
    server.is_there.set()
    hints = watching.until(files[3])
    assert {hint.path for hint in hints} == {str(files[3])}
    wait_until(lambda: list(source.wait(0.05)) == [] and len(notes) == 2)
    assert "answers again" in notes[1]


def test_a_source_may_be_closed_while_a_server_is_away(
    server: Server, open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    files = make_files(tmp_path, 3)
    source = open_nfs()
    source.watch(frozenset(map(str, files)), frozenset())
    server.is_there.clear()
    asked = len(server.asked)
    wait_until(lambda: len(server.asked) > asked)
    source.close()
    assert list(source.wait(None)) == []


@pytest.mark.parametrize("error", [TimeoutError, PermissionError])
def test_what_cannot_be_known_is_not_taken_for_deleted(
    open_nfs: Callable[..., ChangeSource],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[OSError],
) -> None:
    path = make_files(tmp_path, 1)[0]
    source = open_nfs()
    watching = Watching(source)
    watching.watch(path)
    asked = threading.Event()

    def refuse(asked_for: str) -> Status | None:
        if asked_for == str(path):
            asked.set()
            raise error(110 if error is TimeoutError else 13, "no", asked_for)
        return status_of(asked_for)

    monkeypatch.setattr(share, "status_of", refuse)
    assert asked.wait(10.0)
    path.write_text("x")
    assert list(source.wait(3 * INTERVAL_SECONDS)) == []
    monkeypatch.setattr(share, "status_of", status_of)
    assert watching.until(path) == [Hint(path=str(path))]


def test_names_that_a_client_gives_to_removed_files_are_no_files(
    open_nfs: Callable[..., ChangeSource], tmp_path: Path
) -> None:
    watching = Watching(open_nfs())
    watching.watch(trees=[tmp_path])
    (tmp_path / ".nfs00000000018c000100000001").write_text("")
    (tmp_path / "module.py").write_text("")
    hints = watching.until(tmp_path / "module.py") + watching.hints()
    assert not any(".nfs" in hint.path for hint in hints)


# Without statx


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES if rule.slug.startswith(("an-atomic", "a-write", "a-del", "a-li"))],
)
def test_what_is_asked_for_by_opening_is_noticed_as_well(
    rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of systems without ``statx``."""
    monkeypatch.setattr(sync, "_ask", sync._ask_by_opening)
    rule.check(lambda: open_backend(nfs, interval=0.05), tmp_path, TRAITS)


def test_nothing_that_is_opened_keeps_it_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        assert sync._ask_by_opening(str(path)).stamp == Stamp.of(path.stat())


# The order


def levels_of(*paths: Path) -> list[list[str]]:
    ways = Ways()
    for path in paths:
        ways.add_file(str(path))
    return ways.levels


def level_of(levels: list[list[str]], path: Path) -> int:
    return next(number for number, level in enumerate(levels) if str(path) in level)


def test_directories_are_asked_for_from_the_top_down(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "module.py"
    levels = levels_of(path)
    flat = [directory for level in levels for directory in level]
    assert flat == [str(parent) for parent in reversed(path.parents)]


def test_where_a_link_leads_is_asked_for_before_what_is_behind_it(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "deep" / "down"
    real.mkdir(parents=True)
    (tmp_path / "link").symlink_to("elsewhere/../elsewhere/deep")
    (tmp_path / "top.py").symlink_to(real / "module.py")
    levels = levels_of(tmp_path / "link" / "down" / "module.py", tmp_path / "top.py")
    spelled = tmp_path / "elsewhere" / ".." / "elsewhere" / "deep"
    assert level_of(levels, spelled) < level_of(levels, tmp_path / "link")
    assert level_of(levels, tmp_path / "link") < level_of(levels, tmp_path / "link" / "down")
    assert level_of(levels, real)


def test_links_that_lead_round_have_an_order_too(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to(".")
    levels = levels_of(tmp_path / "a" / "x.py", tmp_path / "self" / "self" / "x.py")
    assert str(tmp_path / "a") in levels[level_of(levels, tmp_path / "a")]


# Options


def test_options_that_make_no_sense_are_refused_before_anything_starts(workshop: Workshop) -> None:
    workshop.write(
        "pyproject.toml",
        '[tool.reloader]\nreloader_type = "nfs"\n'
        "[tool.reloader.nfs]\ninterval = 0\nconcurrency = 1000\ntimeout = 3\n",
    )
    workshop.write("app.py", "print('ran')")
    running = workshop.reloader("run", "app.py")
    assert running.wait() == 2
    text = running.err.text
    assert "[tool.reloader.nfs] interval is refused" in text
    assert "[tool.reloader.nfs] concurrency is refused" in text
    assert "[tool.reloader.nfs] timeout is not an option; did you mean 'timeout_seconds'?" in text
    assert "ran" not in running.out.text


def test_the_program_is_reloaded(workshop: Workshop) -> None:
    workshop.write("value.py", "text = 'one'")
    workshop.write("app.py", "import signal, value; print(value.text, flush=True); signal.pause()")
    running = workshop.reloader("run", "--reloader-type", "nfs", "--interval", "0.1", "app.py")
    running.out.wait_for("one")
    workshop.write("value.py", "text = 'two'")
    running.out.wait_for("two")
