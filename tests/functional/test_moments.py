"""Whenever an edit is made, the code on disk runs in the end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import WAITING_PROGRAM
from tests.functional.live import assign, open_gate

if TYPE_CHECKING:
    from tests.functional.live import Live

#: With it the program edits its own module, once, at the very moment that a test is about.
EDITS_ITSELF = """\
import os
if not os.path.exists("has_edited"):
    os.mkdir("has_edited")
    open("value.py", "w").write("VALUE = 'two'\\n")
"""


def test_an_edit_before_a_module_is_imported_is_what_runs_and_no_reason_to_restart(
    live: Live,
) -> None:
    live.edit("one")
    live.write("app.py", EDITS_ITSELF + WAITING_PROGRAM)
    live.start_with_witness()
    live.expect("two")
    live.let_look()
    assert live.finish() == ["two"]
    assert live.restarts == 0


@pytest.mark.parametrize("moment", ["while it runs", "after its import", "after the first output"])
def test_an_edit_of_a_module_while_the_program_starts_is_not_lost(live: Live, moment: str) -> None:
    live.write("value.py", "VALUE = 'one'\n" + EDITS_ITSELF * (moment == "while it runs"))
    live.write(
        "app.py",
        "import value\n"
        + EDITS_ITSELF * (moment == "after its import")
        + WAITING_PROGRAM.replace(
            "signal.pause()", EDITS_ITSELF * (moment == "after the first output") + "signal.pause()"
        ),
    )
    live.start()
    live.expect("two")
    assert live.finish() in (["one", "two"], ["two"])
    assert live.restarts == 1


def test_an_edit_replaces_a_program_whose_start_hangs(live: Live) -> None:
    gate = live.directory / "gate"
    os.mkfifo(gate)
    live.edit("one")
    live.write(
        "app.py",
        "import value\nprint('importing', value.VALUE, flush=True)\n"
        "open('gate').close()\n" + WAITING_PROGRAM,
    )
    live.start()
    for before, value in (("one", "two"), ("two", "six")):
        live.out.wait_for(f"importing {before}")
        live.edit(value)
    live.out.wait_for("importing six")
    open_gate(gate)
    live.expect("six")
    assert live.finish() == ["six"]


def test_the_last_of_many_edits_during_a_slow_start_wins(live: Live) -> None:
    live.edit("one")
    live.write("slow.py", "import time\ntime.sleep(0.6)\n")
    live.write(
        "app.py", "import value\nprint('importing', flush=True)\nimport slow\n" + WAITING_PROGRAM
    )
    live.start()
    live.out.wait_for("importing")
    for number in range(10):
        live.edit(f"v{number}")
        time.sleep(0.05)  # the pace of the edits
    live.expect("v9")
    live.finish()
    assert live.values[-1] == "v9"
    assert live.restarts <= 4


def test_an_edit_while_the_old_program_stops_is_not_lost(live: Live) -> None:
    gate = live.directory / "gate"
    os.mkfifo(gate)
    live.edit("one")
    live.write(
        "app.py",
        "import os, signal, sys, value\n"
        "def stop(*_):\n"
        "    os.write(1, b'stopping\\n')\n"
        "    if value.VALUE == 'one':\n"
        "        open('gate').close()\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n" + WAITING_PROGRAM,
    )
    live.start()
    live.expect("one")
    live.edit("two")
    live.out.wait_for("stopping")
    for value in ("bad", "six"):
        live.edit(value)
    open_gate(gate)
    live.expect("six")
    assert live.finish() == ["one", "six"]


def test_each_of_thirty_edits_made_the_instant_the_last_is_served_is_served(live: Live) -> None:
    live.start()
    live.expect("one")
    values = ["one"]
    for number in range(30):
        value = f"v{number:02}"
        live.edit(value)
        live.expect(value)
        values.append(value)
    assert live.finish() == values
    assert live.restarts == 30


def test_an_edit_is_seen_though_the_kernels_queue_overflowed_before_it(live: Live) -> None:
    limit = Path("/proc/sys/fs/inotify/max_queued_events")
    events = int(limit.read_text()) if limit.exists() else 0
    if events > 200_000:
        pytest.skip("the queue is too long to be filled soon")
    live.start()
    live.expect("one")
    live.edit("two")
    live.expect("two")  # the watches are up
    noise = [live.directory / name for name in ("noise.txt", "noise.tmp")]
    noise[0].touch()
    with live.asleep():
        for _ in range(events // 4 + 1):  # each rename is two events
            os.rename(noise[0], noise[1])
            os.rename(noise[1], noise[0])
        live.edit("six")
    live.expect("six")
    live.value_file.write_text(assign("end"))
    live.expect("end")
    assert live.finish() == ["one", "two", "six", "end"]
