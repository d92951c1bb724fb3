"""What the supervisor stands on is taken away: directories, streams, descriptors, time."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from reloader_core.control import Client
from tests.functional.harness import DEADLINE_SECONDS, WAITING_PROGRAM, wait_until
from tests.functional.live import assign
from tests.functional.processes import keeper_of, last_pid, works_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")

#: Says what it runs in a file beside its project, for its output may lead nowhere.
NOTING_PROGRAM = """\
import os, signal, value
with open("../noted", "a") as file:
    file.write(f"value {value.VALUE} pid {os.getpid()}\\n")
signal.pause()
"""

#: What an idle supervisor may use of the processor in a second: a loop uses all of it.
IDLE_CPU_SECONDS = 0.2

#: Whole lines at one stroke: one that is ended while it prints leaves no half of a line.
WHOLE_LINES = {"PYTHONUNBUFFERED": ""}


def furnish(workshop: Workshop, value: str = "one", program: str = WAITING_PROGRAM) -> Path:
    """A project in a directory of its own, so that all of it can be deleted."""
    workshop.write("project/value.py", assign(value))
    workshop.write("project/app.py", program)
    return workshop.directory / "project"


def start(
    workshop: Workshop, project: Path, *, env: dict[str, str] | None = None, shell: str = ""
) -> Running:
    """Start the command, if need be by a shell script that ends in ``exec "$@"``."""
    argv = [sys.executable, "-m", "reloader_core", "run", "--interval", "0.05", "app.py"]
    if shell:
        argv = ["sh", "-c", shell, "sh", *argv]
    return workshop.start(argv, cwd=project, env={**WHOLE_LINES, **(env or {})})


def edit(project: Path, value: str) -> None:
    (project / "value.py").write_text(assign(value))


def test_a_working_directory_that_is_deleted_and_made_anew_runs_the_new_program(
    workshop: Workshop,
) -> None:
    project = furnish(workshop)
    running = start(workshop, project)
    running.out.wait_for("^value one")
    for value in ("two", "three"):
        shutil.rmtree(project)
        furnish(workshop, value)
        running.out.wait_for(f"^value {value}")
    assert running.stop() == 143, running.err.text


def test_a_working_directory_that_is_away_for_long_and_made_anew_runs_the_new_program(
    workshop: Workshop,
) -> None:
    project = furnish(workshop)
    running = start(workshop, project)
    running.out.wait_for("^value one")
    shutil.rmtree(project)
    running.err.wait_for("deleted|waiting")
    furnish(workshop, "two")
    running.out.wait_for("^value two")
    edit(project, "three")
    running.out.wait_for("^value three")
    assert running.stop() == 143, running.err.text


def test_a_working_directory_that_is_deleted_for_good_leaves_sigterm_its_meaning(
    workshop: Workshop,
) -> None:
    project = furnish(workshop)
    running = start(workshop, project)
    running.out.wait_for("^value one")
    shutil.rmtree(project)
    running.err.wait_for("deleted|waiting")
    assert running.stop() == 143, running.err.text
    assert "Traceback" not in running.err.text


@pytest.mark.parametrize(
    "shell",
    [
        'TMPDIR=/nonexistent exec "$@"',
        # Nothing can be made there, not even by root.
        'TMPDIR=/proc XDG_CACHE_HOME=/proc XDG_RUNTIME_DIR=/proc exec "$@"',
        'XDG_RUNTIME_DIR=/nonexistent/run exec "$@"',
        'unset HOME XDG_RUNTIME_DIR XDG_CACHE_HOME; exec "$@"',
        'HOME=/nonexistent exec "$@"',
        'exec "$@" <&-',
    ],
)
def test_an_edit_is_followed_without_places_for_files_and_without_stdin(
    workshop: Workshop, shell: str
) -> None:
    project = furnish(workshop)
    running = start(workshop, project, shell=shell)
    for value in ("two", "three"):
        running.out.wait_for("^value")
        edit(project, value)
        running.out.wait_for(f"^value {value}")
    assert running.stop() == 143, running.err.text
    assert "Traceback" not in running.err.text


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells where a descriptor leads")
def test_nothing_takes_the_place_of_standard_streams_that_are_closed(workshop: Workshop) -> None:
    program = NOTING_PROGRAM.replace(
        "signal.pause",
        "[print(os.readlink(f'/proc/self/fd/{n}'), file=open('../noted', 'a')) "
        "for n in range(3)]\nsignal.pause",
    )
    project = furnish(workshop, program=program)
    running = start(workshop, project, shell='exec "$@" <&- >&- 2>&-')
    noted = workshop.directory / "noted"
    wait_until(lambda: noted.exists() and noted.read_text().count(os.devnull) == 3)
    keeper = keeper_of(running)
    for process in (running.process.pid, keeper.pid):
        for number in range(3):
            assert os.readlink(f"/proc/{process}/fd/{number}") == os.devnull
    edit(project, "two")
    wait_until(lambda: noted.read_text().count(os.devnull) == 6)
    assert running.stop() == 143


@pytest.fixture
def gone_reader() -> Iterator[int]:
    """The end of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


def follow_noted(process: subprocess.Popen[bytes], project: Path) -> None:
    """Edit a :data:`NOTING_PROGRAM`, see that its supervisor is idle, and end it."""
    noted = project.parent / "noted"

    def has(value: str) -> bool:
        return noted.exists() and f"value {value} " in noted.read_text()

    try:
        wait_until(lambda: has("one"), "the first program")
        for value in ("two", "three"):
            edit(project, value)
            wait_until(lambda value=value: has(value), f"the program with {value}")  # type: ignore[misc]
        whole = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
        before = [sum(each.cpu_times()[:2]) for each in whole]
        time.sleep(1.0)  # what is measured is what happens in a time
        used = [sum(each.cpu_times()[:2]) - was for each, was in zip(whole, before, strict=True)]
        assert max(used) < IDLE_CPU_SECONDS, used
        process.terminate()
        assert process.wait(DEADLINE_SECONDS) == 143
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("options", [(), ("-v",), ("--log-format", "json")])
def test_a_reader_of_its_output_that_is_gone_neither_ends_it_nor_makes_it_busy(
    workshop: Workshop, gone_reader: int, options: tuple[str, ...]
) -> None:
    project = furnish(workshop, program=NOTING_PROGRAM)
    argv = [sys.executable, "-m", "reloader_core", "run", *options, "app.py"]
    process = subprocess.Popen(
        argv, cwd=project, stdin=subprocess.DEVNULL, stdout=gone_reader, stderr=gone_reader
    )
    follow_noted(process, project)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_messages_that_find_a_full_disk_are_dropped(workshop: Workshop) -> None:
    project = furnish(workshop, program=NOTING_PROGRAM)
    argv = [sys.executable, "-m", "reloader_core", "run", "-v", "app.py"]
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            argv, cwd=project, stdin=subprocess.DEVNULL, stdout=full, stderr=full
        )
    follow_noted(process, project)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_wrong_command_ends_with_its_code_though_nothing_can_be_said(
    workshop: Workshop, gone_reader: int
) -> None:
    argv = [sys.executable, "-m", "reloader_core", "run", "nowhere.py"]
    with open("/dev/full", "wb") as full:
        for stream in (full.fileno(), gone_reader):
            done = subprocess.run(argv, cwd=workshop.directory, stderr=stream, check=False)
            assert done.returncode == 2


@pytest.mark.parametrize("who", ["supervisor", "all of them"])
def test_what_is_edited_while_the_machine_sleeps_runs_when_it_wakes(
    workshop: Workshop, who: str
) -> None:
    project = furnish(workshop)
    running = start(workshop, project)
    running.out.wait_for("^value one")
    pids = [running.process.pid]
    if who == "all of them":
        if sys.platform == "linux":
            pids.append(keeper_of(running).pid)
        pids.append(last_pid(running.out))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    edit(project, "two")
    edit(project, "three")
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    running.out.wait_for("^value three")
    assert "value two" not in running.out.text
    edit(project, "four")
    running.out.wait_for("^value four")
    assert running.stop() == 143, running.err.text


def test_with_few_descriptors_it_works(workshop: Workshop) -> None:
    project = furnish(workshop)
    running = start(workshop, project, shell='ulimit -n 32; exec "$@"')
    running.out.wait_for("^value one")
    for number in range(5):
        edit(project, f"edit{number}")
        running.out.wait_for(f"^value edit{number}")
    assert running.stop() == 143, running.err.text
    assert "Traceback" not in running.err.text


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="no limit of processes binds root"
)
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux changes others' limits")
def test_a_program_that_no_process_can_be_had_for_is_started_at_a_later_edit(
    workshop: Workshop,
) -> None:
    project = furnish(workshop)
    running = start(workshop, project)
    running.out.wait_for("^value one")
    keeper = keeper_of(running)
    former = keeper.rlimit(psutil.RLIMIT_NPROC)
    keeper.rlimit(psutil.RLIMIT_NPROC, (1, former[1]))
    edit(project, "two")
    running.err.wait_for("cannot be started.*temporarily unavailable")
    keeper.rlimit(psutil.RLIMIT_NPROC, former)
    edit(project, "three")
    running.out.wait_for("^value three")
    assert running.stop() == 143, running.err.text


def test_an_interpreter_that_is_upgraded_is_waited_for(workshop: Workshop) -> None:
    python = workshop.directory / "venv" / "bin" / "python"
    command = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", "venv"]
    subprocess.run(command, cwd=workshop.directory, check=True)
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", str(python), "app.py")
    running.out.wait_for("value one")
    target = python.readlink()
    python.unlink()
    workshop.write("value.py", "VALUE = 'two'\n")
    running.err.wait_for("cannot be started: .*No such file or directory.*waiting for a change")
    python.symlink_to(target)
    running.out.wait_for("value two")
    assert running.stop() == 143


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, for ``PYTHONPATH``, which a test may take away."""
    copy = tmp_path_factory.mktemp("installed")
    root = Path(__file__).parents[2]
    for package in ("reloader_core", "reloader_backends"):
        shutil.copytree(root / package, copy / package)
    for info in distribution("reloader-core").files or ():
        if info.parts[0].endswith(".dist-info"):
            target = copy / info
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(info.locate()), target)
    return copy


def start_installed(workshop: Workshop, installed: Path, **env: str) -> Running:
    """Run a program by the copy, until all that the supervisor needs is loaded."""
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader(
        *("run", "-v", "--reloader-type", "stat", "--interval", "0.05", "app.py"),
        env={"PYTHONPATH": str(installed), **env},
    )
    running.out.wait_for("value one")
    running.err.wait_for("app.py is ready")  # by then it has come to rest
    return running


def upgrade(installed: Path) -> None:
    """Put an agent there that speaks otherwise."""
    agent = installed / "reloader_core" / "agent" / "inject" / "_reloader_agent.py"
    agent.write_text("def activate(request):\n    raise RuntimeError('another version')\n")


def remove(installed: Path) -> None:
    """Take it all away."""
    installed.rename(f"{installed}-gone")


@pytest.mark.parametrize("change", [upgrade, remove])
def test_a_supervisor_whose_own_files_go_keeps_to_those_it_was_started_with(
    workshop: Workshop, installed: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """As when the virtual environment that it runs from is upgraded."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    running = start_installed(workshop, installed, XDG_RUNTIME_DIR=str(runtime))
    change(installed)
    for value in ("two", "three"):
        workshop.write("value.py", f"VALUE = '{value}'\n")
        running.out.wait_for(f"value {value}")
    copies = list(runtime.glob("reloader/agent-*"))
    assert len(copies) == 1
    shutil.rmtree(copies[0])  # as whoever cleans up does
    for value in ("four", "five"):
        workshop.write("value.py", f"VALUE = '{value}'\n")
        running.out.wait_for(f"value {value}")
    workshop.write("value.py", "VALUE = (\n")
    running.err.wait_for("value.py.*SyntaxError|SyntaxError.*value.py|does not compile")
    workshop.write("value.py", "VALUE = 'six'\n")
    running.out.wait_for("value six")
    workshop.write("pyproject.toml", "[tool.reloader]\nextra_files = ['data.txt']\n")
    running.err.wait_for("pyproject.toml changed.*restarted in")
    workshop.write("data.txt", "")
    running.err.wait_for("data.txt created: restarted in")
    client = Client(workshop.directory, environ={"XDG_RUNTIME_DIR": str(runtime)})
    client.restart()
    running.err.wait_for("a restart was asked for: restarted in")
    assert client.status().state == "running"
    assert running.stop() == 143
    assert "Traceback" not in running.err.text
    assert not list(runtime.glob("reloader/*"))


#: A file system without room: the project is there, and whatever is written meanwhile.
ON_A_FULL_DISK = """\
set -e
mount -t tmpfs -o size=256k,mode=0700 full "$FULL"
cp -R project "$FULL"
mkdir "$FULL/tmp"
cat /dev/zero > "$FULL/filler" 2>&- || true
export TMPDIR=$FULL/tmp XDG_CACHE_HOME=$FULL/tmp XDG_RUNTIME_DIR=$FULL/tmp
export PYTHONPYCACHEPREFIX=$FULL/tmp
mkdir -p -m 0700 "/tmp/reloader-$(id -u)"
mount --bind "$FULL/tmp" "/tmp/reloader-$(id -u)"
cd "$FULL/project"
exec "$@"
"""


#: Runs a command where it may mount, as the user it is.
MOUNTING = ("unshare", "--mount", "--map-current-user", "--keep-caps")
needs_mounts = pytest.mark.skipif(
    not works_here(*MOUNTING, "true"), reason="no mounts in namespaces here"
)


def start_on_a_full_disk(workshop: Workshop, **env: str) -> tuple[Running, Path]:
    """Run a program there.

    :returns: also the project's directory, by a way that leads into the namespace.
    """
    furnish(workshop)
    full = workshop.directory / "full"
    full.mkdir()
    command = [sys.executable, "-m", "reloader_core", "run", "-v", "--interval", "0.05", "app.py"]
    running = workshop.start(
        [*MOUNTING, "sh", "-c", ON_A_FULL_DISK, "sh", *command],
        env={**WHOLE_LINES, "FULL": str(full), **env},
    )
    running.out.wait_for("^value one")
    return running, Path(f"/proc/{running.process.pid}/root{full}/project")


@needs_mounts
def test_with_a_full_disk_edits_are_followed(workshop: Workshop) -> None:
    running, project = start_on_a_full_disk(workshop)
    for value in ("two", "six"):
        edit(project, value)
        running.out.wait_for(f"^value {value}")
    with pytest.raises(OSError, match="No space left"):
        (project / "more.py").write_text("x" * 8192)
    edit(project, "ten")
    running.out.wait_for("^value ten")
    assert running.stop() == 143, running.err.text
    assert "Traceback" not in running.err.text


@needs_mounts
def test_without_its_files_and_room_for_a_copy_it_says_that_nothing_is_noticed(
    workshop: Workshop, installed: Path
) -> None:
    running, project = start_on_a_full_disk(workshop, PYTHONPATH=str(installed))
    running.err.wait_for("app.py is ready")
    remove(installed)
    edit(project, "two")
    running.out.wait_for("^value two")
    running.err.wait_for("the files of reloader itself are gone, upgraded perhaps: start it anew")
    assert running.stop() == 143, running.err.text
    assert "Traceback" not in running.err.text
