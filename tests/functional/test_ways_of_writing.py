"""However a file gets its new content, the program that runs next is the one on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.functional.git import Repository, needs_git
from tests.functional.harness import WAITING_PROGRAM
from tests.functional.live import assign
from tests.functional.saves import EDITORS_SAVES, SAVES_WITH_OLD_TIMES, write_slowly

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.live import Live
    from tests.functional.saves import Save


@pytest.mark.parametrize(
    "saves", [EDITORS_SAVES, SAVES_WITH_OLD_TIMES], ids=["editors", "old times"]
)
def test_every_way_of_saving_is_answered_by_the_new_code(
    live: Live, saves: tuple[Save, ...]
) -> None:
    live.start()
    live.expect("one")
    values = ["one"]
    for number, save in enumerate(saves):
        value = f"v{number:02}"
        save(live.value_file, assign(value))  # of one length, and often within one second
        live.expect(value, after=save.__name__)
        values.append(value)
    assert live.finish() == values
    assert live.restarts == len(saves)


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
def test_a_save_by_vim_itself_is_one_restart(live: Live) -> None:
    live.start()
    live.expect("one")
    for before, value, copies in (("one", "two", "yes"), ("two", "six", "no")):
        options = ["-c", "set writebackup backupcopy=" + copies]
        edit = ["-c", f"%s/{before}/{value}/", "-c", "wq"]
        command = ["vim", "-Nu", "NONE", "-es", *options, *edit, "value.py"]
        subprocess.run(
            command, cwd=live.directory, check=True, stdin=subprocess.DEVNULL, timeout=20
        )
        live.expect(value, after=f"backupcopy={copies}")
    assert live.finish() == ["one", "two", "six"]


@needs_git
def test_a_checkout_of_an_older_commit_is_answered_by_its_code(live: Live) -> None:
    live.edit("old")
    repository = Repository(live.directory)
    live.edit("new")
    repository.commit("second")
    live.start()
    live.expect("new")
    repository("checkout", "--quiet", "HEAD~1")
    live.expect("old")
    repository("checkout", "--quiet", "main")
    live.expect("new")
    assert live.finish() == ["new", "old", "new"]


def test_an_edit_under_another_name_of_the_file_is_answered(live: Live, tmp_path: Path) -> None:
    live.edit("one")
    other = tmp_path / "elsewhere" / "another_name.txt"
    other.parent.mkdir()
    os.link(live.value_file, other)
    live.start()
    live.expect("one")
    for value in ("two", "six"):
        other.write_text(assign(value))
        live.expect(value)


def test_a_deleted_module_restarts_and_its_return_heals(live: Live) -> None:
    live.start()
    live.expect("one")
    live.value_file.unlink()
    live.err.wait_for("No module named 'value'.*waiting for a change")
    live.edit("two")
    live.expect("two")


def test_a_module_moved_away_and_back_runs_again(live: Live) -> None:
    live.start()
    live.expect("one")
    away = live.value_file.rename(live.directory / "away.py")
    live.err.wait_for("No module named 'value'.*waiting for a change")
    away.rename(live.value_file)  # the same inode, with the times it had
    live.expect("one")
    assert live.finish() == ["one", "one"]


def test_a_package_swapped_by_renames_runs_anew(live: Live) -> None:
    live.write("package/__init__.py", "")
    live.write("package/inner/__init__.py", "")
    live.edit("one", "package/inner/code.py")
    live.write("value.py", "from package.inner.code import VALUE\n")
    live.start()
    live.expect("one")
    package = live.directory / "package"
    for value in ("two", "six"):
        fresh = live.directory / "fresh"
        shutil.copytree(package, fresh)
        (fresh / "inner" / "code.py").write_text(assign(value))
        old = package.rename(live.directory / f"before_{value}")
        fresh.rename(package)
        live.expect(value)
        shutil.rmtree(old)


def test_a_project_moved_away_and_back_stays_watched(live: Live) -> None:
    project = live.write("project/app.py", WAITING_PROGRAM).parent
    live.edit("one", "project/value.py")
    live.start(cwd=project)  # the program works in the directory that goes
    live.expect("one")
    away = project.rename(live.directory / "away")
    away.rename(project)
    live.edit("two", "project/value.py")
    live.expect("two")


def test_a_project_that_was_gone_for_long_is_watched_again(live: Live) -> None:
    project = live.write("project/app.py", WAITING_PROGRAM).parent
    live.edit("one", "project/value.py")
    live.start(cwd=project)
    live.expect("one")
    away = project.rename(live.directory / "away")
    live.err.wait_for("deleted|cannot be started|waiting for a change")
    away.rename(project)
    live.edit("two", "project/value.py")
    live.expect("two")


def test_what_a_writer_has_not_closed_yet_is_never_run(live: Live) -> None:
    """Each part alone is valid, and a pause is longer than what anybody waits for quiet."""
    live.start()
    live.expect("one")
    write_slowly(
        live.value_file,
        [assign("half"), assign("more"), assign("whole")],
        pauses_seconds=(0.7, 1.2),
    )
    live.expect("whole")
    assert live.finish() == ["one", "whole"]
    assert live.restarts == 1


def test_a_new_module_is_not_run_before_its_writer_has_closed_it(live: Live) -> None:
    live.write("app.py", WAITING_PROGRAM)
    live.start()
    live.err.wait_for("No module named 'value'.*waiting for a change")
    write_slowly(live.value_file, [assign("half"), assign("whole")], pauses_seconds=(0.7,))
    live.expect("whole")
    assert live.finish() == ["whole"]
