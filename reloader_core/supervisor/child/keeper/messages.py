"""What the supervisor and the keeper say to each other.

Over the *control* socket goes one request after the other, each answered at once:
``spawn``. With it goes one end of a *leash*, a socket for this process alone. Over the
leash the supervisor says what is to be done with it, and the keeper how it ended. A
leash that is closed means: end it. So whatever happens to the supervisor, the program
cannot outlive it.

Both ends run the same Python, so ``marshal`` is good enough, and it is quick.
"""

from __future__ import annotations

import marshal
import struct
import sys
from typing import TYPE_CHECKING, Any

from reloader_core.supervisor.descriptors import (
    receive_with_descriptors,
    send_with_descriptors,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

assert sys.platform == "linux"

_LENGTH = struct.Struct("!I")

# Over the leash, to the keeper: a name and what goes with it.
#: The program has this long, and gets this signal: ``(RULES, stop signal, grace seconds)``.
RULES = "rules"
#: End it now, with all that it started: ``(KILL,)``.
KILL = "kill"
#: Send a signal to it and to all that it started: ``(SIGNAL, number)``.
SIGNAL = "signal"

# And back.
#: The process has ended, what it started has not: ``(EXITED, returncode, names)``.
EXITED = "exited"
#: Nothing is left of it: ``(GONE, returncode, names of what was killed, of what survived)``.
GONE = "gone"


def encode(message: tuple[Any, ...]) -> bytes:
    """A message for a stream."""
    body = marshal.dumps(message)
    return _LENGTH.pack(len(body)) + body


def decode(buffer: bytes) -> tuple[list[tuple[Any, ...]], bytes]:
    """The complete messages of a stream, and the rest."""
    messages = []
    while len(buffer) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(buffer)
        end = _LENGTH.size + length
        if len(buffer) < end:
            break
        messages.append(_loads(buffer[_LENGTH.size : end]))
        buffer = buffer[end:]
    return messages, buffer


def send_request(
    control: socket.socket, message: tuple[Any, ...], descriptors: Sequence[int]
) -> None:
    """Send a message with descriptors.

    :raises OSError: nobody takes it; ``TimeoutError`` when not in the socket's time.
    """
    send_with_descriptors(control, encode(message), descriptors)


def receive_request(control: socket.socket) -> tuple[tuple[Any, ...], list[int]] | None:
    """Receive what :func:`send_request` has sent.

    :returns: the message and the descriptors, which are not inherited; ``None`` when the
        other end was closed.
    """
    data, descriptors = receive_with_descriptors(control, _LENGTH.size)
    data += _receive_exactly(control, _LENGTH.size - len(data)) if data else b""
    if not data:
        return None
    body = _receive_exactly(control, _LENGTH.unpack(data)[0])
    return _loads(body), descriptors


def receive_answer(control: socket.socket) -> tuple[Any, ...]:
    """Receive one message.

    :raises EOFError: the other end was closed.
    :raises OSError: likewise; ``TimeoutError`` when not in the socket's time.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(control, _LENGTH.size))
    return _loads(_receive_exactly(control, length))


def _loads(body: bytes) -> tuple[Any, ...]:
    # It comes over a socket pair that only we and the keeper have.
    message: tuple[Any, ...] = marshal.loads(body)  # noqa: S302
    return message


def _receive_exactly(control: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = control.recv(count - len(data))
        if not chunk:
            raise EOFError("the keeper's socket was closed")
        data += chunk
    return data
