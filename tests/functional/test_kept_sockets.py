"""Sockets that a program opens itself outlive it: nobody is refused while it restarts."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.clients import ask, clients, free_port
from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.processes import keeper_of, last_pid

if TYPE_CHECKING:
    from collections import Counter

    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets cannot be sent")

#: Answers with what it runs, one connection after the other, and ends between two.
SERVER = """\
import os, select, signal, socket, sys
import value
READER, WRITER = os.pipe()
os.set_blocking(WRITER, False)
signal.set_wakeup_fd(WRITER)
signal.signal(signal.SIGTERM, lambda *_: None)
def serve(*listening):
    for one in listening:
        one.listen(128)
    print("value", value.VALUE, "pid", os.getpid(), flush=True)
    while True:
        ready, _, _ = select.select([READER, *listening], [], [])
        if READER in ready:
            return
        for one in ready:
            try:
                connection, _ = one.accept()
            except BlockingIOError:
                continue
            with connection:
                connection.recv(100)
                connection.sendall(value.VALUE.encode())
"""

TCP = SERVER + "with socket.create_server(({host!r}, {port})) as listening: serve(listening)\n"

UNIX = (
    SERVER
    + """\
def remove():
    if os.path.exists("app.sock"):
        os.remove("app.sock")
remove()
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind("app.sock")
    serve(listening)
os.unlink("app.sock")
"""
)


def tcp(port: int, host: str = "127.0.0.1") -> str:
    return TCP.format(host=host, port=port)


def start(workshop: Workshop, program: str, *options: str) -> Running:
    workshop.write("value.py", assign("one"))
    workshop.write("app.py", program)
    running = workshop.reloader(
        *("run", "-v", "--interval", "0.05", *options, "app.py"), env={"PYTHONUNBUFFERED": ""}
    )
    running.out.wait_for("^value one")
    return running


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), timeout=5).close()
        return True
    return False


def restart_often(workshop: Workshop, running: Running, answers: Counter[str]) -> None:
    """Twenty edits, each served before the next one."""
    values = [f"n{number:02}" for number in range(20)]
    for value in values:
        workshop.write("value.py", assign(value))
        wait_until(lambda: answers[value], f"an answer of {value}")  # noqa: B023
    assert not set(answers) - {"one", *values}, answers


def test_nobody_is_refused_while_a_program_restarts(workshop: Workshop) -> None:
    port = free_port()
    running = start(workshop, tcp(port))
    with clients(lambda: ask(("127.0.0.1", port))) as answers:
        restart_often(workshop, running, answers)
    assert running.stop() == 143
    assert not is_open(port)


def test_a_unix_socket_is_kept_though_its_program_removes_it(workshop: Workshop) -> None:
    running = start(workshop, UNIX)
    path = workshop.directory / "app.sock"
    with clients(lambda: ask(str(path))) as answers:
        restart_often(workshop, running, answers)
    assert running.stop() == 143
    assert not path.exists()


def test_who_asks_while_the_code_is_broken_is_answered_when_it_is_mended(
    workshop: Workshop,
) -> None:
    port = free_port()
    running = start(workshop, tcp(port))
    workshop.write("value.py", "VALUE = 1 / 0\n")
    running.err.wait_for("waiting for a change")
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(("127.0.0.1", port))))
    asking.start()
    workshop.write("value.py", assign("two"))
    asking.join()
    assert answers == ["two"]
    assert running.stop() == 143


def test_an_address_that_is_given_up_is_closed(workshop: Workshop) -> None:
    first, second = free_port(), free_port()
    running = start(workshop, tcp(first))
    workshop.write("app.py", tcp(second))
    assert wait_for_answer(second) == "one"
    wait_until(lambda: not is_open(first), "the former port to be closed")
    assert running.stop() == 143


def wait_for_answer(port: int) -> str:
    wait_until(lambda: is_open(port), f"port {port}")
    return ask(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("before", "after"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("", "localhost")]
)
def test_another_address_of_the_same_port_can_be_bound(
    workshop: Workshop, before: str, after: str
) -> None:
    port = free_port()
    running = start(workshop, tcp(port, before))
    workshop.write("app.py", tcp(port, after))
    running.err.wait_for("app.py changed: restarted")
    workshop.write("value.py", assign("two"))
    running.out.wait_for("^value two")
    assert ask(("127.0.0.1", port)) == "two"
    assert running.stop() == 143, running.err.text


@pytest.mark.parametrize("spelling", ["127.0.0.1", "localhost", "127.1"])
def test_an_address_is_known_by_what_it_means(workshop: Workshop, spelling: str) -> None:
    port = free_port()
    running = start(workshop, tcp(port))
    inode = listening_inodes(last_pid(running.out))
    workshop.write("app.py", "#\n" + tcp(port, spelling))
    running.err.wait_for("app.py changed: restarted")
    wait_until(lambda: running.out.text.count("value one") == 2)
    assert listening_inodes(last_pid(running.out)) == inode
    assert running.stop() == 143


def listening_inodes(pid: int) -> list[str]:
    """The listening sockets that are open in a process."""
    if sys.platform != "linux":
        pytest.skip("read from /proc")
    listening = re.findall(
        r"^ *\d+: \S+ \S+ 0A(?: +\S+){5} +(\d+)", read("/proc/net/tcp"), re.MULTILINE
    )
    links = (os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd"))
    return sorted(link for link in links if link[8:-1] in listening)


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def test_ipv6_is_kept(workshop: Workshop) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
            port = taken.getsockname()[1]
    except OSError:
        pytest.skip("no IPv6 here")
    program = SERVER + (
        f"with socket.create_server(('::1', {port}), family=socket.AF_INET6) as listening:\n"
        "    serve(listening)\n"
    )
    running = start(workshop, program)
    workshop.write("value.py", "VALUE = 1 / 0\n")
    running.err.wait_for("waiting for a change")
    assert is_open(port, "::1")
    workshop.write("value.py", assign("two"))
    running.out.wait_for("^value two")
    assert running.stop() == 143


@pytest.mark.parametrize("timeout", ["None", "0", "7.5"])
def test_a_socket_blocks_as_its_program_has_set_it_before(workshop: Workshop, timeout: str) -> None:
    port = free_port()
    program = SERVER + (
        "listening = socket.socket()\n"
        "listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        f"listening.settimeout({{timeout}})\n"
        f"listening.bind(('127.0.0.1', {port}))\n"
        "print('blocks', os.get_blocking(listening.fileno()), listening.gettimeout(), flush=True)\n"
        "serve(listening)\n"
    )
    other = "0" if timeout == "None" else "None"
    running = start(workshop, program.format(timeout=other))
    workshop.write("app.py", program.format(timeout=timeout))
    running.out.wait_for(f"^blocks {timeout == 'None'} {'0.0' if timeout == '0' else timeout}")
    assert ask(("127.0.0.1", port)) == "one"
    assert running.stop() == 143


def test_several_sockets_are_kept(workshop: Workshop) -> None:
    ports = [free_port() for _ in range(5)]
    program = SERVER + (
        f"serve(*(socket.create_server(('127.0.0.1', port)) for port in {ports}))\n"
    )
    running = start(workshop, program)
    for value in ("two", "six"):
        workshop.write("value.py", "VALUE = 1 / 0\n")
        running.err.wait_for("waiting for a change", start=len(running.err.lines))
        assert all(map(is_open, ports))
        workshop.write("value.py", assign(value))
        running.out.wait_for(f"^value {value}")
    assert [ask(("127.0.0.1", port)) for port in ports] == ["six"] * 5
    assert running.stop() == 143


def test_what_is_kept_is_not_open_anywhere_else(workshop: Workshop) -> None:
    port = free_port()
    program = tcp(port).replace(
        "import value\n",
        "import subprocess, value\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n",
    )
    running = start(workshop, program)
    for value in ("two", "six"):
        workshop.write("value.py", assign(value))
        running.out.wait_for(f"^value {value}")
        assert ask(("127.0.0.1", port)) == value
    pid = last_pid(running.out)
    (child,) = psutil.Process(pid).children()
    assert len(listening_inodes(pid)) == 1
    assert listening_inodes(child.pid) == []
    assert listening_inodes(keeper_of(running).pid) == []
    assert len(listening_inodes(running.process.pid)) == 1
    assert running.stop() == 143


def test_it_can_be_turned_off(workshop: Workshop) -> None:
    port = free_port()
    running = start(workshop, tcp(port), "--no-keep-sockets")
    assert ask(("127.0.0.1", port)) == "one"
    workshop.write("value.py", "VALUE = 1 / 0\n")
    running.err.wait_for("waiting for a change")
    assert not is_open(port)
    workshop.write("pyproject.toml", "[tool.reloader]\nkeep_sockets = false\n")
    workshop.write("value.py", assign("two"))
    running.out.wait_for("^value two")
    assert running.stop() == 143


def test_a_port_that_is_in_use_is_an_error_as_ever(workshop: Workshop) -> None:
    port = free_port()
    running = start(workshop, tcp(port))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        workshop.write("app.py", tcp(taken.getsockname()[1]))
        running.err.wait_for("Address already in use")
        running.err.wait_for("waiting for a change")
        assert "importlib" not in running.err.text
    assert running.stop() == 143


def test_a_forked_worker_that_binds_gets_the_socket_back(workshop: Workshop) -> None:
    port = free_port()
    program = tcp(port).replace(
        "with socket",
        "if os.fork():\n    signal.pause()\n    os.wait()\n    sys.exit()\nwith socket",
    )
    running = start(workshop, program)
    with clients(lambda: ask(("127.0.0.1", port))) as answers:
        for value in ("two", "six"):
            workshop.write("value.py", assign(value))
            wait_until(lambda: answers[value], f"an answer of {value}")  # noqa: B023
    assert set(answers) <= {"one", "two", "six"}, answers
    assert running.stop() == 143


def test_udp_is_left_alone(workshop: Workshop) -> None:
    port = free_port()
    program = (
        "import os, signal, socket, value\n"
        "one = socket.socket(type=socket.SOCK_DGRAM)\n"
        f"one.bind(('127.0.0.1', {port}))\n"
        "print('value', value.VALUE, flush=True)\nsignal.pause()\n"
    )
    running = start(workshop, program)
    workshop.write("value.py", assign("two"))
    running.out.wait_for("^value two")
    assert running.stop() == 143


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_program_may_listen_again_where_it_has_listened(
    workshop: Workshop, restarts: int
) -> None:
    """As one does that looks whether a port is free, or starts its server anew."""
    port = free_port()
    once = f"socket.create_server(('127.0.0.1', {port})).close()\n"
    running = start(workshop, SERVER + once + once + tcp(port).removeprefix(SERVER))
    for _ in range(restarts):
        workshop.write("value.py", assign("two"))
        running.out.wait_for("^value two")
    assert ask(("127.0.0.1", port)) == ("two" if restarts else "one")
    assert running.stop() == 143
    assert "Traceback" not in running.err.text


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_program_may_make_its_unix_socket_anew(workshop: Workshop, restarts: int) -> None:
    once = UNIX.removeprefix(SERVER).replace("serve(listening)", "listening.listen()")
    running = start(workshop, SERVER + once + once + UNIX.removeprefix(SERVER))
    for _ in range(restarts):
        workshop.write("value.py", assign("two"))
        running.out.wait_for("^value two")
    path = workshop.directory / "app.sock"
    assert ask(str(path)) == ("two" if restarts else "one")
    assert running.stop() == 143
    assert "Traceback" not in running.err.text
    assert not path.exists()


def test_broken_edits_in_a_row_leave_nothing_open(workshop: Workshop) -> None:
    port = free_port()
    running = start(workshop, tcp(port))
    supervisor = psutil.Process(running.process.pid)
    counts = []
    for number in range(12):
        workshop.write("value.py", f"VALUE = {number} / 0\n")
        running.err.wait_for("waiting for a change", start=len(running.err.lines))
        counts.append(supervisor.num_fds())
    assert counts[-1] <= counts[2], counts
    workshop.write("value.py", assign("two"))
    running.out.wait_for("^value two")
    assert ask(("127.0.0.1", port)) == "two"
    assert running.stop() == 143
