"""`track_opened_files`: an edit of what the program reads restarts it, its own writing does not."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the agent needs Unix sockets")

HOWS = {"option": ["--track-opened-files"], "variable": [], "file": []}


def start(workshop: Workshop, text: str, *options: str) -> Running:
    workshop.write("app.py", f"import os, signal, sys\n{text}\nsignal.pause()\n")
    return workshop.reloader("run", "--track-opened-files", *options, "app.py")


def restarts(running: Running) -> list[str]:
    return [line for line in running.err.lines if "restarted" in line]


def has_restarted(running: Running, count: int) -> bool:
    return len(restarts(running)) >= count


@pytest.mark.parametrize("how", HOWS)
def test_an_edit_of_a_file_that_the_program_reads_restarts_it(workshop: Workshop, how: str) -> None:
    if how == "file":
        workshop.write("pyproject.toml", "[tool.reloader]\ntrack_opened_files = true\n")
    env = {"RELOADER_TRACK_OPENED_FILES": "yes"} if how == "variable" else None
    workshop.write("data/settings.ini", "one")
    workshop.write(
        "app.py",
        "import signal\n"
        "print('read', open('data/settings.ini').read(), flush=True)\n"
        "signal.pause()\n",
    )
    running = workshop.reloader("run", *HOWS[how], "app.py", env=env)
    for text in ("one", "two", "three"):
        if text != "one":
            workshop.write("data/settings.ini", text)
        running.out.wait_for(f"read {text}")
    assert running.err.wait_for("data/settings.ini changed: restarted")


def test_without_it_such_an_edit_restarts_nothing(workshop: Workshop) -> None:
    workshop.write("data.txt", "one")
    workshop.write("value.py", "VALUE = 1\n")
    workshop.write(
        "app.py",
        "import signal, value\n"
        "print(value.VALUE, open('data.txt').read(), flush=True)\n"
        "signal.pause()\n",
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("1 one")
    workshop.write("data.txt", "two")
    workshop.write("value.py", "VALUE = 2\n")
    running.out.wait_for("2 two")
    assert not any("data.txt" in line for line in restarts(running))


WRITERS = {
    "log": "open('own', 'a').write('line')",
    "read, then written": "open('own').read(); open('own', 'w').write(str(os.getpid()))",
    "read, then replaced": (
        "open('own').read(); open('new', 'w').write(str(os.getpid())); os.replace('new', 'own')"
    ),
    "read, then removed": ("os.path.exists('own') and [open('own').read(), os.remove('own')]"),
    "database": (
        "import sqlite3; own = sqlite3.connect('own.db');"
        " own.execute('create table if not exists t (a)');"
        " own.execute('insert into t values (1)'); own.commit()"
    ),
    "read by one process, written by another": (
        "open('own').read(); os.fork() or [open('own', 'w').write('x'), os._exit(0)]; os.wait()"
    ),
}


@pytest.mark.parametrize("case", WRITERS)
@pytest.mark.parametrize("backend", ["inotify", "stat"])
def test_a_file_that_the_program_writes_does_not_restart_it(
    workshop: Workshop, case: str, backend: str
) -> None:
    workshop.write("own", "text")
    workshop.write("data.txt", "one")
    running = start(
        workshop,
        f"text = open('data.txt').read()\n{WRITERS[case]}\nprint('wrote after', text, flush=True)",
        *("--reloader-type", backend, "--interval", "0.1"),
    )
    running.out.wait_for("wrote after one")
    for count, text in enumerate(("two", "three"), start=1):
        # By now, or together with this edit, its own doing would be noticed.
        workshop.write("data.txt", text)
        running.out.wait_for(f"wrote after {text}")
        wait_until(partial(has_restarted, running, count))
    running.stop()
    assert len(restarts(running)) == 2
    assert all(line.startswith("[reloader] data.txt changed: ") for line in restarts(running))


def test_an_extra_file_counts_though_the_program_writes_it(workshop: Workshop) -> None:
    workshop.write("data.txt", "one")
    running = start(
        workshop,
        "import os\n"
        "text = open('data.txt').read()\n"
        # Once only: started again because of that, it would write over the edit.
        "if not os.path.exists('written'):\n"
        "    with open('written', 'w'), open('data.txt', 'w') as file: file.write(text)\n"
        "print('read and wrote', text, flush=True)",
        *("--extra-file", "data.txt"),
    )
    running.out.wait_for("read and wrote one")
    workshop.write("data.txt", "two")
    running.out.wait_for("read and wrote two")


def test_what_is_excluded_by_default_is_left_alone(workshop: Workshop) -> None:
    workshop.write("venv/data.txt", "one")
    workshop.write("value.txt", "1")
    running = start(
        workshop,
        "print('read', open('venv/data.txt').read(), open('value.txt').read(), flush=True)",
    )
    running.out.wait_for("read one 1")
    workshop.write("venv/data.txt", "two")
    workshop.write("value.txt", "2")
    running.out.wait_for("read two 2")
    assert not any("venv" in line for line in restarts(running))
