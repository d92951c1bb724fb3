"""Clients that ask without a pause, and count what they are answered."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A host and a port, or the path of a Unix socket.
Address: TypeAlias = tuple[str, int] | str

_PATIENCE_SECONDS = 20.0


def ask(address: Address, request: bytes = b"?") -> str:
    """What a server answers, until it closes; it is waited for as long as it takes."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(_PATIENCE_SECONDS)
        connection.connect(address)
        connection.sendall(request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
        return answer.decode()


def get(port: int, path: str = "/") -> str:
    """The body of a page, by HTTP."""
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = ask(("127.0.0.1", port), request.encode())
    head, _, body = answer.partition("\r\n\r\n")
    if not answer:
        return "closed without an answer"
    return body if head.split()[1] == "200" else head.splitlines()[0]


def ask_once(ask: Callable[[], str]) -> str:
    """The answer, or the name of the error."""
    try:
        return ask()
    except OSError as error:
        return type(error).__name__


def is_served(port: int, value: str) -> bool:
    """Whether a page has this body."""
    try:
        return get(port) == value
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def clients(ask: Callable[[], str]) -> Iterator[Counter[str]]:
    """Four clients that ask without a pause.

    :returns: how often they got which answer, or which error.
    """
    answers: Counter[str] = Counter()
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            answers[ask_once(ask)] += 1

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
