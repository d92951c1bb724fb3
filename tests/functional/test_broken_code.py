"""Broken code never ends the supervisor: it waits for the edit that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.functional.harness import WAITING_PROGRAM

if TYPE_CHECKING:
    from tests.functional.live import Live

#: What a module can do to its program while it is imported.
FAILURES = {
    "VALUE = undefined\n": "NameError: name 'undefined' is not defined.*waiting for a change",
    "import nowhere_at_all\n": "No module named 'nowhere_at_all'.*waiting for a change",
    "raise SystemExit(2)\n": "exited with code 2; waiting for a change",
    "import os; os._exit(1)\n": "exited with code 1; waiting for a change",
    "def f(): f()\nf()\n": "RecursionError.*waiting for a change",
    "import os; os.kill(os.getpid(), 11)\n": "was ended by SIGSEGV; waiting for a change",
}


def test_a_module_that_fails_when_imported_waits_for_the_next_edit(live: Live) -> None:
    live.start()
    live.expect("one")
    for number, (text, complaint) in enumerate(FAILURES.items()):
        seen = len(live.err.lines)
        live.write("value.py", text)
        live.err.wait_for(complaint, start=seen)
        if number % 2:  # else one failure follows the other
            live.edit(f"v{number}")
            live.expect(f"v{number}", after=text)
    assert live.finish() == ["one", "v1", "v3", "v5"]


def test_a_failing_import_is_also_mended_by_an_edit_elsewhere(live: Live) -> None:
    live.write("helper.py", "def answer(): return 'one'\n")
    live.write("value.py", "import helper\nVALUE = helper.answer()\n")
    live.start()
    live.expect("one")
    live.write("value.py", "import helper\nVALUE = helper.reply()\n")
    live.err.wait_for("has no attribute 'reply'.*waiting for a change")
    live.write("helper.py", "def reply(): return 'two'\n")
    live.expect("two")


def test_a_program_that_is_broken_from_the_start_waits_for_its_repair(live: Live) -> None:
    live.write("app.py", WAITING_PROGRAM)
    live.write("value.py", "VALUE = = 1\n")
    live.start()
    live.err.wait_for("SyntaxError: invalid syntax.*waiting for a change")
    live.write("value.py", "VALUE = 1 / 0\n")
    live.err.wait_for("ZeroDivisionError: division by zero.*waiting for a change")
    live.edit("one")
    live.expect("one")
