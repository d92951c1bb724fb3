"""What goes over the socket: one JSON object a line, one request a connection.

A request is ``{"version": 1, "command": NAME, …}``, its answer ``{"ok": true, …}`` or
``{"ok": false, "error": TEXT}``. The answer to ``wait`` comes when there is one; whoever
does not want it any more closes the connection.
"""

from __future__ import annotations

import json
from typing import Any

#: Of requests and answers. Members may be added without a new one.
VERSION = 1

#: No request is longer.
MAX_REQUEST_BYTES = 4096


def encode(message: dict[str, Any]) -> bytes:
    """A line."""
    return json.dumps(message, ensure_ascii=True).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """What a line says.

    :raises ValueError: it is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # all faults of a line are these
    return message
