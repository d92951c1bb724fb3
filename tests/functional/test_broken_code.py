"""Broken code never ends the supervisor: it waits for the edit that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.functional.harness import WAITING_PROGRAM
from tests.functional.live import SERVING_PROGRAM, assign
from tests.functional.saves import save_as_vim, save_by_atomic_replace, save_in_place

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


#: What does not compile, and how Python shows it.
BROKEN = {
    "VALUE = 'two'\nif True print(1)\n": ["line 2", r"^    if True print\(1\)$", r"^ +\^+$"],
    "VALUE = 'two'\n    indented = 1\n": ["line 2", "^    indented = 1$", "IndentationError"],
    "VALUE = 'two\n": ["line 1", "^    VALUE = 'two$", r"^ +\^+$"],
    "VALUE = (\n": ["line 1", r"^    VALUE = \($", r"^ +\^+$"],
    "VALUE = 'two'\0\n": ["value.py does not compile", "null byte"],
}


def test_code_that_does_not_compile_is_shown_and_the_old_goes_on(live: Live) -> None:
    live.edit("one")
    live.write("app.py", SERVING_PROGRAM)
    live.start()
    live.expect("one")
    answer = live.ask()
    for text, shown in BROKEN.items():
        seen = len(live.err.lines)
        live.write("value.py", text)
        for pattern in [r"value\.py", *shown]:
            live.err.wait_for(pattern, start=seen)
        assert live.ask() == answer  # the same process
    live.edit("two")
    live.expect("two")
    assert live.ask()[0] == "two"
    assert live.finish() == ["one", "two"]
    assert live.restarts == 1


def test_a_broken_script_leaves_the_old_one_running(live: Live) -> None:
    live.edit("one")
    live.write("app.py", SERVING_PROGRAM)
    live.start()
    live.expect("one")
    answer = live.ask()
    live.write("app.py", "import value; print 'value', value.VALUE\n")
    live.err.wait_for("app.py does not compile")
    assert live.ask() == answer
    live.write("app.py", "print('mended', flush=True)\n" + SERVING_PROGRAM)
    live.expect("one")
    assert live.finish() == ["one", "one"]


def test_other_edits_wait_until_all_compiles_and_are_one_restart_then(live: Live) -> None:
    live.write("app.py", WAITING_PROGRAM)
    for name in ("good", "bad"):
        live.edit("old", f"{name}.py")
    live.write("value.py", "import good, bad\nVALUE = f'{good.VALUE}-{bad.VALUE}'\n")
    live.start()
    live.expect("old-old")
    live.write("bad.py", "VALUE = \n")
    live.err.wait_for("bad.py does not compile")
    live.edit("new", "good.py")
    live.write("bad.py", "VALUE = = 'new'\n")  # another fault: it is shown, so both were seen
    live.err.wait_for("VALUE = = 'new'")
    live.edit("new", "bad.py")
    live.expect("new-new")
    assert live.finish() == ["old-old", "new-new"]
    assert live.restarts == 1


def test_a_broken_edit_that_is_undone_restarts_nothing(live: Live) -> None:
    live.edit("one")
    live.write("app.py", SERVING_PROGRAM)
    live.start()
    live.expect("one")
    live.edit("two")  # whose content the supervisor knows from having compared it
    live.expect("two")
    answer = live.ask()
    for save in (save_in_place, save_by_atomic_replace, save_as_vim):
        seen = len(live.err.lines)
        save(live.value_file, "VALUE = 'two\n")
        live.err.wait_for("value.py does not compile", start=seen)
        save(live.value_file, assign("two"))
        live.err.wait_for("undone", start=seen)
        assert live.ask() == answer  # the same process
    live.edit("six")
    live.expect("six")
    assert live.finish() == ["one", "two", "six"]
    assert live.restarts == 2


def test_an_edit_that_only_warns_is_run(live: Live) -> None:
    live.start()
    live.expect("one")
    live.write("value.py", "VALUE = 'two'\nassert (VALUE, 'always true')\nx = '\\d'\n")
    live.expect("two")


def test_data_that_looks_like_broken_code_is_only_data(live: Live) -> None:
    live.write("template.py", "{{ not python }}\n")
    live.start("--extra-file", "template.py")
    live.expect("one")
    live.write("template.py", "{% still not %}\n")
    live.expect("one")
    assert live.finish() == ["one", "one"]
