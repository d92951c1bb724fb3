"""What a program tells its supervisor by ``reloader_core.child``."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core.control import Client
from tests.functional.harness import wait_until
from tests.functional.live import Live, assign

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no agent")

READY_WHEN_ASKED = """\
import os, time, value
from reloader_core import child
print("value", value.VALUE, flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
print("heard", child.ready(), flush=True)
while True:
    time.sleep(0.2)
    __import__(f"more{time.monotonic_ns()}" if os.path.exists("never") else "value")
"""

WATCHING = """\
import os, signal, value
from reloader_core import child
child.watch("data.txt", "templates/", "styles/*.css")
print("value", value.VALUE, "pid", os.getpid(), flush=True)
signal.pause()
"""


def test_a_program_says_that_it_is_ready(workshop: Workshop) -> None:
    live = Live(workshop, "inotify")
    live.write("app.py", READY_WHEN_ASKED)
    live.edit("one")
    live.write("go", "")
    live.start("-v")
    live.out.wait_for("^heard True")
    live.err.wait_for("app.py is ready")
    (live.directory / "go").unlink()
    live.edit("two")
    live.expect("two")
    # Its predecessor has said so, and it has not yet.
    result = Client(live.directory).wait(timeout=2.0)
    assert result.outcome == "timeout"
    live.write("go", "")
    started = time.monotonic()
    assert Client(live.directory).wait(timeout=20.0).is_ready
    assert time.monotonic() - started < 10.0
    assert live.finish() == ["one", "two"]


def test_a_program_has_more_files_watched(live: Live) -> None:
    live.write("app.py", WATCHING)
    live.edit("one")
    live.write("data.txt", "1")
    live.write("templates/deep/page.html", "1")
    live.write("styles/a.css", "1")
    live.write("styles/a.txt", "1")
    live.start("-v")
    live.expect("one")
    live.err.wait_for("app.py is ready")
    for name in ("data.txt", "templates/deep/page.html", "templates/new.html", "styles/a.css"):
        seen = len(live.err.lines)
        live.write(name, "22")
        live.err.wait_for(f"{name} (changed|created): restarted in", start=seen)
        live.expect("one")
        live.err.wait_for("app.py is ready", start=seen)
    live.write("styles/a.txt", "22")
    live.edit("two")
    live.expect("two")
    assert live.finish() == ["one"] * 5 + ["two"]


def test_without_a_supervisor_nothing_happens(workshop: Workshop) -> None:
    code = (
        "import sys\nfrom reloader_core import child\n"
        "print(child.ready(), child.watch('a'), 'attr' in sys.modules, 'socket' in sys.modules)\n"
        "try: child.watch('a\\0b')\nexcept ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workshop.directory,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "False False False False",
        r"'a\x00b' holds a null character; remove it",
    ]


def test_what_is_named_again_by_the_next_program_restarts_nothing(workshop: Workshop) -> None:
    live = Live(workshop, "stat")
    live.write("app.py", WATCHING)
    live.edit("one")
    live.write("data.txt", "1")
    live.start("-v")
    live.expect("one")
    for value in ("two", "six"):
        workshop.write("value.py", assign(value))
        live.expect(value)
    wait_until(lambda: live.err.text.count("app.py is ready") >= 1)
    assert live.finish() == ["one", "two", "six"]


NOTIFYING = """\
import os, signal, socket, sys, value
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
    address = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
    link.sendto(b"STATUS=of " + value.VALUE.encode() + b"\\nMAINPID=1\\nREADY=1\\n", address)
print("value", value.VALUE, "pid", os.getpid(), flush=True)
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the protocol is systemd's")
@pytest.mark.parametrize("flags", [(), ("python", "-I")], ids=["with agent", "without"])
def test_a_program_says_that_it_is_ready_by_the_protocol_of_systemd(
    workshop: Workshop, flags: tuple[str, ...]
) -> None:
    live = Live(workshop, "inotify")
    live.write("app.py", f"import sys; sys.path.insert(0, {str(live.directory)!r})\n" + NOTIFYING)
    live.edit("one")
    manager = live.directory / "manager"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
        service_manager.bind(str(manager))
        service_manager.settimeout(20.0)
        running = workshop.reloader(
            *("run", "-v", "--reloader-type", "inotify", "--extra-file", "value.py"),
            *(*flags, "app.py"),
            env={"NOTIFY_SOCKET": str(manager)},
        )
        running.err.wait_for("app.py is ready")
        # What it says of itself is passed on, but for who it is.
        assert service_manager.recv(100) == b"STATUS=of one"
        assert service_manager.recv(100) == b"READY=1"
        live.edit("three")  # of another size: without an agent, Python believes old bytecode
        running.err.wait_for(r"value.py changed: restarted in .*, ready \d+ ms\)")
        assert service_manager.recv(100) == b"STATUS=of three"
    assert running.stop() == 143


def test_a_restart_takes_until_the_program_is_ready(workshop: Workshop) -> None:
    live = Live(workshop, "inotify")
    live.write("app.py", READY_WHEN_ASKED)
    live.edit("one")
    live.write("go", "")
    live.start("-v", "--log-format", "json")
    live.err.wait_for('"ready"')
    (live.directory / "go").unlink()
    live.edit("two")
    live.expect("two")
    assert '"restarted"' not in live.err.text
    live.write("go", "")
    line = live.err.wait_for('"restarted"')
    assert json.loads(line)["ready_seconds"] > 0.0
    # One that fails before it is ready has restarted all the same.
    (live.directory / "go").unlink()
    live.edit("six")
    live.expect("six")
    live.write("app.py", "raise SystemExit(7)\n")
    live.err.wait_for("exited with code 7")
    restarted = [line for line in live.err.lines if '"restarted"' in line]
    assert len(restarted) == 3
    assert "ready_seconds" not in json.loads(restarted[1])
    live.running.stop()
