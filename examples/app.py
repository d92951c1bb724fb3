"""A small web application on nothing but the standard library, for trying the reloader."""

from __future__ import annotations

import http.server

import greeting


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the greeting."""

    def do_GET(self) -> None:
        """Say hello."""
        body = (greeting.text() + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8765), Handler)
    print("Open http://127.0.0.1:8765 and edit examples/greeting.py", flush=True)
    server.serve_forever()
