"""What is true of every built-in backend: no change to a watched path goes without a hint."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_backends import inotify, stat, watchdog
from reloader_core.model import ChangeSource, Hint, OpenRequest
from tests.functional.change_sources import (
    DEADLINE_SECONDS,
    Watching,
    covers,
    open_source,
    replace,
    retarget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BACKENDS = [
    pytest.param(stat.open_change_source, id="stat"),
    pytest.param(
        inotify.open_change_source,
        id="inotify",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's"),
    ),
    pytest.param(watchdog.open_change_source, id="watchdog"),
]


@pytest.fixture(params=BACKENDS)
def watching(request: pytest.FixtureRequest) -> Iterator[Watching]:
    source = open_source(request.param)
    yield Watching(source)
    source.close()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "project" / "package" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text("x = 1\n")
    return path


def delete_and_recreate(path: Path) -> None:
    path.unlink()
    path.write_text("x = 2\n")


def write_after_backup(path: Path) -> None:
    """What vim does with ``backupcopy=no``."""
    path.rename(path.with_name(path.name + "~"))
    path.write_text("x = 2\n")
    path.with_name(path.name + "~").unlink()


def rename_over_backup(path: Path) -> None:
    """What PyCharm's "safe write" does."""
    new, old = path.with_name("module.py___jb_tmp___"), path.with_name("module.py___jb_old___")
    new.write_text("x = 2\n")
    path.rename(old)
    new.rename(path)
    old.unlink()


@pytest.mark.parametrize(
    "save",
    [
        lambda path: path.write_text("x = 22\n"),
        lambda path: replace(path, "x = 2\n"),
        delete_and_recreate,
        write_after_backup,
        rename_over_backup,
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("other.py")),
        lambda path: shutil.rmtree(path.parent),
    ],
    ids=["in place", "replace", "recreate", "vim", "pycharm", "delete", "rename", "rmtree"],
)
def test_every_way_to_change_a_file_is_hinted_at(
    watching: Watching, module: Path, save: Callable[[Path], object]
) -> None:
    watching.watch(module)
    save(module)
    watching.until(module)


def test_each_of_many_changes_is_hinted_at(watching: Watching, module: Path) -> None:
    watching.watch(module)
    for number in range(6):
        (replace if number % 2 else Path.write_text)(module, f"x = {'1' * number}\n")
        watching.until(module)
        watching.drain()


def test_an_unchanged_file_gives_no_hint(watching: Watching, module: Path) -> None:
    watching.watch(module)
    module.read_text()
    module.with_name("another.py").write_text("")
    assert watching.hints() == []


def test_a_file_without_a_directory_is_hinted_at_when_it_appears(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "a" / "b" / "c" / "module.py"
    watching.watch(path)
    path.parent.mkdir(parents=True)
    watching.drain()
    path.write_text("x = 1\n")
    watching.until(path)


def test_a_file_that_appears_with_its_directories_is_hinted_at(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "a" / "b" / "c" / "module.py"
    watching.watch(path)
    path.parent.mkdir(parents=True)
    path.write_text("x = 1\n")
    watching.until(path)


def test_a_file_is_hinted_at_when_it_comes_back_much_later(
    watching: Watching, module: Path
) -> None:
    watching.watch(module)
    shutil.rmtree(module.parent)
    watching.until(module)
    watching.drain()
    module.parent.mkdir()
    watching.drain()
    module.write_text("x = 2\n")
    watching.until(module)
    watching.drain()
    module.write_text("x = 33\n")
    watching.until(module)


def test_a_path_through_a_file_is_hinted_at_when_that_becomes_a_directory(
    watching: Watching, tmp_path: Path
) -> None:
    """An archive on ``sys.path`` leads to such paths."""
    archive = tmp_path / "library.zip"
    archive.write_text("")
    watching.watch(archive / "module.py")
    archive.unlink()
    archive.mkdir()
    watching.drain()
    (archive / "module.py").write_text("")
    watching.until(archive / "module.py")


def test_a_directory_removed_under_a_process_that_works_in_it_is_noticed_when_made_again(
    watching: Watching, module: Path
) -> None:
    """The kernel keeps such a directory, and tells nobody that it was removed."""
    project = module.parent.parent
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=project, stdin=subprocess.PIPE):
        watching.watch(module)
        shutil.rmtree(project)
        watching.until(module)
        watching.drain()
        module.parent.mkdir(parents=True)
        module.write_text("x = 2\n")
        watching.until(module)
        watching.drain()
        module.write_text("x = 33\n")
        watching.until(module)


def test_every_link_of_a_chain_counts(watching: Watching, tmp_path: Path) -> None:
    """link -> hop/second -> (linked directory)/file: each of them, and the file."""
    for name in ("one", "two", "hop", "entry"):
        (tmp_path / name).mkdir()
    for name in ("one", "two"):
        (tmp_path / name / "file.py").write_text(name)
    (tmp_path / "current").symlink_to("one")
    (tmp_path / "hop" / "second").symlink_to("../current/file.py")
    link = tmp_path / "entry" / "link.py"
    link.symlink_to(tmp_path / "hop" / "second")
    watching.watch(link)

    (tmp_path / "one" / "file.py").write_text("edited")
    watching.until(link)
    watching.drain()
    retarget(tmp_path / "current", "two")
    watching.until(link)
    watching.drain()
    replace(tmp_path / "two" / "file.py", "edited too")
    watching.until(link)
    watching.drain()
    retarget(tmp_path / "hop" / "second", tmp_path / "one" / "file.py")
    watching.until(link)
    watching.drain()
    retarget(link, tmp_path / "two" / "file.py")
    watching.until(link)
    watching.drain()
    (tmp_path / "two" / "file.py").write_text("edited three times")
    watching.until(link)


def test_a_file_in_a_linked_directory_is_hinted_at_as_it_was_spelled(
    watching: Watching, module: Path, tmp_path: Path
) -> None:
    (tmp_path / "linked").symlink_to(module.parent)
    path = os.path.join(tmp_path, "linked", "..", "package", ".", "module.py")
    watching.watch(path, tmp_path / "linked" / "module.py")
    module.write_text("x = 22\n")
    watching.until(path, tmp_path / "linked" / "module.py")


def test_a_link_that_led_nowhere_is_hinted_at_when_it_leads_somewhere(
    watching: Watching, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "link.py"
    link.symlink_to(tmp_path / "there" / "file.py")
    watching.watch(link, tmp_path / "here" / "link.py" / "below.py")
    watching.drain()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file.py").write_text("")
    watching.until(link)


def test_a_circle_of_links_is_hinted_at_when_it_is_broken(
    watching: Watching, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to("second")
    second.symlink_to("first")
    watching.watch(first, first / "module.py")
    watching.drain()
    second.unlink()
    second.mkdir()
    (second / "module.py").write_text("")
    watching.until(first, first / "module.py")


def test_a_kubernetes_volume_swap_is_hinted_at(watching: Watching, tmp_path: Path) -> None:
    """``settings.py -> ..data/settings.py``, and ``..data`` is renamed over."""
    for version in ("..v1", "..v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "settings.py").write_text(version)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "settings.py").symlink_to("..data/settings.py")
    watching.watch(tmp_path / "settings.py")
    for version in ("..v2", "..v1", "..v2"):
        retarget(tmp_path / "..data", version)
        watching.until(tmp_path / "settings.py")
        watching.drain()


def test_a_package_swapped_by_renames_is_hinted_at(watching: Watching, module: Path) -> None:
    package = module.parent
    watching.watch(module)
    shutil.copytree(package, package.with_name("new"))
    (package.with_name("new") / "module.py").write_text("x = 22\n")
    watching.drain()
    package.rename(package.with_name("old"))
    package.with_name("new").rename(package)
    watching.until(module)
    watching.drain()
    module.write_text("x = 333\n")
    watching.until(module)


def test_a_project_moved_away_and_back_stays_watched(watching: Watching, module: Path) -> None:
    project = module.parent.parent
    watching.watch(module)
    project.rename(project.with_name("away"))
    watching.until(module)
    watching.drain()
    project.with_name("away").rename(project)
    watching.until(module)
    watching.drain()
    module.write_text("x = 22\n")
    watching.until(module)


def test_a_change_under_another_name_of_the_file_is_hinted_at(
    watching: Watching, module: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere.py"
    os.link(module, other)
    watching.watch(module)
    other.write_text("x = 22\n")
    watching.until(module)
    watching.drain()
    replace(module, "x = 3\n")
    watching.until(module)
    watching.drain()
    other.write_text("x = 4444\n")
    assert watching.hints() == []


def test_a_tree_tells_of_files_now_and_later(watching: Watching, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "old.py").write_text("")
    watching.watch(trees=[root])
    (root / "sub" / "old.py").write_text("x")
    watching.until(root / "sub" / "old.py")
    watching.drain()
    (root / "sub" / "new.py").write_text("")
    watching.until(root / "sub" / "new.py")
    watching.drain()
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "deep.py").write_text("")
    watching.until(root / "a" / "b" / "deep.py")
    watching.drain()
    (root / "a" / "b" / "deep.py").write_text("x")
    watching.until(root / "a" / "b" / "deep.py")
    watching.drain()
    (root / "a").rename(root / "z")
    watching.until(root / "a" / "b" / "deep.py", root / "z" / "b" / "deep.py")
    watching.drain()
    replace(root / "z" / "b" / "deep.py", "xy")
    watching.until(root / "z" / "b" / "deep.py")
    watching.drain()
    (root / "sub" / "old.py").unlink()
    watching.until(root / "sub" / "old.py")


def test_a_tree_is_silent_about_what_its_filter_does_not_want(
    watching: Watching, tmp_path: Path
) -> None:
    (tmp_path / "node_modules" / "deep").mkdir(parents=True)
    watching.watch(trees=[tmp_path])
    (tmp_path / "node_modules" / "deep" / "a.py").write_text("")
    (tmp_path / "notes.log").write_text("")
    (tmp_path / "notes.log").write_text("more")
    assert watching.hints() == []


def test_a_tree_may_begin_where_nothing_is_yet(watching: Watching, tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    watching.watch(trees=[root])
    root.mkdir(parents=True)
    (root / "new.py").write_text("")
    watching.until(root / "new.py")
    watching.drain()
    shutil.rmtree(root)
    watching.until(root)
    watching.drain()
    root.mkdir()
    watching.drain()
    (root / "new.py").write_text("")
    watching.until(root / "new.py")


def test_a_tree_moved_away_and_back_stays_watched(watching: Watching, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.py").write_text("")
    watching.watch(trees=[root])
    root.rename(tmp_path / "away")
    watching.until(root / "sub" / "a.py")
    watching.drain()
    (tmp_path / "away").rename(root)
    watching.until(root / "sub" / "a.py")
    watching.drain()
    (root / "sub" / "a.py").write_text("x")
    watching.until(root / "sub" / "a.py")


def test_a_tree_enters_linked_directories_outside_of_it_once(
    watching: Watching, tmp_path: Path
) -> None:
    root, outside, other = tmp_path / "tree", tmp_path / "outside", tmp_path / "other"
    for directory in (root / "real", outside, other):
        directory.mkdir(parents=True)
    for directory in (outside, other, root / "real"):
        (directory / "a.py").write_text("")
    (root / "linked").symlink_to(outside)
    (root / "circle").symlink_to(tmp_path)
    (root / "real" / "circle").symlink_to("..")
    (root / "again").symlink_to("real")
    watching.watch(trees=[root])
    (root / "real" / "a.py").write_text("x")
    hints = watching.until(root / "real" / "a.py")
    assert {hint.path for hint in hints} == {str(root / "real" / "a.py")}
    watching.drain()
    (outside / "a.py").write_text("x")
    watching.until(root / "linked" / "a.py")
    watching.drain()
    retarget(root / "linked", other)
    watching.until(root / "linked" / "a.py")
    watching.drain()
    (other / "a.py").write_text("xy")
    watching.until(root / "linked" / "a.py")
    watching.drain()
    (other / "sub").mkdir()
    (other / "sub" / "b.py").write_text("")
    watching.until(root / "linked" / "sub" / "b.py")


def test_a_linked_file_in_a_tree_is_watched_where_it_is(watching: Watching, tmp_path: Path) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.py").write_text("")
    (root / "a.py").symlink_to(outside / "a.py")
    watching.watch(trees=[root])
    (outside / "a.py").write_text("x")
    watching.until(root / "a.py")
    watching.drain()
    (root / "b.py").symlink_to(outside / "b.py")
    watching.drain()
    (outside / "b.py").write_text("")
    watching.until(root / "b.py")


def test_a_linked_directory_in_a_tree_may_lead_nowhere_at_first(
    watching: Watching, tmp_path: Path
) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    root.mkdir()
    (root / "linked").symlink_to(outside)
    watching.watch(trees=[root])
    outside.mkdir()
    watching.drain()
    (outside / "a.py").write_text("")
    watching.until(root / "linked" / "a.py")


def test_what_is_in_two_trees_and_a_file_of_its_own_stays_watched_when_one_goes(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "outer" / "inner" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    for number, (files, trees) in enumerate(
        [([path], [outer, inner]), ([], [outer, inner]), ([], [inner]), ([path], []), ([], [outer])]
    ):
        watching.watch(*files, trees=trees)
        watching.drain()
        path.write_text("x" * (number + 1))
        watching.until(path)
    watching.watch()
    watching.drain()
    path.write_text("")
    assert watching.hints() == []


def test_a_change_before_watching_more_is_not_lost(watching: Watching, module: Path) -> None:
    another = module.with_name("another.py")
    another.write_text("")
    watching.watch(module)
    module.write_text("x = 22\n")
    watching.watch(module, another)
    watching.until(module)


def test_files_added_while_a_wait_is_blocked_are_watched(
    watching: Watching, tmp_path: Path
) -> None:
    """One thread waits, another one watches more and more; every change arrives."""
    files = [tmp_path / f"package{number % 7}" / f"m{number}.py" for number in range(100)]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    hints: list[Hint] = []
    arrived = threading.Condition()
    stopped = threading.Event()

    def collect() -> None:
        while not stopped.is_set():
            found = list(watching.source.wait(None))
            with arrived:
                hints.extend(found)
                arrived.notify_all()

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number, path in enumerate(files):
            watching.watch(*files[: number + 1])
            path.write_text("x")
        with arrived:
            assert arrived.wait_for(
                lambda: {str(path) for path in files} <= {hint.path for hint in hints},
                DEADLINE_SECONDS,
            )
    finally:
        stopped.set()
        watching.source.close()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


@pytest.mark.parametrize("open_change_source", BACKENDS)
def test_close_wakes_a_blocked_wait_and_gives_everything_back(
    open_change_source: Callable[[OpenRequest], ChangeSource], module: Path
) -> None:
    before = count_descriptors()
    source = open_source(open_change_source, interval=60.0)
    source.watch(frozenset({str(module)}), frozenset())
    answers: list[list[Hint]] = []
    thread = threading.Thread(target=lambda: answers.append(list(source.wait(None))))
    thread.start()
    source.close()
    thread.join(DEADLINE_SECONDS)
    assert answers == [[]]
    source.close()
    assert list(source.wait(None)) == []
    assert count_descriptors() == before


def test_wait_returns_when_its_time_is_over(watching: Watching, module: Path) -> None:
    watching.watch(module)
    assert list(watching.source.wait(0)) == []
    assert list(watching.source.wait(0.01)) == []


def test_a_hint_covers_what_its_scope_says() -> None:
    assert covers(Hint.everything(), "/a")
    assert not covers(Hint(path="/a"), "/a/b")


def count_descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
