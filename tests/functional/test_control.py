"""Asking a running supervisor, by the command and from Python."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from reloader_core.control import Client, ControlError, NotRunningError
from reloader_core.control.address import socket_name
from tests.functional.harness import WAITING_PROGRAM, wait_until

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")

#: Answers each connection with its VALUE.
SERVER = """\
import socket, value
server = socket.create_server(("127.0.0.1", int(open("port").read())))
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(value.VALUE.encode())
"""


class Project:
    """A project whose supervisor is asked, with a runtime directory of its own."""

    def __init__(self, workshop: Workshop, runtime: Path) -> None:
        runtime.mkdir()
        self.workshop = workshop
        self.directory = workshop.directory
        self.environ = {"XDG_RUNTIME_DIR": str(runtime)}
        self.client = Client(self.directory, environ=self.environ)
        self.socket = runtime / "reloader" / socket_name(str(self.directory))
        self.edit("one")

    def edit(self, value: str) -> None:
        self.workshop.write("value.py", f"VALUE = {value!r}\n")

    def start(self, *options: str, program: str = WAITING_PROGRAM) -> Running:
        if not (self.directory / "app.py").exists():
            self.workshop.write("app.py", program)
        # So that a line is written at one stroke, and not in the middle of another one.
        env = {**self.environ, "PYTHONUNBUFFERED": ""}
        running = self.workshop.reloader("run", *options, "app.py", env=env)
        wait_until(self.socket.exists, "the socket")
        return running

    def ask(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of the commands."""
        return subprocess.run(
            [sys.executable, "-m", "reloader_core", *words],
            cwd=cwd or self.directory,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def serve(self, *options: str) -> Running:
        """Start a server of the value."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.workshop.write("port", str(self.port))
        return self.start(*options, program=SERVER)

    def request(self) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            return connection.recv(1000).decode()

    def connect(self) -> socket.socket:
        """A connection of somebody who may say anything."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(str(self.socket))
        return connection


@pytest.fixture
def project(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(workshop, tmp_path_factory.mktemp("r") / "run")


# wait


@pytest.mark.parametrize("backend", ["inotify", "stat"])
def test_after_wait_the_new_code_answers_without_a_pause(project: Project, backend: str) -> None:
    """The backend looks every half minute: wait looks itself."""
    if backend == "inotify" and sys.platform != "linux":
        pytest.skip("inotify is Linux's")
    project.serve("--reloader-type", backend, "--interval", "30")
    assert project.client.wait().is_ready
    for number in range(25):
        project.edit(f"value {number}")
        assert project.client.wait().is_ready
        assert project.request() == f"value {number}"


def test_wait_returns_at_once_if_nothing_has_changed(project: Project) -> None:
    project.serve()
    first = project.client.wait()
    assert project.client.wait() == first
    assert first.generation == 1


def test_wait_tells_of_code_that_does_not_compile_while_the_old_one_goes_on(
    project: Project,
) -> None:
    project.serve()
    project.client.wait()
    project.workshop.write("value.py", "VALUE = (\n")
    answer = project.ask("wait")
    assert answer.returncode == 1
    assert "SyntaxError: '(' was never closed" in answer.stderr
    assert project.request() == "one"
    project.edit("two")
    assert project.ask("wait").returncode == 0
    assert project.request() == "two"


def test_wait_tells_the_traceback_of_a_program_that_cannot_start(project: Project) -> None:
    project.start()
    project.client.wait()
    project.workshop.write("value.py", "VALUE = 1 / 0\n")
    result = project.client.wait()
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.startswith("Traceback (most recent call last):\n")
    assert result.error.endswith("ZeroDivisionError: division by zero\n")
    assert project.client.status().error == result.error
    project.edit("two")
    assert project.client.wait().is_ready


def test_wait_tells_of_a_program_that_ends_with_a_failure(project: Project) -> None:
    project.start()
    project.client.wait()
    project.workshop.write("value.py", "raise SystemExit(5)\n")
    result = project.client.wait()
    assert (result.outcome, result.error) == ("failed", "app.py exited with code 5")


def test_wait_waits_for_a_program_that_takes_its_time_to_listen(project: Project) -> None:
    project.serve()
    project.client.wait()
    project.workshop.write("value.py", "import time\ntime.sleep(1.5)\nVALUE = 'slow'\n")
    assert project.client.wait().is_ready
    assert project.request() == "slow"


def test_a_wait_has_an_end(project: Project) -> None:
    project.serve()
    project.client.wait()
    project.workshop.write("value.py", "import time\ntime.sleep(1000)\n")
    answer = project.ask("wait", "--timeout", "0.5", "--json")
    assert answer.returncode == 124
    said = json.loads(answer.stdout)
    assert (said["ok"], said["outcome"]) == (False, "timeout")
    assert said["error"] == "the program runs, and is not ready"


@pytest.mark.parametrize("program", [SERVER, WAITING_PROGRAM])
def test_observers_are_told_once_that_a_program_is_ready(project: Project, program: str) -> None:
    project.workshop.write("port", "0")
    project.workshop.write("app.py", program)
    project.workshop.write(
        "observer.py",
        "from reloader_core import hookimpl\n"
        "@hookimpl\ndef child_started(child): print('started', child.generation, flush=True)\n"
        "@hookimpl\ndef child_ready(child): print('ready', child.generation, flush=True)\n",
    )
    running = project.start("--plugin", "observer")
    running.out.wait_for("ready 1")
    project.edit("two")
    running.out.wait_for("ready 2")
    running.stop()
    told = [line for line in running.out.lines if line.startswith(("started", "ready"))]
    assert told == ["started 1", "ready 1", "started 2", "ready 2"]


# status, restart, pause, resume


def test_status_tells_what_runs(project: Project) -> None:
    running = project.start("--reloader-type", "stat", "--interval", "0.1")
    line = running.out.wait_for("value one")
    project.edit("two")
    assert project.client.wait().is_ready
    status = project.client.status()
    assert (status.title, status.state, status.is_ready) == ("app.py", "running", True)
    assert status.pid not in (None, int(line.split()[-1]))
    assert status.supervisor_pid == running.process.pid
    assert (status.generation, status.backend) == (2, "stat")
    assert status.files > 1
    assert status.since is not None
    assert abs(status.since - time.time()) < 60
    assert status.error is None
    (restart,) = status.restarts
    assert restart.reason == "value.py changed"
    assert restart.changes == (str(project.directory / "value.py"),)
    said = project.ask("status").stdout
    assert said.startswith(f"app.py: running for 0 s (pid {status.pid}, start 2)") or " s (" in said
    assert "value.py changed" in said
    members = json.loads(project.ask("status", "--json").stdout)
    assert members["ok"] is True
    assert members["pid"] == status.pid
    assert members["restarts"][0]["reason"] == "value.py changed"


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_status_tells_what_auto_has_chosen(project: Project) -> None:
    project.start()
    project.client.wait()
    wait_until(lambda: project.client.status().backend == "auto (inotify)")


def test_a_restart_can_be_asked_for(project: Project) -> None:
    running = project.start()
    first = project.client.wait()
    assert project.ask("restart", "--wait").returncode == 0
    assert project.client.wait().generation == 2
    assert project.client.wait().pid != first.pid
    running.err.wait_for("a restart was asked for: restarted in")


def test_a_program_that_waits_for_a_change_can_be_started(project: Project) -> None:
    project.workshop.write("app.py", "import os\nos.stat('there')\n" + WAITING_PROGRAM)
    running = project.start()
    running.err.wait_for("waiting for a change")
    assert project.client.status().state == "waiting"
    project.workshop.write("there", "")
    project.client.restart()
    running.out.wait_for("value one")


def test_edits_within_a_pause_are_one_restart(project: Project) -> None:
    running = project.start()
    project.client.wait()
    assert project.ask("pause").returncode == 0
    for number in range(20):
        project.edit(f"value {number}")
    running.err.wait_for("value.py changed: not restarted while somebody has paused it")
    result = project.client.wait(0.2)
    assert result.outcome == "timeout"
    assert result.error == "changes are on hold: somebody has paused it"
    assert project.client.status().held == (str(project.directory / "value.py"),)
    assert project.ask("resume").returncode == 0
    assert project.client.wait().generation == 2
    assert project.client.status().holds == ()


def test_what_is_undone_within_a_pause_restarts_nothing(project: Project) -> None:
    running = project.start()
    project.client.wait()
    project.client.pause()
    project.edit("two")
    running.err.wait_for("not restarted while")
    project.edit("one")
    running.err.wait_for("what changed was undone")
    project.client.resume()
    assert project.client.wait().generation == 1


def test_a_pause_has_an_end(project: Project) -> None:
    running = project.start()
    project.client.wait()
    project.client.pause(0.3)
    project.edit("two")
    running.err.wait_for("nobody has resumed what was paused: going on")
    running.out.wait_for("value two")


def test_a_restart_that_is_asked_for_is_not_held(project: Project) -> None:
    running = project.start()
    project.client.wait()
    project.client.pause()
    project.edit("two")
    project.client.restart()
    running.out.wait_for("value two")


# Who may ask, and where


def test_the_socket_is_the_users_own(project: Project) -> None:
    running = project.start()
    assert stat.S_IMODE(project.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(project.socket.parent.stat().st_mode) == 0o700
    running.stop()
    assert not project.socket.exists()


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root can be somebody else"
)
def test_another_user_is_refused(project: Project) -> None:
    """Even one who gets at the socket."""
    project.start()
    for path in (project.socket.parent, project.socket.parent.parent):
        path.chmod(0o777)
    project.socket.chmod(0o777)
    code = (
        "import os, socket, sys\n"
        "connection = socket.socket(socket.AF_UNIX)\n"
        "os.chdir(sys.argv[1])\n"
        "os.setuid(65534)\n"
        "connection.connect(sys.argv[2])\n"
        'connection.sendall(b\'{"version": 1, "command": "restart"}\\n\')\n'
        "print(connection.recv(1000).decode())\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, project.socket.parent, project.socket.name],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(other.stdout) == {
        "ok": False,
        "error": "only the user who started the supervisor may ask it",
    }
    assert project.client.status().generation == 1


def test_without_a_supervisor_the_commands_say_so(project: Project) -> None:
    with pytest.raises(NotRunningError):
        project.client.status()
    for command in ("status", "restart", "pause", "resume", "wait"):
        answer = project.ask(command)
        assert answer.returncode == 3
        assert answer.stderr.startswith("[reloader] error: no supervisor runs for ")
        said = json.loads(project.ask(command, "--json").stdout)
        assert (said["ok"], said["kind"]) == (False, "not-running")


def test_a_supervisor_is_found_from_below_its_project(project: Project) -> None:
    project.start()
    below = project.directory / "package" / "deep"
    below.mkdir(parents=True)
    assert project.ask("wait", cwd=below).returncode == 0
    assert project.ask("wait", "-C", str(below), cwd=Path("/")).returncode == 0
    (below / "pyproject.toml").write_text("")
    assert project.ask("wait", cwd=below).returncode == 3


def test_a_second_supervisor_of_a_project_leaves_the_first_its_socket(project: Project) -> None:
    first = project.start()
    second = project.start()
    second.err.wait_for("another supervisor runs for this project: this one takes no commands")
    second.out.wait_for("value one")
    assert project.client.status().supervisor_pid == first.process.pid
    second.stop()
    assert project.client.status().supervisor_pid == first.process.pid


def test_a_socket_that_was_left_behind_is_taken_over(project: Project) -> None:
    running = project.start()
    running.process.kill()
    running.wait()
    assert project.socket.exists()
    running = project.start()
    wait_until(lambda: project.ask("status").returncode == 0)
    assert project.client.status().supervisor_pid == running.process.pid


def test_without_a_place_for_a_socket_the_program_runs_all_the_same(project: Project) -> None:
    project.workshop.write("app.py", WAITING_PROGRAM)
    project.workshop.write("file", "")
    environ = {"XDG_RUNTIME_DIR": "/proc", "TMPDIR": str(project.directory / "file")}
    own = Path(f"/tmp/reloader-{os.getuid()}")
    if own.is_dir():
        pytest.skip("there is a place among the temporary files")
    own.write_text("")
    try:
        running = project.workshop.reloader("run", "app.py", env=environ)
        running.err.wait_for("no commands are taken, for there is no place for a socket")
        running.out.wait_for("value one")
        project.edit("two")
        running.out.wait_for("value two")
    finally:
        own.unlink()


# Those who misbehave


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"\n", "this is no request"),
        (b"GET / HTTP/1.1\r\n", "this is no request"),
        (b"[1]\n", "not a JSON object"),
        (b"\xff\xfe\n", "this is no request"),
        (b"x" * 5000, "a request has 4096 bytes at most"),
        (b'{"command": "status"}\n', "speaks version 1 only"),
        (b'{"version": 1, "command": "dance"}\n', "'dance' is no command"),
        (b'{"version": 1, "command": "wait"}\n', "timeout is None, not a number of seconds"),
        (b'{"version": 1, "command": "wait", "timeout": -1}\n', "not a number of seconds"),
        (b'{"version": 1, "command": "pause", "seconds": NaN}\n', "not a number of seconds"),
    ],
)
def test_what_is_no_request_is_refused(project: Project, said: bytes, answer: str) -> None:
    project.start()
    with project.connect() as connection:
        connection.sendall(said)
        reply = json.loads(connection.makefile().readline())
    assert reply["ok"] is False
    assert answer in reply["error"]
    assert project.client.status().state == "running"


def test_those_who_say_nothing_or_hang_up_cost_nothing(project: Project) -> None:
    running = project.start()
    project.client.wait()
    supervisor = psutil.Process(running.process.pid)
    before = len(supervisor.net_connections("unix"))
    silent = [project.connect() for _ in range(70)]
    silent.pop().close()
    project.edit("two")
    running.out.wait_for("value two")
    for connection in silent:
        connection.close()
    wait_until(lambda: project.ask("status").returncode == 0, "room for those who ask")
    waiting = project.connect()
    waiting.sendall(b'{"version": 1, "command": "wait", "timeout": 100}\n')
    waiting.close()
    assert project.client.wait().is_ready
    wait_until(lambda: len(supervisor.net_connections("unix")) <= before, "them to be gone")


def test_those_who_wait_are_told_when_the_supervisor_ends(project: Project) -> None:
    running = project.start()
    project.client.wait()
    project.client.pause()
    project.edit("two")
    running.err.wait_for("not restarted while")
    with project.connect() as connection:
        connection.sendall(b'{"version": 1, "command": "wait", "timeout": 100}\n')
        project.client.status()  # so it was received
        running.stop()
        assert json.loads(connection.makefile().readline())["error"] == "the supervisor ends"


def test_a_supervisor_that_is_stopped_does_not_answer_and_that_is_told(project: Project) -> None:
    running = project.start()
    running.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ControlError, match=r"has not answered within 0\.3 s"):
            project.client.request("status", answer_seconds=0.3)
    finally:
        running.process.send_signal(signal.SIGCONT)


# Messages for machines


def test_messages_can_be_read_by_machines(project: Project) -> None:
    running = project.start("--log-format", "json", "-v")
    project.client.wait()
    project.edit("two")
    project.client.wait()
    project.workshop.write("value.py", "VALUE = (\n")
    project.client.wait()
    running.stop()
    said = [json.loads(line) for line in running.err.lines]
    events = [message["event"] for message in said]
    assert {"started", "ready", "restarted", "held", "signal", "exited"} <= set(events)
    for message in said:
        assert {"time", "level", "event", "text"} <= message.keys()
        assert message["time"].endswith("Z")
    (restarted,) = [message for message in said if message["event"] == "restarted"]
    assert restarted["paths"] == [str(project.directory / "value.py")]
    assert restarted["started_seconds"] > 0
