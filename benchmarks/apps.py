"""The sample project: one small web program in the forms that the tools can run.

Its answer to every request is ``greeting.VALUE``, so an answer tells which edit
the program runs. Beside the standard library it imports a package of many small
modules, as projects do.
"""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Makes the bare program answer some 70 ms after its start, where an empty
#: interpreter takes some 15 ms. The cold start is measured in each run anyway.
DEFAULT_MODULES = 40

_APP = '''
"""The bare program: a server on nothing but the standard library."""

import sys

import socketserver

import greeting
import parts


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline() not in (b"\\r\\n", b""):
            pass
        body = greeting.VALUE.encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n"
            b"Content-Length: %d\\r\\n\\r\\n%s" % (len(body), body)
        )


class Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
'''

_WSGI = '''
"""The same answer by WSGI."""

import greeting
import parts


def app(environ, start_response):
    body = greeting.VALUE.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''

_ASGI = '''
"""The same answer by ASGI."""

import greeting
import parts


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = greeting.VALUE.encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
'''

_SERVE_WERKZEUG = '''
"""The WSGI program behind Werkzeug's server: ``serve_werkzeug.py PORT [RELOADER_TYPE]``."""

import sys

from werkzeug.serving import run_simple

import wsgi

if __name__ == "__main__":
    _, port, *kind = sys.argv
    run_simple(
        "127.0.0.1",
        int(port),
        wsgi.app,
        use_reloader=bool(kind),
        reloader_type=kind[0] if kind else "auto",
    )
'''

_PART = '''
"""Part {number}: about what a small module of a project holds."""


class Record{number}:
    """Holds two values."""

    limit = {number}

    def __init__(self, name, size=0):
        self.name = name
        self.size = size

    def __repr__(self):
        return f"Record{number}({{self.name!r}}, {{self.size!r}})"

    def is_full(self):
        return self.size >= self.limit


def make(names):
    return [Record{number}(name, len(name)) for name in names]


def total(records):
    return sum(record.size for record in records)


TABLE = {{"part": {number}, "names": ("a", "b", "c"), "is_ready": True}}
'''

#: What such a program imports before it comes to its own modules.
_STANDARD_LIBRARY = "import json\nimport logging\nimport urllib.request\n"


@attrs.define(kw_only=True)
class Project:
    """A sample project on disk.

    :ivar directory: where it is; the tools are started there.
    :ivar value: what the code on disk answers.
    """

    directory: Path
    value: str = ""
    _edits: Iterator[int] = attrs.field(factory=itertools.count, init=False)

    def edit(self) -> str:
        """Save a value that was never there before, in place, as most editors do.

        :returns: what the program answers once it runs the new code.
        """
        self.value = f"edit-{next(self._edits):05}"
        source = f'VALUE = "{self.value}"\n'
        (self.directory / "greeting.py").write_text(source, encoding="utf-8")
        return self.value


def make_project(directory: Path, *, modules: int = DEFAULT_MODULES) -> Project:
    """Write the sample project.

    :param directory: an empty one.
    :param modules: how many modules of its own it imports.
    """
    sources = {
        "app.py": _APP,
        "wsgi.py": _WSGI,
        "asgi.py": _ASGI,
        "serve_werkzeug.py": _SERVE_WERKZEUG,
    }
    for name, source in sources.items():
        (directory / name).write_text(source.lstrip(), encoding="utf-8")
    parts = directory / "parts"
    parts.mkdir()
    for number in range(modules):
        source = textwrap.dedent(_PART).format(number=number).lstrip()
        (parts / f"part_{number:04}.py").write_text(source, encoding="utf-8")
    imports = "".join(f"from parts import part_{number:04}\n" for number in range(modules))
    (parts / "__init__.py").write_text(_STANDARD_LIBRARY + imports, encoding="utf-8")
    project = Project(directory=directory)
    project.edit()
    return project
