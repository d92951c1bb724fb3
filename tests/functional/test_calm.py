"""What is no change restarts nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import wait_until
from tests.functional.live import SERVING_PROGRAM, assign
from tests.functional.saves import (
    save_as_emacs_by_renaming,
    save_as_pycharm,
    save_as_vim,
    save_by_atomic_replace,
    save_by_delete_and_create,
    save_in_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.live import Live
    from tests.functional.saves import Save


def touch(path: Path) -> None:
    os.utime(path)


def set_a_time_long_ago(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def chmod(path: Path) -> None:
    path.chmod(0o600)


def open_for_writing_and_close(path: Path) -> None:
    path.open("a").close()


def read(path: Path) -> None:
    path.read_text()


def link_and_unlink(path: Path) -> None:
    other = path.with_name("another_name")
    os.link(path, other)
    other.unlink()


def move_away_and_back(path: Path) -> None:
    path.rename(path.with_name("away")).rename(path)


def identically(save: Save) -> Callable[[Path], None]:
    def save_what_is_there(path: Path) -> None:
        save(path, path.read_text())

    save_what_is_there.__name__ = f"identical_{save.__name__}"
    return save_what_is_there


NO_CHANGES: list[Callable[[Path], None]] = [
    touch,
    set_a_time_long_ago,
    chmod,
    open_for_writing_and_close,
    read,
    link_and_unlink,
    move_away_and_back,
    identically(save_in_place),
    identically(save_by_atomic_replace),
    identically(save_as_vim),
    identically(save_as_emacs_by_renaming),
    identically(save_as_pycharm),
    identically(save_by_delete_and_create),
]


def test_what_is_no_change_restarts_nothing(live: Live) -> None:
    live.start_with_witness()
    live.expect("one")
    live.edit("two")
    live.expect("two")
    live.let_look()
    for leave_alone in NO_CHANGES:
        leave_alone(live.value_file)
        live.let_look()
        assert live.values == ["one", "two"], leave_alone.__name__
    live.edit("six")
    live.expect("six")
    assert live.finish() == ["one", "two", "six"]
    assert live.restarts == 2


def test_files_that_no_import_loads_restart_nothing(live: Live) -> None:
    live.start_with_witness(env={"PYTHONDONTWRITEBYTECODE": ""})
    live.expect("one")
    database = sqlite3.connect(live.directory / "data.sqlite3")
    for number in range(20):
        with (live.directory / "app.log").open("a") as log:
            log.write(f"line {number}\n")
        with database:
            database.execute(f"create table t{number} (x)")
        live.write(f"cache/{number % 3}.json", str(number))
        live.write("nobody_imports_this.py", f"x = {number}\n")
        live.write(".git/index", str(number))
        live.write(".git/refs/heads/main", str(number))
    database.close()
    command = [sys.executable, "-m", "compileall", "-q", "-f", "."]
    subprocess.run(command, cwd=live.directory, check=True)  # writes bytecode of all there is
    live.let_look()
    live.edit("two")
    live.expect("two")
    assert live.finish() == ["one", "two"]
    assert live.restarts == 1


def test_an_edit_undone_before_anybody_looks_restarts_nothing(live: Live) -> None:
    live.start_with_witness()
    live.expect("one")
    live.edit("two")
    live.expect("two")
    live.let_look()
    for save in (save_in_place, save_by_atomic_replace, save_as_vim):
        with live.asleep():
            save(live.value_file, assign("bad"))
            save(live.value_file, assign("two"))
        live.let_look()
    live.edit("six")
    live.expect("six")
    assert live.finish() == ["one", "two", "six"]
    assert live.restarts == 2


def test_an_edit_undone_at_once_is_at_most_one_restart_and_never_what_runs_at_last(
    live: Live,
) -> None:
    """A backend may look just between the two writes."""
    live.start_with_witness()
    live.expect("one")
    live.edit("bad")
    live.edit("one")
    live.let_look()
    wait_until(lambda: live.values[-1] == "one", "the code on disk to run")
    live.let_look()
    live.finish()
    assert live.values[-1] == "one"
    assert live.restarts <= 1


@pytest.mark.parametrize("leave_alone", [touch, identically(save_by_atomic_replace)])
def test_what_is_no_change_is_known_from_the_first_answer_after_a_restart(
    live: Live, leave_alone: Callable[[Path], None]
) -> None:
    """After a restart; after the very first start see docs/explanation/limits.md."""
    live.edit("one")
    live.write("other.py", "number = 0\n")
    live.write("app.py", "import other\n" + SERVING_PROGRAM)
    live.start()
    live.expect("one")
    live.edit("two")
    live.expect("two")
    assert live.ask()[0] == "two"
    leave_alone(live.value_file)
    live.write("other.py", "number = 1\n")
    live.expect("two")
    live.finish()
    line = live.err.lines[-1]  # which names all that changed
    assert line.startswith("[reloader] other.py changed: restarted")
