"""Cached bytecode never hides an edit, and is kept for what was not edited."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.saves import (
    save_by_replace_with_the_old_times,
    save_in_place_with_the_old_times,
)

if TYPE_CHECKING:
    from tests.functional.live import Live

#: Empty is not set: Python writes bytecode, next to the sources.
WRITES_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": ""}

LONG_AGO = 1_500_000_000


def bytecode_of(path: Path) -> Path:
    """Where an interpreter that caches beside the source keeps a module's bytecode."""
    prefix, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        return Path(cache_from_source(str(path)))
    finally:
        sys.pycache_prefix = prefix


def run_bare(live: Live) -> str:
    """What the program prints without the reloader, with the bytecode that is there."""
    environment = {**os.environ, **WRITES_BYTECODE}
    command = [sys.executable, "-c", "import value; print(value.VALUE)"]
    done = subprocess.run(
        command, cwd=live.directory, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_two_edits_of_one_size_within_a_second_both_run(live: Live) -> None:
    live.start(env=WRITES_BYTECODE)
    live.expect("one")
    bytecode = bytecode_of(live.value_file)
    for value in ("two", "six", "ten"):
        wait_until(bytecode.exists, "the bytecode of the module that runs")
        live.edit(value)
        live.expect(value)
    live.finish()
    assert run_bare(live) == "ten"


def test_an_edit_with_the_old_size_and_time_runs(live: Live) -> None:
    live.edit("one")
    os.utime(live.value_file, (LONG_AGO, LONG_AGO))
    live.start(env=WRITES_BYTECODE)
    live.expect("one")
    bytecode = bytecode_of(live.value_file)
    saves = (save_in_place_with_the_old_times, save_by_replace_with_the_old_times)
    for value, save in zip(("two", "six"), saves, strict=True):
        assert bytecode.exists()  # and Python would believe it: size and time agree
        save(live.value_file, assign(value))
        live.expect(value, after=save.__name__)
    live.finish()
    assert run_bare(live) == "six"


def test_an_edit_with_the_old_size_and_time_runs_after_a_crash(live: Live) -> None:
    live.edit("one")
    os.utime(live.value_file, (LONG_AGO, LONG_AGO))
    live.write("app.py", "import value\nprint('value', value.VALUE, flush=True)\n1 / 0\n")
    live.start(env=WRITES_BYTECODE)
    live.expect("one")
    live.err.wait_for("waiting for a change")
    save_in_place_with_the_old_times(live.value_file, assign("two"))
    live.expect("two")


def test_unchanged_modules_keep_their_bytecode(live: Live) -> None:
    steady = [live.write("steady.py", "X = 1\n"), live.write("package/__init__.py", "")]
    for path in steady:
        os.utime(path, (LONG_AGO, LONG_AGO))
    live.edit("one")
    live.write(
        "app.py",
        "import steady, package, value, signal\n"
        "print('value', value.VALUE, flush=True); signal.pause()\n",
    )
    live.start(env=WRITES_BYTECODE)
    live.expect("one")
    before = [bytecode_of(path).stat() for path in steady]
    for value in ("two", "six"):
        live.edit(value)
        live.expect(value)
    live.finish()
    after = [bytecode_of(path).stat() for path in steady]
    assert [(s.st_ino, s.st_mtime_ns) for s in after] == [(s.st_ino, s.st_mtime_ns) for s in before]
