"""Many changes that belong together are one restart, and a lone one is not waited for."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.functional.git import Repository, needs_git
from tests.functional.harness import WAITING_PROGRAM
from tests.functional.live import Live, assign

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.harness import Workshop


def test_the_last_of_twenty_quick_edits_wins_after_few_restarts(live: Live) -> None:
    live.start()
    live.expect("one")
    for number in range(20):
        live.edit(f"v{number:02}")
        time.sleep(0.05)  # the pace of the edits
    live.expect("v19")
    live.finish()
    assert live.values[-1] == "v19"
    assert live.restarts <= 4


def many_modules(live: Live, count: int) -> list[Path]:
    """Have ``value.py`` import many modules, which agree about VALUE if all are of one state."""
    live.write("modules/__init__.py", "")
    paths = [live.write(f"modules/m{number:03}.py", assign("one")) for number in range(count)]
    live.write(
        "value.py",
        "import importlib\n"
        f"names = [f'modules.m{{number:03}}' for number in range({count})]\n"
        "values = {importlib.import_module(name).VALUE for name in names}\n"
        "VALUE = '/'.join(sorted(values))\n",
    )
    return paths


@needs_git
def test_a_branch_switch_is_one_restart(live: Live) -> None:
    paths = many_modules(live, 400)
    repository = Repository(live.directory)
    repository("checkout", "--quiet", "-b", "other")
    for path in paths:
        path.write_text(assign("two"))
    repository.commit("second")
    repository("checkout", "--quiet", "main")
    live.start()
    live.expect("one")
    repository("checkout", "--quiet", "other")
    live.expect("two")
    repository("checkout", "--quiet", "main")
    live.expect("one")
    assert live.finish() == ["one", "two", "one"]
    assert live.restarts == 2


def test_a_lone_save_is_not_waited_for(live: Live, workshop: Workshop) -> None:
    live.start()
    live.expect("one")
    restarts, starts = [], []
    for number in range(3):
        time.sleep(0.6)  # a save this much later has nothing to do with the one before
        saved_at = time.monotonic()
        live.edit(f"v{number}")
        live.expect(f"v{number}")
        restarts.append(time.monotonic() - saved_at)
        started_at = time.monotonic()
        bare = workshop.start([sys.executable, "app.py"])
        bare.out.wait_for("value")
        starts.append(time.monotonic() - started_at)
        bare.stop()
    # The end of a burst is waited for 150 ms. A busy machine makes everything slower.
    assert min(restarts) < 2 * min(starts) + 0.15


#: One for the first file, which cannot know of the others and does not wait for them,
#: and one for the rest. To a supervisor that gets no processor for a while, a pause
#: looks longer than it is, so there may be one or two more.
FEW_RESTARTS = 4


def test_four_hundred_files_written_over_a_second_are_few_restarts(live: Live) -> None:
    paths = many_modules(live, 400)
    live.start()
    live.expect("one")
    for number, path in enumerate(paths):
        path.write_text(assign("two"))
        if number % 10 == 9:
            time.sleep(0.025)  # the writer's pace
    live.expect("two")
    live.finish()
    assert live.restarts <= FEW_RESTARTS


@pytest.mark.parametrize(
    "pauses_seconds",
    [[0.020 + 0.010 * (number * 7 % 11) for number in range(40)], [0.250] * 10],
    ids=["20 to 120 ms for each of 40 files", "250 ms for each of 10 files"],
)
def test_a_slow_formatter_over_a_tree_is_few_restarts(
    live: Live, pauses_seconds: list[float]
) -> None:
    paths = many_modules(live, len(pauses_seconds))
    live.start()
    live.expect("one")
    for path, pause in zip(paths, pauses_seconds, strict=True):
        path.write_text(assign("two"))
        time.sleep(pause)  # the writer's pace
    live.expect("two")
    live.finish()
    assert live.restarts <= FEW_RESTARTS


@needs_git
def test_a_slow_checkout_is_one_restart(live: Live) -> None:
    """git runs a filter for each file, and holds its lock until it has written the last one."""
    paths = many_modules(live, 6)
    live.write(".gitattributes", "modules/m*.py filter=slow\n")
    repository = Repository(live.directory)
    for path in paths:
        path.write_text(assign("two"))
    repository.commit("second")
    repository("config", "filter.slow.smudge", "sleep 0.2; cat")
    live.start()
    live.expect("two")
    repository("checkout", "--quiet", "HEAD~1")
    live.expect("one")
    assert live.finish() == ["two", "one"]
    assert live.restarts == 1


def edit_under_lock(live: Live, directory: Path, lock: Path) -> None:
    """Edit, and have nothing happen before git has given up its lock; then one restart."""
    lock.touch()
    (directory / "value.py").write_text(assign("bad"))
    live.err.wait_for("index.lock is there: waiting until version control is done")
    (directory / "value.py").write_text(assign("two"))
    lock.unlink()
    live.expect("two")
    assert live.finish() == ["one", "two"]
    assert live.restarts == 1


@needs_git
def test_nothing_is_restarted_while_git_holds_its_lock(live: Live) -> None:
    live.edit("one")
    lock = Repository(live.directory).index_lock
    live.start()
    live.expect("one")
    edit_under_lock(live, live.directory, lock)


@needs_git
def test_what_git_brings_back_to_what_it_was_restarts_nothing(live: Live) -> None:
    live.edit("one")
    repository = Repository(live.directory)
    live.start()
    live.expect("one")
    repository.index_lock.touch()
    live.edit("two")
    live.err.wait_for("index.lock is there: waiting until version control is done")
    live.edit("one")
    repository.index_lock.unlink()
    live.edit("six")
    live.expect("six")
    assert live.finish() == ["one", "six"]


@needs_git
def test_the_lock_of_a_worktree_counts(workshop: Workshop) -> None:
    live = Live(workshop, "auto")
    main = Repository(live.write("main/README", "").parent)
    main("worktree", "add", "--quiet", "../tree")
    tree = live.write("tree/app.py", WAITING_PROGRAM).parent
    live.edit("one", "tree/value.py")
    live.start(cwd=tree)
    live.expect("one")
    edit_under_lock(live, tree, main.directory / ".git" / "worktrees" / "tree" / "index.lock")


@needs_git
def test_the_lock_of_a_repository_above_the_project_counts(workshop: Workshop) -> None:
    live = Live(workshop, "auto")
    project = live.write("below/deep/app.py", WAITING_PROGRAM).parent
    live.edit("one", "below/deep/value.py")
    lock = Repository(live.directory).index_lock
    live.start(cwd=project)
    live.expect("one")
    edit_under_lock(live, project, lock)


@needs_git
def test_a_lock_that_stays_is_not_waited_for_without_end(workshop: Workshop) -> None:
    live = Live(workshop, "auto")
    live.edit("one")
    lock = Repository(live.directory).index_lock
    live.start()
    live.expect("one")
    lock.touch()
    live.edit("two")
    live.expect("two")
    live.edit("six")
    live.expect("six")
    assert live.finish() == ["one", "two", "six"]
    # Once it was given up on, it is not waited for again.
    assert live.err.text.count("index.lock is still there") == 1
