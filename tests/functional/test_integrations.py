"""Frameworks as people start them, with their own reloaders: ours takes their place."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.functional.clients import ask, free_port, get, is_served
from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.processes import keeper_of
from tests.functional.test_framework_sockets import ASGI, DJANGO, FASTAPI, FLASK, WSGI

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

COMMANDS = {
    "flask": ("-m flask run --debug --port {port}", FLASK),
    "django": ("manage.py runserver {port}", DJANGO),
    "uvicorn": ("-m uvicorn --reload app:app --port {port}", ASGI),
    "fastapi": ("-m fastapi dev app.py --port {port}", FASTAPI),
    "hypercorn": ("-m hypercorn --reload app:app --bind 127.0.0.1:{port}", ASGI),
    "granian": ("-m granian --reload --interface asgi app:app --port {port}", ASGI),
    "gunicorn": ("-m gunicorn --reload app:app --bind 127.0.0.1:{port}", WSGI),
}


def start(workshop: Workshop, framework: str, *options: str) -> tuple[Running, int]:
    needed = {"fastapi": "fastapi-cli"}.get(framework, framework)
    try:
        metadata.version(needed)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{needed} is not installed")
    words, program = COMMANDS[framework]
    port = free_port()
    workshop.write("value.py", assign("one"))
    workshop.write("manage.py" if framework == "django" else "app.py", program)
    command = words.format(port=port).split()
    running = workshop.reloader("run", "--interval", "0.05", *options, *command)
    wait_until(lambda: is_served(port, "one"), "the first answer")
    return running, port


@pytest.mark.skipif(sys.platform == "win32", reason="there are no servers that fork")
@pytest.mark.parametrize("framework", COMMANDS)
def test_a_framework_is_reloaded_by_us_and_not_by_itself(
    workshop: Workshop, framework: str
) -> None:
    running, port = start(workshop, framework)
    running.err.wait_for("its own reloader is off")
    for value in ("two", "six"):
        workshop.write("value.py", assign(value))
        wait_until(lambda: is_served(port, value), value)  # noqa: B023
    wait_until(lambda: running.err.text.count("value.py changed: restarted in") == 2)
    (program,) = psutil.Process(keeper_of(running).pid).children()
    lines = [" ".join(process.cmdline()) for process in program.children(recursive=True)]
    assert not [line for line in lines if "reload" in line]
    assert running.stop() == 143, running.err.text


def test_the_debugger_of_flask_stays_and_so_does_its_pin(workshop: Workshop) -> None:
    pytest.importorskip("flask")
    port = free_port()
    workshop.write("value.py", assign("one"))
    workshop.write("app.py", FLASK + '@app.get("/broken")\ndef broken(): return 1 / 0\n')
    running = workshop.reloader("run", "-m", "flask", "run", "--debug", "--port", str(port))
    wait_until(lambda: is_served(port, "one"), "the first answer")
    pins = []
    for value in ("two", "six"):
        page = ask(("127.0.0.1", port), b"GET /broken HTTP/1.0\r\nHost: localhost\r\n\r\n")
        secret = re.search(r'SECRET = "(\w+)"', page)
        assert secret is not None, page
        # What the page does when it asks for the PIN: it is written to the terminal.
        seen = len(running.err.lines)
        path = f"/?__debugger__=yes&cmd=printpin&s={secret[1]}"
        ask(("127.0.0.1", port), f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        pins.append(running.err.wait_for(r"\d{3}-\d{3}-\d{3}", start=seen))
        workshop.write("value.py", assign(value))
        wait_until(lambda: is_served(port, value), value)  # noqa: B023
    assert pins[0] == pins[1]
    assert running.stop() == 143


def test_it_can_be_told_to_leave_a_command_alone(workshop: Workshop) -> None:
    running, port = start(workshop, "flask", "--no-adapt")
    assert get(port) == "one"
    assert "its own reloader" not in running.err.text
    assert running.stop() == 143


def test_the_configuration_can_say_so_too(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", "[tool.reloader]\nadapt = false\n")
    running, port = start(workshop, "uvicorn")
    assert get(port) == "one"
    assert "its own reloader" not in running.err.text
    assert running.stop() == 143


SCRIPTS = {
    "flask": FLASK + "app.run(port={port}, debug=True, extra_files=['data.txt'])\n",
    "django": DJANGO.replace("(sys.argv)", "(['x', 'runserver', '{port}'])"),
    "uvicorn": ASGI
    + "if __name__ == '__main__':\n"  # it loads this very file
    + "    __import__('uvicorn').run('app:app', port={port}, reload=True)\n",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no agent")
@pytest.mark.parametrize("framework", SCRIPTS)
def test_a_script_that_turns_on_its_frameworks_reloader_is_reloaded_by_us(
    workshop: Workshop, framework: str
) -> None:
    port = free_port()
    workshop.write("value.py", assign("one"))
    program = SCRIPTS[framework].replace("{port}", str(port))
    workshop.write("app.py", program)
    running = workshop.reloader("run", "--interval", "0.05", "app.py")
    wait_until(lambda: is_served(port, "one"), "the first answer")
    running.err.wait_for("its own reloader is off")
    for value in ("two", "six"):
        workshop.write("value.py", assign(value))
        wait_until(lambda: is_served(port, value), value)  # noqa: B023
    wait_until(lambda: running.err.text.count("value.py changed: restarted in") == 2)
    assert running.err.text.count("its own reloader is off") == 1
    (program_process,) = psutil.Process(keeper_of(running).pid).children()
    assert program_process.children(recursive=True) == []
    if framework == "flask":
        workshop.write("data.txt", "1")
        running.err.wait_for("data.txt created: restarted in")
    assert running.stop() == 143, running.err.text
