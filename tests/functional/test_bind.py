"""Listening sockets of the configuration: handed to every program, kept over restarts."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

#: A server on the socket it was given, by systemd's protocol.
SERVER = """\
import os, socket, sys, value
assert os.environ["LISTEN_PID"] == str(os.getpid()), (os.environ["LISTEN_PID"], os.getpid())
count = int(os.environ["LISTEN_FDS"])
listening = [socket.socket(fileno=3 + number) for number in range(count)]
print("serving", count, value.VALUE, flush=True)
while True:
    connection, _ = listening[0].accept()
    connection.sendall(value.VALUE.encode())
    connection.close()
"""


def ask(running: Running) -> str:
    line = running.err.wait_for("listening at 127.0.0.1:")
    found = re.search(r":(\d+)$", line)
    assert found is not None
    with socket.create_connection(("127.0.0.1", int(found[1])), timeout=10) as connection:
        return connection.recv(100).decode()


def start(workshop: Workshop, *program: str, bind: str = "127.0.0.1:0") -> Running:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", SERVER)
    return workshop.reloader("run", *program, env={"RELOADER_BIND": bind})


def test_a_socket_is_handed_over_and_outlives_restarts(workshop: Workshop) -> None:
    running = start(workshop, "app.py")
    assert ask(running) == "one"
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("serving 1 two")
    assert ask(running) == "two"
    assert running.stop() == 143


def test_connections_wait_while_the_program_restarts(workshop: Workshop) -> None:
    running = start(workshop, "app.py")
    assert ask(running) == "one"
    for value in ("two", "six", "ten"):
        workshop.write("value.py", f"VALUE = {value!r}\n")
        assert ask(running) in ("one", "two", "six", "ten")  # answered, never refused
    running.out.wait_for("serving 1 ten")
    assert ask(running) == "ten"


def test_several_sockets_come_in_order(workshop: Workshop) -> None:
    path = workshop.directory / "app.sock"
    running = start(workshop, "app.py", bind=f"127.0.0.1:0,unix:{path},127.0.0.1:0")
    running.out.wait_for("serving 3 one")
    assert path.exists()
    running.stop()
    assert not path.exists()


def test_a_program_behind_a_shell_gets_them_too(workshop: Workshop) -> None:
    running = start(workshop, "sh", "-c", f"exec {sys.executable} -S app.py")
    assert ask(running) == "one"


def test_a_port_in_use_is_refused_before_anything_starts(workshop: Workshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = start(workshop, "app.py", bind=f"127.0.0.1:{port}")
        assert running.wait() == 2
    assert running.out.text == ""
    (line,) = running.err.lines
    assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in line
    if sys.platform == "linux":
        with open("/proc/self/comm") as file:
            assert f" by {file.read().strip()} (pid {os.getpid()}); free it" in line


def test_a_unix_socket_in_use_is_refused_and_a_stale_one_taken_over(workshop: Workshop) -> None:
    path = workshop.directory / "app.sock"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        running = start(workshop, "app.py", bind=f"unix:{path}")
        assert running.wait() == 2
        (line,) = running.err.lines
        assert f"cannot listen at unix:{path}: Address already in use" in line
    running = start(workshop, "app.py", bind=f"unix:{path}")
    running.out.wait_for("serving 1 one")
    assert running.stop() == 143
    assert not path.exists()


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("unix:value.py", "there is a file that is no socket; remove it or choose another"),
        ("unix:nowhere/app.sock", "No such file or directory; choose another"),
        (f"unix:{'x' * 200}", "path too long"),
        ("192.0.2.1:8000", "Cannot assign requested address; give an address of this machine"),
        ("host.invalid:8000", "check its spelling, or give an address"),
    ],
)
def test_an_address_that_cannot_be_had_is_told(
    workshop: Workshop, address: str, fault: str
) -> None:
    running = start(workshop, "app.py", bind=address)
    assert running.wait() == 2
    (line,) = running.err.lines
    assert f"cannot listen at {address}: " in line
    assert fault in line
    assert (workshop.directory / "value.py").read_text() == "VALUE = 'one'\n"


#: Says its arguments and what it got.
TELLING = """\
import os, signal, sys
print("told", sys.argv[1:], os.environ.get("LISTEN_FDNAMES"), flush=True)
signal.pause()
"""


def test_words_of_the_command_line_are_filled_in(workshop: Workshop) -> None:
    path = workshop.directory / "app.sock"
    workshop.write("app.py", TELLING)
    running = workshop.reloader(
        *("run", "--bind", "web=127.0.0.1:0", "--bind", f"unix:{path}", "--backlog", "7"),
        *("app.py", "--fd={fd}", "{host}:{port}", "{fd2}", "{path2}", "{fd3}", "{other}"),
    )
    said = running.out.wait_for("^told")
    port = running.err.wait_for("listening at 127.0.0.1:").rpartition(":")[2]
    expected = ["--fd=3", f"127.0.0.1:{port}", "4", str(path), "{fd3}", "{other}"]
    assert said == f"told {expected} web:unknown"
    assert running.stop() == 143


def test_without_an_address_words_stay_as_they_are(workshop: Workshop) -> None:
    workshop.write("app.py", TELLING)
    running = workshop.reloader("run", "app.py", "{fd}")
    assert running.out.wait_for("^told") == "told ['{fd}'] None"
    assert running.stop() == 143


#: Starts the rest of its arguments with a listening socket, or a pipe, as descriptor 3.
ACTIVATE = """\
import os, socket, sys
kind, *command = sys.argv[1:]
if kind == "socket":
    listening = socket.create_server(("127.0.0.1", 0))
    print("port", listening.getsockname()[1], flush=True)
    own = listening.fileno()
elif kind == "deaf":
    own = socket.socket().detach()
else:
    own = os.pipe()[0]
if own != 3:
    os.dup2(own, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.executable, [sys.executable, "-m", "reloader_core", *command])
"""


def test_sockets_of_systemd_are_passed_on_before_others(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", SERVER)
    command = ["run", "--bind", "127.0.0.1:0", "app.py"]
    running = workshop.start([sys.executable, "-c", ACTIVATE, "socket", *command])
    port = int(running.out.wait_for("^port").split()[1])
    running.out.wait_for("serving 2 one")
    for value in ("one", "two"):
        workshop.write("value.py", f"VALUE = {value!r}\n")
        running.out.wait_for(f"serving 2 {value}")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            assert connection.recv(100).decode() == value
    assert running.stop() == 143


@pytest.mark.parametrize("kind", ["pipe", "deaf"])
def test_what_does_not_listen_is_refused(workshop: Workshop, kind: str) -> None:
    workshop.write("app.py", TELLING)
    running = workshop.start([sys.executable, "-c", ACTIVATE, kind, "run", "app.py"])
    assert running.wait() == 2
    (line,) = running.err.lines
    assert "descriptor 3 of LISTEN_FDS is no socket that listens; check the unit" in line
