"""`run_with_reloader` inside a program, as a drop-in for Werkzeug's."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

EMBEDDING = """\
import os, signal, sys, threading
from reloader_core import is_running_from_reloader, run_with_reloader
print("loaded", is_running_from_reloader(), flush=True)

def main():
    import value
    assert threading.current_thread() is threading.main_thread()
    try:
        print("value", value.VALUE, flush=True)
        signal.pause()
    finally:
        print("cleaned up", flush=True)

if __name__ == "__main__":
    CALL
"""


def program(call: str = "run_with_reloader(main, interval=0.1)") -> str:
    return EMBEDDING.replace("CALL", call)


def test_main_func_runs_in_the_child_only_and_follows_edits(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", program())
    running = workshop.start([sys.executable, "app.py"])
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert running.stop() == 0
    assert running.out.lines == [
        "loaded False",
        "loaded True",
        "value one",
        "cleaned up",
        "loaded True",
        "value two",
        "cleaned up",
    ]


def test_ctrl_c_ends_it_without_a_traceback(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", program())
    running = workshop.start([sys.executable, "app.py"])
    running.out.wait_for("value one")
    assert running.stop(signal.SIGINT) == 130
    assert "Traceback" not in running.err.text


def test_the_program_is_run_again_where_and_how_it_was_started(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py", program("os.chdir('/'); sys.argv[:] = ['mangled']; run_with_reloader(main)")
    )
    workshop.write("package/__init__.py", "")
    workshop.write("package/__main__.py", program("os.chdir('/'); run_with_reloader(main)"))
    for argv in (["-X", "dev", "app.py", "x"], ["-m", "package"]):
        running = workshop.start([sys.executable, *argv])
        running.out.wait_for("value one")
        assert running.stop() == 0


def test_a_program_that_embeds_it_runs_plainly_under_the_command(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", program())
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    running.stop()
    assert running.out.lines[0] == "loaded True"


def test_extra_files_and_exclude_patterns_apply(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    data = workshop.write("data/settings.json", "{}")
    call = f"run_with_reloader(main, extra_files=[{str(data)!r}], exclude_patterns=['value.py'])"
    workshop.write("app.py", program(call))
    running = workshop.start([sys.executable, "app.py"])
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    data.write_text("{ }")
    running.err.wait_for("settings.json changed")
    assert "value.py" not in running.err.text


def test_the_reloader_type_is_checked_before_anything_starts(workshop: Workshop) -> None:
    workshop.write("app.py", program("run_with_reloader(main, reloader_type='inotfy')"))
    running = workshop.start([sys.executable, "app.py"])
    assert running.wait() == 2
    assert "inotify" in running.err.text
    assert "Traceback" not in running.err.text


def test_it_does_not_start_itself_without_end_where_the_agent_cannot_be_loaded(
    workshop: Workshop,
) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", "import sys; sys.path.insert(0, '.')\n" + program())
    running = workshop.start([sys.executable, "-I", "app.py"])
    running.out.wait_for("value one")
    assert running.stop() == 0
    assert running.out.lines == ["loaded False", "loaded True", "value one", "cleaned up"]


def test_a_program_on_standard_input_is_refused(workshop: Workshop) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=program("run_with_reloader(main)"),
        cwd=workshop.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "standard input" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_programs_exit_code_is_the_supervisors(workshop: Workshop) -> None:
    workshop.write("app.py", program("run_with_reloader(lambda: sys.exit(5))"))
    assert workshop.start([sys.executable, "app.py"]).wait() == 5
