"""Servers as people start them: under load, twenty restarts refuse nobody."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.functional.clients import clients, free_port, get, is_served
from tests.functional.harness import wait_until
from tests.functional.live import assign

if TYPE_CHECKING:
    from tests.functional.harness import Workshop

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(sys.platform == "win32", reason="sockets cannot be sent"),
]

ASGI = """\
import value
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = value.VALUE.encode()
    length = str(len(body)).encode()
    headers = [(b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""

WSGI = """\
import value
def app(environ, start_response):
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
import sys
from aiohttp import web
import value
async def index(request): return web.Response(text=value.VALUE)
app = web.Application()
app.router.add_get("/", index)
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
urlpatterns = [path("", lambda request: HttpResponse(value.VALUE))]
execute_from_command_line(sys.argv)
"""


@attrs.frozen
class Server:
    """A server.

    :ivar command: ``{port}`` is its port.
    :ivar program: what ``app.py`` is.
    :ivar needs: distributions that have to be installed.
    :ivar drops: it ends without finishing all that it has accepted; docs/reference/servers.md.
    """

    command: str
    program: str
    needs: tuple[str, ...] = ()
    drops: bool = False


SERVERS = {
    "http.server": Server("app.py {port}", HTTP_SERVER, drops=True),
    "flask run": Server(
        "-m flask --app app run --no-reload --port {port}", FLASK, ("flask",), drops=True
    ),
    "runserver": Server("app.py runserver --noreload {port}", DJANGO, ("django",), drops=True),
    "uvicorn": Server(
        "-m uvicorn app:app --port {port} --loop asyncio", ASGI, ("uvicorn",), drops=True
    ),
    "uvicorn on uvloop": Server(
        "-m uvicorn app:app --port {port} --loop uvloop", ASGI, ("uvicorn", "uvloop"), drops=True
    ),
    "gunicorn": Server("-m gunicorn app:app -w 2 --bind 127.0.0.1:{port}", WSGI, ("gunicorn",)),
    "hypercorn": Server(
        "-m hypercorn app:app --bind 127.0.0.1:{port}", ASGI, ("hypercorn",), drops=True
    ),
    "granian": Server(
        "-m granian --interface asgi app:app --port {port}", ASGI, ("granian",), drops=True
    ),
    "waitress": Server(
        "-m waitress --listen 127.0.0.1:{port} app:app", WSGI, ("waitress",), drops=True
    ),
    "aiohttp": Server("app.py {port}", AIOHTTP, ("aiohttp",), drops=True),
    "tornado": Server("app.py {port}", TORNADO, ("tornado",), drops=True),
}

#: What is answered where an accepted connection is dropped: also a head without its body.
DROPPED = {"ConnectionResetError", "BrokenPipeError", "closed without an answer", ""}


@pytest.mark.parametrize("name", SERVERS)
def test_twenty_restarts_refuse_nobody(workshop: Workshop, name: str) -> None:
    server = SERVERS[name]
    for distribution in server.needs:
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{distribution} is not installed")
    port = free_port()
    workshop.write("value.py", assign("one"))
    workshop.write("app.py", server.program)
    words = server.command.format(port=port).split()
    running = workshop.reloader("run", "--interval", "0.05", *words)

    wait_until(lambda: is_served(port, "one"), "the first answer")
    values = [f"n{number:02}" for number in range(20)]
    with clients(lambda: get(port)) as answers:
        for value in values:
            workshop.write("value.py", assign(value))
            wait_until(lambda: answers[value], f"an answer of {value}")  # noqa: B023
    others = set(answers) - {"one", *values}
    assert others <= (DROPPED if server.drops else set()), answers
    assert running.stop() == 143, running.err.text
