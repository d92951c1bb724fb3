"""A program is asked to end, gets its time, and is then ended; a line says what held it up."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import WAITING_PROGRAM, wait_until
from tests.functional.processes import STUBBORN, is_running, last_pid

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stacks are asked for on Linux")

#: Ways not to end, each with what is said of it.
HOLD_UPS = {
    "ignores the signals": (
        STUBBORN
        + """\
print('up', flush=True)
def wait():
    time.sleep(1000)
wait()
""",
        r"its main thread is in wait \(app.py, line 6\)",
    ),
    "hangs in an import": (
        STUBBORN
        + """\
import slow
""",
        r"its main thread is in <module> \(slow.py, line 2\)",
    ),
    "hangs in C code": (
        STUBBORN
        + """\
print('up', flush=True)
def match():
    import re
    re.match(r'(a+)+b', 'a' * 64)
match()
""",
        r"its main thread is in match \(app.py, line 7\)",
    ),
    "has a thread that is no daemon": (
        """\
import signal, sys, threading, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
def work():
    time.sleep(1000)
threading.Thread(target=work).start()
print('up', flush=True)
time.sleep(1000)
""",
        r"it waits for a thread in work \(app.py, line 4\)",
    ),
    "has a pool that works": (
        """\
import signal, sys, time
from concurrent.futures import ThreadPoolExecutor
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
def work():
    time.sleep(1000)
ThreadPoolExecutor().submit(work)
print('up', flush=True)
time.sleep(1000)
""",
        r"it waits for a thread in work \(app.py, line 5\)",
    ),
    "hangs while it cleans up": (
        """\
import atexit, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
@atexit.register
def clean():
    time.sleep(1000)
print('up', flush=True)
time.sleep(1000)
""",
        r"its main thread is in clean \(app.py, line 5\)",
    ),
}


@pytest.mark.parametrize("how", HOLD_UPS)
def test_a_program_that_does_not_end_is_replaced_and_a_line_says_why(
    workshop: Workshop, how: str
) -> None:
    code, why = HOLD_UPS[how]
    workshop.write("slow.py", "print('up', flush=True)\nimport time; time.sleep(1000)\n")
    workshop.write("app.py", code)
    running = workshop.reloader("run", "--grace-seconds", "0.5", "app.py")
    running.out.wait_for("up")
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'two'\n")
    line = running.err.wait_for("did not stop")
    assert re.search(
        rf"app.py did not stop within 0.5 s \(grace_seconds\): killed; {why}$", line
    ), line
    running.out.wait_for("value two")
    assert running.stop() == 143


def test_a_program_that_is_stopped_goes_on_in_order_to_end(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    os.kill(last_pid(running.out), signal.SIGSTOP)
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert "killed" not in running.err.text


def test_a_program_that_was_given_time_uses_it(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import atexit, signal, sys, threading, time, value\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
        "atexit.register(print, 'atexit', flush=True)\n"
        "threading.Thread(target=lambda: (stopped.wait(), time.sleep(0.3), print('thread')))\n"
        "stopped = threading.Event()\n"
        "def work():\n    stopped.wait(); time.sleep(0.3); print('thread done', flush=True)\n"
        "threading.Thread(target=work).start()\n"
        "print('value', value.VALUE, flush=True)\n"
        "try:\n    time.sleep(1000)\n"
        "finally:\n    print('finally', flush=True); stopped.set()\n",
    )
    workshop.write("value.py", "VALUE = 'one'\n")
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert running.out.lines == ["value one", "finally", "thread done", "atexit", "value two"]


def test_the_stop_signal_is_configurable(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py",
        "import signal, sys\n"
        "def end(number, frame):\n"
        "    print('got', signal.Signals(number).name, flush=True)\n    sys.exit()\n"
        "for name in ('SIGTERM', 'SIGINT', 'SIGUSR2'):\n"
        "    signal.signal(getattr(signal, name), end)\n" + WAITING_PROGRAM,
    )
    running = workshop.reloader("run", "--stop-signal", "SIGUSR2", "app.py")
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    running.stop()
    assert [line for line in running.out.lines if line.startswith("got")] == ["got SIGUSR2"] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_second_signal_does_not_wait(workshop: Workshop, number: signal.Signals) -> None:
    workshop.write("app.py", STUBBORN + "print('up', flush=True)\ntime.sleep(1000)\n")
    running = workshop.reloader("run", "-v", "--grace-seconds", "1000", "app.py")
    running.out.wait_for("up")
    running.process.send_signal(number)
    running.err.wait_for(f"got {number.name}")
    assert running.stop(number) == 128 + number
    assert "did not stop" not in running.err.text


def start_server(workshop: Workshop, code: str, *program: str) -> tuple[Running, int]:
    """Start a server of one streaming response that never ends, and open one."""
    workshop.write("app.py", code)
    running = workshop.reloader("run", "--grace-seconds", "1", *program)
    line = running.err.wait_for(r"http://127.0.0.1:\d+")
    port = int(re.findall(r"127.0.0.1:(\d+)", line)[0])
    return running, port


def test_an_open_streaming_response_does_not_hold_up_a_restart(workshop: Workshop) -> None:
    code = (
        "import asyncio\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': return\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'one', 'more_body': True})\n"
        "    await asyncio.sleep(1000)\n"
    )
    running, port = start_server(workshop, code, "-m", "uvicorn", "app:app", "--port", "0")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read(3) == b"one"
    workshop.write("app.py", code.replace("b'one'", "b'two'"))
    line = running.err.wait_for("did not stop")
    assert "its main thread is in" in line
    assert line.endswith("1 connection is open")
    running.err.wait_for("app.py changed: restarted in")
    connection.close()
    assert running.stop() == 143


def test_a_program_that_crashes_at_its_start_costs_nothing_and_waits(workshop: Workshop) -> None:
    workshop.write("app.py", "import value\nprint('value', value.VALUE, flush=True)\n")
    workshop.write("value.py", "VALUE = 1 / 0\n")
    running = workshop.reloader("run", "app.py")
    running.err.wait_for(r"ZeroDivisionError.*; waiting for a change")
    workshop.write("value.py", "VALUE = 'two'\n")
    assert running.wait() == 0
    assert running.out.lines == ["value two"]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_program_that_dies_of_a_signal_is_told_of_and_waits_for_a_change(
    workshop: Workshop, number: signal.Signals
) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", WAITING_PROGRAM)
    running = workshop.reloader("run", "app.py")
    running.out.wait_for("value one")
    os.kill(last_pid(running.out), number)
    running.err.wait_for(f"app.py was ended by {number.name}; waiting for a change")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_what_is_killed_is_gone_when_the_next_one_starts(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write("app.py", STUBBORN + WAITING_PROGRAM)
    running = workshop.reloader("run", "--grace-seconds", "0", "app.py")
    running.out.wait_for("value one")
    first = last_pid(running.out)
    begun = time.monotonic()
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    assert not is_running(first)
    assert time.monotonic() - begun < 10.0
    wait_until(lambda: "restarted in" in running.err.text)
