"""Measuring: when a program answers, and what many such times amount to."""

from __future__ import annotations

import math
import socket
import statistics
import struct
import time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Between two questions. Small against everything that is measured; none at all
#: would take a processor from the program that is asked.
_POLL_SECONDS = 0.001

#: One question is given up after this; the next one gets a fresh connection.
_ASK_SECONDS = 1.0

#: Each question has a connection of its own.
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

#: Closing sends a reset: thousands of questions must not leave thousands of
#: connections in TIME_WAIT.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int) -> str | None:
    """Ask the program once, with a connection of its own.

    :returns: the body of its answer, ``None`` when there is none.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), _ASK_SECONDS) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.sendall(REQUEST)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
                chunk = connection.recv(65536)
                if not chunk:
                    return None
                answer += chunk
    except OSError:
        return None
    return answer.partition(b"\r\n\r\n")[2].decode()


def wait_for_answer(port: int, value: str, *, since: float, deadline_seconds: float) -> float:
    """Ask until the answer is ``value``.

    :param port: where.
    :param value: what the program answers when it runs the code that is meant.
    :param since: the beginning, a time of ``time.perf_counter()``.
    :param deadline_seconds: how long to wait, from the beginning.
    :returns: seconds from the beginning; ``inf`` when the deadline passed.
    """
    while True:
        answer = ask(port)
        now = time.perf_counter()
        if answer == value:
            return now - since
        if now - since > deadline_seconds:
            return math.inf
        time.sleep(_POLL_SECONDS)


@attrs.frozen(kw_only=True)
class Times:
    """What many measurements amount to; all in seconds.

    :ivar count: how many succeeded.
    :ivar lost: how many never ended.
    """

    median: float
    low: float
    high: float
    count: int
    lost: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Times:
        """Sum up; ``inf`` among the values stands for a lost one.

        ``low`` and ``high`` are the bounds of the middle 80 %.
        """
        good = sorted(value for value in values if math.isfinite(value))
        if not good:
            nan = math.nan
            return cls(median=nan, low=nan, high=nan, count=0, lost=len(values))
        last = len(good) - 1
        return cls(
            median=statistics.median(good),
            low=good[round(0.1 * last)],
            high=good[round(0.9 * last)],
            count=len(good),
            lost=len(values) - len(good),
        )
