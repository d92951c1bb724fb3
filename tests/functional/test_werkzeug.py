"""``integrations.werkzeug.install()``: Werkzeug's own commands, with this reloader."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.functional.clients import clients, free_port, get, is_served
from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.test_framework_sockets import DROPPED

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytest.importorskip("flask")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets cannot be sent")

INSTALL = "from reloader_core.integrations.werkzeug import install\ninstall()\n"

FLASK = (
    """\
from flask import Flask
import value
"""
    + INSTALL
    + """\
app = Flask(__name__)
@app.get("/")
def index(): return value.VALUE
"""
)

RUN_SIMPLE = (
    """\
import sys
from werkzeug.serving import is_running_from_reloader, run_simple
from werkzeug.wrappers import Request, Response
"""
    + INSTALL
    + """\
import value
@Request.application
def app(request): return Response(value.VALUE)
print("main", is_running_from_reloader(), flush=True)
run_simple("127.0.0.1", int(sys.argv[1]), app, use_reloader=True, extra_files=["data.txt"])
"""
)


def start(workshop: Workshop, command: str) -> tuple[Running, int]:
    port = free_port()
    workshop.write("value.py", assign("one"))
    running = workshop.start([sys.executable, *command.format(port=port).split()])
    wait_until(lambda: is_served(port, "one"), "the first answer")
    return running, port


def test_run_simple_is_reloaded_by_us_and_its_port_stays_open(workshop: Workshop) -> None:
    workshop.write("app.py", RUN_SIMPLE)
    running, port = start(workshop, "app.py {port}")
    values = [f"n{number:02}" for number in range(20)]
    with clients(lambda: get(port)) as answers:
        for value in values:
            workshop.write("value.py", assign(value))
            wait_until(lambda: answers[value], value)  # noqa: B023
    assert set(answers) - {"one", *values} <= DROPPED, answers
    running.err.wait_for(r"value.py changed: restarted in .*, ready \d+ ms\)")
    seen = len(running.err.lines)
    workshop.write("data.txt", "1")
    running.err.wait_for(r"data.txt created: restarted in", start=seen)
    wait_until(lambda: is_served(port, "n19"), "the last value")
    assert running.stop() == 0, running.err.text
    # The first process is the one that opens the socket and never serves.
    assert running.out.lines == ["main False", *["main True"] * 22]
    # And Werkzeug says once where it is served.
    assert len(re.findall(r"Running on http://127.0.0.1", running.err.text)) == 1
    assert "Restarting with" not in running.err.text


@pytest.mark.parametrize("option", ["--reload", "--debug"])
def test_flask_run_is_reloaded_by_us(workshop: Workshop, option: str) -> None:
    workshop.write("app.py", FLASK)
    running, port = start(workshop, f"-m flask run --port {{port}} {option}")
    for value in ("two", "six"):
        workshop.write("value.py", assign(value))
        wait_until(lambda: is_served(port, value), value)  # noqa: B023
    running.err.wait_for("value.py changed: restarted in")
    assert ("Debugger PIN" in running.err.text) == (option == "--debug")
    # Flask shows what is wrong with it in the browser, or holds it back; then it is mended.
    workshop.write("app.py", FLASK + "1 / 0\n")
    running.err.wait_for("ZeroDivisionError")
    workshop.write("app.py", FLASK)
    wait_until(lambda: is_served(port, "six"), "the repair")
    assert running.stop(signal.SIGINT) == 130, running.err.text


def test_under_a_supervisor_it_changes_nothing(workshop: Workshop) -> None:
    workshop.write("app.py", RUN_SIMPLE)
    port = free_port()
    workshop.write("value.py", assign("one"))
    running = workshop.reloader("run", "app.py", str(port))
    wait_until(lambda: is_served(port, "one"), "the first answer")
    workshop.write("value.py", assign("two"))
    wait_until(lambda: is_served(port, "two"), "the second")
    assert running.stop() == 143
    assert running.out.lines == ["main False", "main False"]


@pytest.mark.parametrize("number", ["x", "77", "0"])
def test_a_descriptor_that_is_no_listening_socket_is_not_taken(
    workshop: Workshop, number: str
) -> None:
    workshop.write(
        "app.py",
        INSTALL + "import os, signal\nfrom werkzeug._reloader import run_with_reloader\n"
        "def main():\n    print('main', os.environ.get('LISTEN_FDS'), flush=True)\n"
        "    signal.pause()\nrun_with_reloader(main)\n",
    )
    running = workshop.start([sys.executable, "app.py"], env={"WERKZEUG_SERVER_FD": number})
    running.out.wait_for("^main None")
    assert running.stop() == 0, running.err.text


def test_a_werkzeug_that_is_not_known_is_left_alone(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import werkzeug._reloader\ndel werkzeug._reloader.run_with_reloader\n"
        "from reloader_core.integrations.werkzeug import install\nprint(install())\n",
    )
    running = workshop.start([sys.executable, "-W", "always", "app.py"])
    assert running.wait() == 0
    assert running.out.lines == ["False"]
    assert "it is left in place: start the program with 'reloader run'" in running.err.text
