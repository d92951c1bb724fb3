"""pyproject.toml is changed while the supervisor runs."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import WAITING_PROGRAM, wait_until

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop


def configure(workshop: Workshop, text: str) -> None:
    workshop.write("pyproject.toml", f"[project]\nname = 'x'\n[tool.reloader]\n{text}")


def start(workshop: Workshop, *options: str) -> Running:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    # So that a line is written at one stroke, and not in the middle of another one.
    running = workshop.reloader("run", *options, "app.py", env={"PYTHONUNBUFFERED": ""})
    running.out.wait_for("value one")
    return running


def programs(running: Running) -> int:
    return len(re.findall(r"^value", running.out.text, re.MULTILINE))


def test_a_valid_change_is_applied_without_a_restart_of_the_supervisor(workshop: Workshop) -> None:
    configure(workshop, "")
    running = start(workshop)
    workshop.write("data.txt", "1")
    configure(workshop, "extra_files = ['data.txt']\n")
    running.err.wait_for(r"pyproject.toml changed \(extra_files\): restarted in")
    wait_until(lambda: programs(running) == 2)
    workshop.write("data.txt", "2")
    running.err.wait_for("data.txt changed: restarted in")
    configure(workshop, "")
    wait_until(lambda: running.err.text.count("(extra_files): restarted in") == 2)
    workshop.write("data.txt", "3")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert running.err.text.count("data.txt changed") == 1
    assert running.stop() == 143


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("grace_seconds = 'long'\n", "grace_seconds is 'long', not a number"),
        ("grace_seconds = \n", "correct the TOML"),
        ("reloader_type = 'nowhere'\n", "nowhere"),
        ("plugins = ['no_such_module']\n", "plugin 'no_such_module' cannot be imported"),
        ("reloader_type = 'stat'\n[tool.reloader.stat]\nnone = 1\n", "none"),
    ],
)
def test_while_it_is_wrong_the_old_one_stays(workshop: Workshop, wrong: str, fault: str) -> None:
    configure(workshop, "grace_seconds = 1\n")
    running = start(workshop)
    if "plugin" in wrong or "stat" in wrong:
        configure(workshop, "grace_seconds = 2\nreloader_type = 'stat'\ninterval = 0.05\n")
        wait_until(lambda: programs(running) == 2)
    before = programs(running)
    configure(workshop, wrong)
    running.err.wait_for(fault)
    running.err.wait_for("the configuration is kept as it was")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert programs(running) == before + 1
    configure(workshop, "grace_seconds = 3\n")
    running.err.wait_for(r"pyproject.toml changed \(.*grace_seconds.*\): restarted in")
    assert running.stop() == 143


def test_what_does_not_concern_us_restarts_nothing(workshop: Workshop) -> None:
    configure(workshop, "grace_seconds = 1\n")
    running = start(workshop)
    workshop.write(
        "pyproject.toml", "[tool.reloader]\ngrace_seconds = 1.0\n[project]\nname = 'y'\n"
    )
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert programs(running) == 2
    assert "pyproject" not in running.err.text


def test_a_file_that_appears_is_read(workshop: Workshop) -> None:
    running = start(workshop)
    configure(workshop, "stop_signal = 'SIGINT'\n")
    running.err.wait_for(r"pyproject.toml changed \(stop_signal\): restarted in")
    (workshop.directory / "pyproject.toml").unlink()
    wait_until(lambda: running.err.text.count("(stop_signal): restarted in") == 2)


def test_a_program_that_names_the_file_is_restarted_once(workshop: Workshop) -> None:
    configure(workshop, "extra_files = ['pyproject.toml']\n")
    running = start(workshop)
    workshop.write(
        "pyproject.toml", "[tool.reloader]\nextra_files = ['pyproject.toml']\n[project]\n"
    )
    running.err.wait_for("pyproject.toml changed: restarted in")
    wait_until(lambda: programs(running) == 2)
    configure(workshop, "extra_files = ['pyproject.toml']\ngrace_seconds = 1\n")
    running.err.wait_for(r"pyproject.toml changed \(grace_seconds\): restarted in")
    wait_until(lambda: programs(running) == 3)
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert programs(running) == 4


def test_another_command_is_run(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write(
        "other.py",
        WAITING_PROGRAM.replace("value", "other value", 2)[:0]
        + "import time\nprint('other', flush=True)\ntime.sleep(1000)\n",
    )
    configure(workshop, "command = ['app.py']\n")
    running = workshop.reloader("run")
    running.out.wait_for("value one")
    configure(workshop, "command = ['nowhere.py']\n")
    running.err.wait_for("nowhere.py")
    configure(workshop, "command = ['other.py']\n")
    running.out.wait_for("^other")
    assert running.stop() == 143


def test_another_backend_and_plugins_are_used(workshop: Workshop) -> None:
    configure(workshop, "reloader_type = 'stat'\ninterval = 0.05\n")
    running = start(workshop, "-v")
    workshop.write(
        "observer.py",
        "from reloader_core import hookimpl\n"
        "@hookimpl\ndef child_started(child): print('started', child.generation, flush=True)\n",
    )
    configure(workshop, "reloader_type = 'watchdog'\nplugins = ['observer']\ninterval = 0.05\n")
    running.out.wait_for("started 2")
    running.err.wait_for("watching with watchdog")
    wait_until(lambda: programs(running) == 2)  # it is told of before it loads anything
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    running.out.wait_for("started 3")


def test_addresses_are_kept_opened_and_closed(workshop: Workshop) -> None:
    def can_connect(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return False
        return True

    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        kept, other = one.getsockname()[1], two.getsockname()[1]
    configure(workshop, f"bind = ['127.0.0.1:{kept}']\n")
    running = start(workshop)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(workshop, f"bind = ['127.0.0.1:{kept}', '127.0.0.1:{port}']\n")
        running.err.wait_for("Address already in use")
    assert can_connect(kept)
    configure(workshop, f"bind = ['127.0.0.1:{kept}', '127.0.0.1:{other}']\n")
    running.err.wait_for(rf"listening at 127.0.0.1:{other}")
    wait_until(lambda: programs(running) == 2)
    assert can_connect(kept)
    assert can_connect(other)
    configure(workshop, f"bind = ['127.0.0.1:{other}']\n")
    wait_until(lambda: programs(running) == 3)
    assert can_connect(other)
    assert not can_connect(kept)


def test_a_crash_after_a_change_waits_as_after_any_edit(workshop: Workshop) -> None:
    configure(workshop, "")
    workshop.write("env", "")
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py", "import os, sys\nif 'BAD' in os.environ: sys.exit(5)\n" + WAITING_PROGRAM
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    workshop.write("bad.env", "BAD=1\n")
    configure(workshop, "env_files = ['bad.env']\n")
    running.err.wait_for("app.py exited with code 5; waiting for a change")
    configure(workshop, "")
    wait_until(lambda: programs(running) == 2)


def test_ctrl_c_while_it_is_applied_ends_it_all(workshop: Workshop) -> None:
    configure(workshop, "grace_seconds = 1\n")
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    print('ending', flush=True); time.sleep(0.5); print('clean', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n" + WAITING_PROGRAM,
    )
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    configure(workshop, "grace_seconds = 2\n")
    running.out.wait_for("ending")
    assert running.stop(2) == 130
    assert "clean" in running.out.text
    assert programs(running) == 1


def test_a_change_that_is_undone_while_it_is_applied_leaves_the_old_one(
    workshop: Workshop,
) -> None:
    configure(workshop, "bind = ['127.0.0.1:0']\n")
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import signal, sys, os, time\n"
        "def end(*_):\n"
        "    print('ending', flush=True)\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n" + WAITING_PROGRAM,
    )
    running = workshop.reloader("run", "app.py", env={"PYTHONUNBUFFERED": ""})
    running.out.wait_for("value one")
    configure(workshop, "bind = ['127.0.0.1:0', 'unix:app.sock']\n")
    running.out.wait_for("ending")
    configure(workshop, "bind = ['127.0.0.1:0']\n")
    wait_until(lambda: not (workshop.directory / "app.sock").exists(), "the socket to be gone")
    workshop.write("go", "")
    running.err.wait_for("pyproject.toml changed and back: restarted in")
    wait_until(lambda: programs(running) == 2)
    assert running.err.text.count("listening at") == 1


def test_many_changes_in_a_row_end_with_the_last_one(workshop: Workshop) -> None:
    configure(workshop, "grace_seconds = 1\n")
    running = start(workshop, "-v")
    for number in range(10):
        configure(workshop, f"grace_seconds = {number + 2}\nstop_signal = 'SIGINT'\n")
        time.sleep(0.02)  # a person who saves, and saves again: no condition to wait for
    configure(workshop, "grace_seconds = 1\nstop_signal = 'SIGHUP'\n")
    running.err.wait_for(r"pyproject.toml changed \(.*stop_signal.*\): restarted in")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")

    # That may have been one restart with the last configuration: another edit is not.
    def is_stopped_by_the_last_one() -> bool:
        workshop.write("value.py", f"VALUE = {time.monotonic_ns()}\n")
        return "was ended by SIGHUP" in running.err.text

    wait_until(is_stopped_by_the_last_one)
    assert running.stop() == 143
