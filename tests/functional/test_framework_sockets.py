"""Servers as people start them: under load, twenty restarts refuse nobody."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_core.control import Client
from tests.functional.clients import ask_once, clients, free_port, get, is_served
from tests.functional.harness import wait_until
from tests.functional.live import assign

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets cannot be sent")

ASGI = """\
import asyncio, os
import value
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        open("begun", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.02)
    body = value.VALUE.encode()
    length = str(len(body)).encode()
    headers = [(b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""

WSGI = """\
import os, time
import value
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("begun", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.02)
    body = value.VALUE.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

FLASK = """\
from flask import Flask
import value
app = Flask(__name__)
@app.get("/")
def index(): return value.VALUE
"""

AIOHTTP = """\
import asyncio, os, sys
from aiohttp import web
import value
async def index(request): return web.Response(text=value.VALUE)
async def slow(request):
    open("begun", "w").close()
    while not os.path.exists("go"):
        await asyncio.sleep(0.02)
    return await index(request)
app = web.Application()
app.router.add_get("/", index)
app.router.add_get("/slow", slow)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
"""

TORNADO = """\
import asyncio, sys
import tornado.web
import value
class Index(tornado.web.RequestHandler):
    def get(self): self.write(value.VALUE)
async def main():
    tornado.web.Application([("/", Index)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main())
"""

HTTP_SERVER = """\
import http.server, sys
import value
class Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(value.VALUE.encode())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Index).serve_forever()
"""

DJANGO = """\
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"])
import value
length = {"Content-Length": str(len(value.VALUE))}
urlpatterns = [path("", lambda request: HttpResponse(value.VALUE, headers=length))]
execute_from_command_line(sys.argv)
"""


@attrs.frozen
class Server:
    """A server.

    :ivar command: ``{port}`` is its port.
    :ivar program: what ``app.py`` is.
    :ivar needs: distributions that have to be installed.
    :ivar drops: it ends without finishing all that it has accepted; docs/reference/servers.md.
    :ivar finishes: what it has begun to answer it does answer.
    :ivar finishes_from: the first major version that does.
    """

    command: str
    program: str
    needs: tuple[str, ...] = ()
    drops: bool = False
    finishes: bool = False
    finishes_from: int = 0


FASTAPI = """\
import asyncio, os
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
import value
app = FastAPI()
@app.get("/", response_class=PlainTextResponse)
def index(): return value.VALUE
@app.get("/slow", response_class=PlainTextResponse)
async def slow():
    open("begun", "w").close()
    while not os.path.exists("go"):
        await asyncio.sleep(0.02)
    return value.VALUE
"""

#: As people type them, their own reloaders turned on where they have one.
SERVERS = {
    "http.server": Server("app.py {port}", HTTP_SERVER, drops=True),
    "flask run": Server(
        "-m flask --app app run --debug --port {port}", FLASK, ("flask",), drops=True
    ),
    "runserver": Server("app.py runserver {port}", DJANGO, ("django",), drops=True),
    "runserver_plus": Server(
        "app.py runserver_plus {port}",
        DJANGO.replace(
            "DEBUG=True,", "DEBUG=True, STATIC_URL='s/', INSTALLED_APPS=['django_extensions'],"
        ),
        ("django", "django-extensions", "werkzeug"),
        drops=True,
    ),
    "fastapi dev": Server(
        "-m fastapi dev app.py --port {port}",
        FASTAPI,
        ("fastapi-cli",),
        drops=True,
        finishes=True,
    ),
    "uvicorn": Server(
        "-m uvicorn app:app --reload --port {port} --loop asyncio",
        ASGI,
        ("uvicorn",),
        drops=True,
        finishes=True,
    ),
    "uvicorn on uvloop": Server(
        "-m uvicorn --reload app:app --port {port} --loop uvloop",
        ASGI,
        ("uvicorn", "uvloop"),
        drops=True,
        finishes=True,
    ),
    "gunicorn": Server(
        "-m gunicorn app:app -w 2 --reload --bind 127.0.0.1:{port}",
        WSGI,
        ("gunicorn",),
        finishes=True,
    ),
    "hypercorn": Server(
        "-m hypercorn --reload app:app --bind 127.0.0.1:{port}",
        ASGI,
        ("hypercorn",),
        drops=True,
        finishes=True,
    ),
    "granian": Server(
        "-m granian --interface asgi --reload app:app --port {port}",
        ASGI,
        ("granian",),
        drops=True,
        finishes=True,
        finishes_from=2,
    ),
    "waitress": Server(
        "-m waitress --listen 127.0.0.1:{port} app:app", WSGI, ("waitress",), drops=True
    ),
    "aiohttp": Server("app.py {port}", AIOHTTP, ("aiohttp",), drops=True, finishes=True),
    "tornado": Server("app.py {port}", TORNADO, ("tornado",), drops=True),
}

#: What is answered where an accepted connection is dropped: also a head without its body.
DROPPED = {"ConnectionResetError", "BrokenPipeError", "closed without an answer", ""}


def start(workshop: Workshop, server: Server, *options: str) -> tuple[Running, int]:
    for distribution in server.needs:
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{distribution} is not installed")
    port = free_port()
    workshop.write("value.py", assign("one"))
    workshop.write("app.py", server.program)
    words = server.command.format(port=port).split()
    running = workshop.reloader("run", "-v", "--interval", "0.05", *options, *words)
    wait_until(lambda: is_served(port, "one"), "the first answer")
    running.err.wait_for("is ready")
    assert "is not known" not in running.err.text
    return running, port


@pytest.mark.load
@pytest.mark.parametrize("name", SERVERS)
def test_twenty_restarts_refuse_nobody(workshop: Workshop, name: str) -> None:
    server = SERVERS[name]
    running, port = start(workshop, server)
    values = [f"n{number:02}" for number in range(20)]
    with clients(lambda: get(port)) as answers:
        for value in values:
            workshop.write("value.py", assign(value))
            wait_until(lambda: answers[value], f"an answer of {value}")  # noqa: B023
    others = set(answers) - {"one", *values}
    assert others <= (DROPPED if server.drops else set()), answers
    assert running.stop() == 143, running.err.text


@pytest.mark.parametrize("name", [name for name, server in SERVERS.items() if server.finishes])
def test_a_request_under_way_is_answered(workshop: Workshop, name: str) -> None:
    server = SERVERS[name]
    if server.finishes_from:
        release = metadata.version(server.needs[0])
        if int(release.partition(".")[0]) < server.finishes_from:
            pytest.skip(f"{name} {release} closes what it has begun to answer")
    running, port = start(workshop, server, "--grace-seconds", "30")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(get, port, "/slow")
        wait_until((workshop.directory / "begun").exists, "the request to be under way")
        workshop.write("value.py", assign("two"))
        client = Client(workshop.directory)
        wait_until(lambda: client.status().state == "stopping", "the server's end")
        following = pool.submit(ask_once, lambda: get(port))
        workshop.write("go", "")
        assert slow.result() == "one"
        # It may have been accepted before the signal was heard, and then be dropped, too.
        assert following.result() in {"one", "two"} | (DROPPED if server.drops else set())
        wait_until(lambda: is_served(port, "two"), "the new code")
    assert running.stop() == 143, running.err.text
