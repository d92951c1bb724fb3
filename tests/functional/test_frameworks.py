"""Real frameworks from the package index, started as their users start them."""

from __future__ import annotations

import http.client
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.functional.clients import free_port
from tests.functional.harness import BACKENDS, Running, Workshop, wait_until
from tests.functional.saves import (
    save_as_pycharm,
    save_as_vim,
    save_by_atomic_replace,
    save_in_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAVES: list[Callable[[Path, str], None]] = [
    save_in_place,
    save_by_atomic_replace,
    save_as_vim,
    save_as_pycharm,
]

FLASK = """\
from flask import Flask
import answer
app = Flask(__name__)
@app.get("/")
def index():
    return answer.TEXT
"""

ASGI = """\
import answer
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer.TEXT.encode()})
"""

FASTAPI = """\
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
import answer
app = FastAPI()
@app.get("/", response_class=PlainTextResponse)
def index():
    return answer.TEXT
"""

DJANGO_URLS = """\
from django.http import HttpResponse
from django.urls import path
import answer
urlpatterns = [path("", lambda request: HttpResponse(answer.TEXT))]
"""

WSGI = """\
import answer
def app(environ, start_response):
    start_response("200 OK", [])
    return [answer.TEXT.encode()]
"""


def fetch(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return str(response.read().decode())
    except (OSError, http.client.HTTPException):
        # Restarting just now: refused, or cut off in the middle of the answer.
        return ""


def answers(port: int, text: str) -> bool:
    return fetch(port) == text


def follow_edits(workshop: Workshop, running: Running, port: int) -> None:
    """Edit in every way, and be answered by the new code each time."""
    path = workshop.directory / "answer.py"
    try:
        wait_until(lambda: fetch(port) == "start", "the first answer")
        for number, save in enumerate(SAVES):
            text = f"edit {number}"
            save(path, f"TEXT = {text!r}\n")
            wait_until(partial(answers, port, text), f"{text} by {save.__name__}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{running.out.text}\n{running.err.text}") from None
    running.stop()


backends = pytest.mark.parametrize("backend", BACKENDS)


def start(workshop: Workshop, backend: str, *program: str) -> Running:
    workshop.write("answer.py", "TEXT = 'start'\n")
    return workshop.reloader("run", "--reloader-type", backend, "--interval", "0.2", *program)


@backends
def test_flask_run(workshop: Workshop, backend: str) -> None:
    workshop.write("site_app.py", FLASK)
    port = free_port()
    running = start(
        workshop, backend, "flask", "--app", "site_app", "run", "--no-reload", "-p", str(port)
    )
    follow_edits(workshop, running, port)


def test_flask_as_a_module_with_the_debugger(workshop: Workshop) -> None:
    workshop.write("site_app.py", FLASK)
    port = free_port()
    words = ["--app", "site_app", "--debug", "run", "--no-reload", "--port", str(port)]
    running = start(workshop, "auto", "-m", "flask", *words)
    follow_edits(workshop, running, port)


def test_a_broken_flask_app_waits_for_its_repair(workshop: Workshop) -> None:
    workshop.write("site_app.py", FLASK)
    port = free_port()
    running = start(
        workshop, "auto", "flask", "--app", "site_app", "run", "--no-reload", "-p", str(port)
    )
    wait_until(lambda: fetch(port) == "start")
    workshop.write("site_app.py", "import nowhere_to_be_found\n")
    running.err.wait_for("waiting for a change")
    workshop.write("site_app.py", FLASK)
    follow_edits(workshop, running, port)


@backends
def test_django_runserver(workshop: Workshop, backend: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "site_project", "."],
        cwd=workshop.directory,
        check=True,
    )
    workshop.write("site_project/urls.py", DJANGO_URLS)
    port = free_port()
    program = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    follow_edits(workshop, start(workshop, backend, *program), port)


@backends
def test_uvicorn(workshop: Workshop, backend: str) -> None:
    workshop.write("site_app.py", ASGI)
    port = free_port()
    running = start(workshop, backend, "uvicorn", "site_app:app", "--port", str(port))
    follow_edits(workshop, running, port)


def test_uvicorn_with_spawned_workers(workshop: Workshop) -> None:
    workshop.write("site_app.py", ASGI)
    port = free_port()
    words = ["site_app:app", "--workers", "2", "--port", str(port)]
    follow_edits(workshop, start(workshop, "auto", "uvicorn", *words), port)


def test_fastapi_on_uvicorn(workshop: Workshop) -> None:
    workshop.write("site_app.py", FASTAPI)
    port = free_port()
    running = start(workshop, "auto", "uvicorn", "site_app:app", "--port", str(port))
    follow_edits(workshop, running, port)


def test_gunicorn_with_forked_workers(workshop: Workshop) -> None:
    workshop.write("site_app.py", WSGI)
    port = free_port()
    words = ["site_app:app", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
    follow_edits(workshop, start(workshop, "auto", "gunicorn", *words), port)
