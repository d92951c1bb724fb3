"""The main job: after an edit, the program that runs is the one on disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import WAITING_PROGRAM, Running, Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


def save_in_place(path: Path, content: str) -> None:
    path.write_text(content)


def save_by_atomic_replace(path: Path, content: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(content)
    os.replace(temporary, path)


def save_as_vim(path: Path, content: str) -> None:
    """`backupcopy=no`: rename the old file away, write a new one, delete the backup."""
    backup = path.with_name(path.name + "~")
    os.rename(path, backup)
    path.write_text(content)
    os.unlink(backup)


def save_as_pycharm(path: Path, content: str) -> None:
    """`safe write`: write beside, move the old away, move the new in, delete the old."""
    new, old = (
        path.with_name(path.name + "___jb_tmp___"),
        path.with_name(path.name + "___jb_old___"),
    )
    new.write_text(content)
    os.rename(path, old)
    os.rename(new, path)
    os.unlink(old)


def save_by_delete_and_create(path: Path, content: str) -> None:
    path.unlink()
    path.write_text(content)


SAVES = [
    save_in_place,
    save_by_atomic_replace,
    save_as_vim,
    save_as_pycharm,
    save_by_delete_and_create,
]

backends = pytest.mark.parametrize("backend", ["stat", "inotify", "watchdog"])


def start(workshop: Workshop, backend: str, *arguments: str) -> Running:
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'one'\n")
    running = workshop.reloader(
        "run", "--reloader-type", backend, "--interval", "0.1", *arguments, "app.py"
    )
    running.out.wait_for("value one")
    return running


def says_value(running: Running, *, times: int) -> bool:
    return running.out.text.count("value") == times


def restarts(running: Running) -> int:
    return running.err.text.count("restarted in")


@backends
@pytest.mark.parametrize("save", SAVES)
def test_every_way_of_saving_is_answered_by_the_new_code(
    workshop: Workshop, backend: str, save: Callable[[Path, str], None]
) -> None:
    running = start(workshop, backend)
    for value in ("two", "six", "ten"):  # of one length, and within one second
        save(workshop.directory / "value.py", f"VALUE = {value!r}\n")
        running.out.wait_for(f"value {value}")
    assert running.stop() == 143


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
def test_what_is_no_change_restarts_nothing(workshop: Workshop, backend: str) -> None:
    running = start(workshop, backend)
    value = workshop.directory / "value.py"
    os.utime(value)
    value.chmod(0o600)
    value.write_text("VALUE = 'one'\n")
    workshop.write("nobody_imports_this.py", "x = 1\n")
    workshop.write("app.log", "a line\n")
    # The change that does count comes last, and is the only one.
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    running.stop()
    assert running.out.text.count("value") == 2


@backends
def test_an_edit_while_the_program_imports_is_not_lost(workshop: Workshop, backend: str) -> None:
    gate = workshop.directory / "gate"
    os.mkfifo(gate)
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import value\nprint('importing', value.VALUE, flush=True)\n"
        "open('gate').close()\n" + WAITING_PROGRAM,
    )
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.out.wait_for("importing one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("importing two")  # replaced although its start hangs
    gate.open("w").close()
    running.out.wait_for("value two")


@backends
def test_a_deleted_module_restarts_and_its_return_heals(workshop: Workshop, backend: str) -> None:
    running = start(workshop, backend)
    (workshop.directory / "value.py").unlink()
    running.err.wait_for("No module named 'value'.*waiting for a change")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


@backends
def test_a_broken_edit_waits_for_the_next_one(workshop: Workshop, backend: str) -> None:
    running = start(workshop, backend)
    workshop.write("value.py", "VALUE = undefined\n")
    running.err.wait_for("NameError: name 'undefined' is not defined")
    running.err.wait_for("waiting for a change")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


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
def test_code_loaded_by_path_is_watched(workshop: Workshop, backend: str) -> None:
    workshop.write("plugin_code.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import signal, importlib.util as u\n"
        "spec = u.spec_from_file_location('somewhere', 'plugin_code.py')\n"
        "module = u.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print('value', module.VALUE, flush=True); signal.pause()\n",
    )
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.out.wait_for("value one")
    workshop.write("plugin_code.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


@backends
def test_a_module_imported_late_by_a_forked_worker_is_watched(
    workshop: Workshop, backend: str
) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import os, signal\n"
        "if os.fork() == 0:\n"
        "    import value\n"
        "    print('worker', value.VALUE, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait(); signal.pause()\n",
    )
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.out.wait_for("worker one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("worker two")


@backends
def test_a_module_in_an_archive_is_watched(workshop: Workshop, backend: str) -> None:
    def pack(value: str) -> None:
        folder = workshop.directory / "content"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "value.py").write_text(f"VALUE = {value!r}\n")
        made = shutil.make_archive(str(workshop.directory / "fresh"), "zip", folder)
        os.replace(made, workshop.directory / "lib.zip")

    pack("one")
    workshop.write("app.py", "import sys\nsys.path.insert(0, 'lib.zip')\n" + WAITING_PROGRAM)
    running = workshop.reloader("run", "--reloader-type", backend, "--interval", "0.1", "app.py")
    running.out.wait_for("value one")
    pack("two")
    running.out.wait_for("value two")


@backends
def test_extra_files_are_watched_also_those_that_do_not_exist_yet(
    workshop: Workshop, backend: str
) -> None:
    workshop.write("templates/a.html", "a")
    running = start(
        workshop, backend, "--extra-file", "templates/*.html", "--extra-file", "settings.json"
    )
    for count, (name, kind) in enumerate(
        [
            ("templates/a.html", "changed"),
            ("templates/b.html", "created"),
            ("settings.json", "created"),
        ],
        start=1,
    ):
        workshop.write("templates/ignored.txt", str(count))
        workshop.write(name, f"content {count}")
        running.err.wait_for(f"{name} {kind}: restarted")
        wait_until(partial(says_value, running, times=count + 1))
    assert restarts(running) == 3


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
