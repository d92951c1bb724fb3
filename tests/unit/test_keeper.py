"""The keeper, asked directly."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import DEADLINE_SECONDS, wait_until
from tests.functional.processes import is_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform != "linux":
    pytest.skip("there is no keeper", allow_module_level=True)

from reloader_core.supervisor.child.keeper.host import KeeperHost, KeptProcess
from reloader_core.supervisor.child.keeper.messages import decode, encode
from reloader_core.supervisor.child.keeper.process_tree import list_descendants, status_of

SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(1000)")


@pytest.fixture
def host() -> Iterator[KeeperHost]:
    host = KeeperHost()
    yield host
    host.close()


def spawn(host: KeeperHost, *argv: str, **options: object) -> KeptProcess:
    arguments = {"cwd": "/", "environment": dict(os.environ), "descriptors": {}, **options}
    return host.spawn(argv, **arguments)  # type: ignore[arg-type]  # a test's shorthand


def end(process: KeptProcess) -> int | None:
    try:
        return process.wait(DEADLINE_SECONDS)
    finally:
        process.close()


def test_an_exit_code_is_told(host: KeeperHost) -> None:
    assert end(spawn(host, "/bin/sh", "-c", "exit 7")) == 7


def test_a_signal_is_told_as_a_negative_number(host: KeeperHost) -> None:
    process = spawn(host, *SLEEP)
    process.send_signal(signal.SIGTERM)
    assert end(process) == -signal.SIGTERM


def test_directory_and_environment_are_the_ones_that_were_asked_for(
    host: KeeperHost, tmp_path: Path
) -> None:
    script = 'test "$PWD" = "$WANTED" && test -z "$HOME"'
    environment = {"WANTED": str(tmp_path)}
    assert (
        end(spawn(host, "/bin/sh", "-c", script, cwd=str(tmp_path), environment=environment)) == 0
    )


@pytest.mark.parametrize("argv", [("/nowhere/program",), ("program-that-is-nowhere",)])
def test_what_cannot_be_started_is_an_error_with_its_name(
    host: KeeperHost, argv: tuple[str, ...]
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        spawn(host, *argv)
    assert caught.value.filename == argv[0]


def test_a_missing_directory_is_an_error_with_its_name(host: KeeperHost) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        spawn(host, *SLEEP, cwd="/nowhere")
    assert caught.value.filename == "/nowhere"


def test_an_argument_that_no_system_takes_is_refused(host: KeeperHost) -> None:
    with pytest.raises(ValueError, match="null"):
        spawn(host, "/bin/true", "a\0b")
    assert end(spawn(host, "/bin/true")) == 0


def test_descriptors_are_where_they_were_asked_to_be(host: KeeperHost) -> None:
    """Also where the keeper has its own, and in each other's places."""
    reads = [os.pipe() for _ in range(3)]
    try:
        for number, (_, write) in enumerate(reads):
            os.write(write, f"pipe {number}\n".encode())
        placed = {3: reads[2][0], 4: reads[0][0], 512: reads[1][0]}
        code = (
            "import os, sys; got = [os.read(fd, 100) for fd in (3, 4, 512)];"
            "sys.exit(got != [b'pipe 2\\n', b'pipe 0\\n', b'pipe 1\\n'])"
        )
        for _ in range(2):
            process = spawn(host, sys.executable, "-S", "-c", code, descriptors=placed)
            assert end(process) == 0
            for number, (_, write) in enumerate(reads):
                os.write(write, f"pipe {number}\n".encode())
    finally:
        for pair in reads:
            for descriptor in pair:
                os.close(descriptor)


def test_a_large_environment_fits(host: KeeperHost) -> None:
    environment = {**os.environ, **{f"LARGE_{number}": "x" * 100_000 for number in range(15)}}
    assert end(spawn(host, "/bin/true", environment=environment)) == 0


def test_nothing_of_the_keeper_is_inherited(host: KeeperHost) -> None:
    code = "import os, sys; sys.exit(len(os.listdir('/proc/self/fd')) != 4)"  # and the listing
    assert end(spawn(host, sys.executable, "-S", "-c", code)) == 0


def test_a_leash_that_is_closed_ends_the_process(host: KeeperHost) -> None:
    process = spawn(host, *SLEEP)
    process.close()
    wait_until(lambda: not is_running(process.pid))


def test_what_a_process_leaves_behind_is_told_asked_and_killed(host: KeeperHost) -> None:
    script = "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & exit 3"
    process = spawn(host, "/bin/sh", "-c", script)
    process.set_rules(signal.SIGTERM, 0.2)
    wait_until(lambda: process.poll() is not None or process.left)
    assert end(process) == 3
    assert process.killed
    assert all(name.startswith(("sh (pid", "sleep (pid")) for name in process.killed)
    assert process.survivors == []


def test_a_second_process_is_not_taken_for_what_the_first_left_behind(host: KeeperHost) -> None:
    reserve = spawn(host, *SLEEP)
    assert end(spawn(host, "/bin/sh", "-c", "exit 0")) == 0
    assert is_running(reserve.pid)
    reserve.kill()
    assert end(reserve) == -signal.SIGKILL


def test_a_keeper_is_executed_where_there_are_threads() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        host = KeeperHost()
        try:
            assert end(spawn(host, "/bin/sh", "-c", "exit 7")) == 7
        finally:
            host.close()
    finally:
        over.set()
        thread.join()


def test_a_process_is_ended_when_its_keeper_dies(host: KeeperHost) -> None:
    process = spawn(host, *SLEEP)
    os.kill(host._pid, signal.SIGKILL)
    assert end(process) == -signal.SIGKILL
    assert process.is_lost
    wait_until(lambda: not is_running(process.pid))
    assert end(spawn(host, "/bin/sh", "-c", "exit 7")) == 7


def test_closing_ends_everything() -> None:
    host = KeeperHost()
    process = spawn(host, *SLEEP)
    host.close()
    assert not is_running(process.pid)
    process.close()


def test_messages_come_in_any_pieces() -> None:
    stream = encode(("a", 1)) + encode(("b", [2, 3]))
    for cut in range(len(stream) + 1):
        first, rest = decode(stream[:cut])
        second, rest = decode(rest + stream[cut:])
        assert [*first, *second] == [("a", 1), ("b", [2, 3])]
        assert rest == b""


def test_a_process_is_known_by_its_line_in_proc() -> None:
    status = status_of(os.getpid())
    assert status is not None
    assert status.parent == os.getppid()
    assert status_of(2**22 + 1) is None
    assert os.getpid() in [below.pid for below in list_descendants(os.getppid())]


def test_a_name_with_blanks_and_brackets_does_no_harm(tmp_path: Path, host: KeeperHost) -> None:
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    process = spawn(host, str(program), "1000")
    wait_until(lambda: (found := status_of(process.pid)) and found.name == program.name)
    process.kill()
    end(process)


def test_the_socket_of_the_keeper_is_not_inherited_by_others(host: KeeperHost) -> None:
    assert host._control is not None
    assert not os.get_inheritable(host._control.fileno())
    assert host._control.family == socket.AF_UNIX
