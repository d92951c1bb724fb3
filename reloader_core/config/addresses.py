"""How addresses to listen at are written."""

from __future__ import annotations

import re
from typing import NamedTuple

_UNIX = "unix:"
_NAMED = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)

#: What systemd calls a socket that has no name; sd_listen_fds_with_names(3).
UNNAMED = "unknown"


class Address(NamedTuple):
    """An address.

    :ivar text: as it was written, without the name.
    :ivar name: what the program is told that it is.
    :ivar host: a name or an address; without brackets.
    :ivar port: 0 for any that is free.
    :ivar path: of a Unix socket; empty for others.
    """

    text: str
    name: str
    host: str = ""
    port: int = 0
    path: str = ""


def parse_address(text: str) -> Address:
    """Read ``[NAME=]HOST:PORT``, ``[NAME=][HOST]:PORT`` (an IPv6 address in brackets) or
    ``[NAME=]unix:PATH``.

    :raises ValueError: with the fault in words.
    """
    if "\0" in text:
        raise ValueError(f"has {text!r}, with a null character")
    named = _NAMED.fullmatch(text)
    name, rest = (named[1], named[2]) if named and not text.startswith(_UNIX) else (UNNAMED, text)
    if rest.startswith(_UNIX):
        path = rest.removeprefix(_UNIX)
        if not path:
            raise ValueError(f"has {text!r}, without a path")
        return Address(rest, name, path=path)
    host, colon, port = rest.rpartition(":")
    if not colon:
        raise ValueError(f"has {text!r}, without a port")
    if not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise ValueError(f"has {text!r}, whose port is not a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]") and ":" in host:
        return Address(rest, name, host=host[1:-1], port=int(port))
    if not host or any(char in "[]/ =" for char in host):
        raise ValueError(f"has {text!r}, whose host is not a name or an address")
    if ":" in host:
        raise ValueError(f"has {text!r}; an IPv6 address stands in brackets, '[{host}]:{port}'")
    return Address(rest, name, host=host, port=int(port))
