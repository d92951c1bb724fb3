"""The main job: after an edit, the program that runs is the one on disk."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.functional.harness import BACKENDS, WAITING_PROGRAM, Running, Workshop, wait_until

backends = pytest.mark.parametrize("backend", BACKENDS)


def start(workshop: Workshop, backend: str, *arguments: str) -> Running:
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'one'\n")
    running = workshop.reloader(
        "run", "--reloader-type", backend, "--interval", "0.1", *arguments, "app.py"
    )
    running.out.wait_for("value one")
    return running


@backends
def test_each_restart_says_what_changed_and_how_long_it_took(
    workshop: Workshop, backend: str
) -> None:
    running = start(workshop, backend)
    workshop.write("value.py", "VALUE = 'two'\n")
    line = running.err.wait_for("restarted")
    number = r"[\d.]+ m?s"
    assert re.fullmatch(
        rf"\[reloader\] value\.py changed: restarted in {number}"
        rf" \(noticed {number}, stopped {number}, started {number}\)",
        line,
    )


@backends
def test_a_module_missing_at_the_first_start_can_be_created(
    workshop: Workshop, backend: str
) -> None:
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.err.wait_for("waiting for a change")
    workshop.write("value.py", "VALUE = 'made'\n")
    running.out.wait_for("value made")


@backends
def test_a_missing_package_can_be_created_file_by_file(workshop: Workshop, backend: str) -> None:
    workshop.write("app.py", WAITING_PROGRAM.replace("value\n", "package.value as value\n", 1))
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.err.wait_for("waiting for a change")
    workshop.write("package/__init__.py", "")
    workshop.write("package/value.py", "VALUE = 'made'\n")
    running.out.wait_for("value made")


@backends
def test_the_script_itself_is_watched(workshop: Workshop, backend: str) -> None:
    running = start(workshop, backend)
    workshop.write("app.py", "print('another script', flush=True)\n" + WAITING_PROGRAM)
    running.out.wait_for("another script")


@backends
def test_excluded_files_are_left_alone(workshop: Workshop, backend: str) -> None:
    workshop.write("generated/late.py", "X = 1\n")
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", "import generated.late\n" + WAITING_PROGRAM)
    running = workshop.reloader(
        "run", "--reloader-type", backend, "--interval", "0.1", "--exclude", "generated/", "app.py"
    )
    running.out.wait_for("value one")
    workshop.write("generated/late.py", "X = 2\n")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert "late.py" not in running.err.text


def test_a_program_that_ends_by_itself_ends_the_supervisor_with_its_code(
    workshop: Workshop,
) -> None:
    workshop.write("app.py", "import sys; sys.exit(7)\n")
    assert workshop.reloader("run", "app.py").wait() == 7
    workshop.write("app.py", "print('done')\n")
    running = workshop.reloader("run", "app.py")
    assert running.wait() == 0
    assert running.out.text == "done"
    assert running.err.text == ""


def test_exit_code_3_starts_the_program_again(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import os, sys\n"
        "count = int(open('count').read()) if os.path.exists('count') else 0\n"
        "open('count', 'w').write(str(count + 1))\n"
        "print('run', count, flush=True)\n"
        "sys.exit(3 if count < 2 else 0)\n",
    )
    running = workshop.reloader("run", "app.py")
    assert running.wait() == 0
    assert running.out.lines == ["run 0", "run 1", "run 2"]


def test_a_program_that_asks_for_restarts_without_end_is_left_to_wait(workshop: Workshop) -> None:
    workshop.write("app.py", "print('run', flush=True); raise SystemExit(3)\n")
    running = workshop.reloader("run", "app.py")
    running.err.wait_for("waiting for a change")
    assert running.out.lines == ["run"] * 4


def test_a_crash_by_a_signal_waits_for_a_change(workshop: Workshop) -> None:
    workshop.write("app.py", "import os; os.kill(os.getpid(), 11)\n")
    running = workshop.reloader("run", "app.py")
    running.err.wait_for("app.py was ended by SIGSEGV; waiting for a change")


def test_a_stubborn_program_is_killed_after_its_grace(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n"
        + WAITING_PROGRAM.replace("signal.pause()", "\nwhile True: signal.pause()"),
    )
    running = workshop.reloader("run", "--grace-seconds", "0.3", "app.py")
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.err.wait_for(r"app.py did not stop within 0.3 s \(grace_seconds\): killed")
    running.out.wait_for("value two")
    assert running.stop() == 143


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_program_and_supervisor_without_a_word(
    workshop: Workshop, number: int, code: int
) -> None:
    running = start(workshop, "inotify")
    pid = int(running.out.wait_for("pid").split()[-1])
    assert running.stop(number) == code
    assert running.err.text == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_program_dies_with_the_supervisor(workshop: Workshop) -> None:
    running = start(workshop, "stat")
    pid = int(running.out.wait_for("pid").split()[-1])
    running.process.kill()
    running.wait()

    def is_gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().split()[2] == "Z"

    wait_until(is_gone, "the program to be gone")


def test_a_quiet_run_says_nothing_of_restarts(workshop: Workshop) -> None:
    running = start(workshop, "stat", "-q")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    running.stop()
    assert running.err.text == ""


def test_a_verbose_run_says_what_it_watches(workshop: Workshop) -> None:
    running = start(workshop, "stat", "-v")
    running.err.wait_for(r"app.py started \(pid \d+\)")
    running.err.wait_for("watching with stat")


def test_the_program_can_be_named_by_the_configuration(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", "[tool.reloader]\ncommand = \"app.py one 'two words'\"\n")
    workshop.write("app.py", "import sys; print(sys.argv, flush=True)\n")
    below = workshop.write("below/file.txt", "").parent
    running = workshop.reloader("run", cwd=below)
    assert running.wait() == 0
    assert running.out.text == "['app.py', 'one', 'two words']"
