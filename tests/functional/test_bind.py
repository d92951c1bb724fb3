"""Listening sockets of the configuration: handed to every program, kept over restarts."""

from __future__ import annotations

import re
import socket
import sys
from typing import TYPE_CHECKING

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
