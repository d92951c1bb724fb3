"""The conversation with the agent, as the supervisor speaks it. Pure: bytes and values.

From the agent come records, each one letter, a payload and a NUL:

========================================================  =============================
``H<pid> <version> <executable>``                         started, waits to be released
``D<path>``                                               the directory it has started in
``R<pid>``                                                released, runs
``S|E|B|A<dev> <ino> <size> <mtime_ns> <ctime_ns> <path>``  loaded, stamp taken before
``O<dev> <ino> <size> <mtime_ns> <ctime_ns> <path>``      opened to be read, likewise
``W<path>``                                               about to be written or removed
``M<path without suffix>``                                looked for here, not found
``K<pid>``                                                listens on a socket, the first one
``N<pid> <path>``                                         listens; the socket comes along
``V<port>``                                               binds this port at another address
``Y<pid>``                                                says that it is ready
``F<path>``                                               wants this watched, too
``J<pid>``                                                deals with changes itself; see below
``I<text>``                                               what was changed of a framework
``P<pid>``                                                at a debugger prompt
``Q<pid>``                                                no longer
``T<pid> <text>``                                         the traceback of what ends it
``X<pid> <text>``                                         ends by an uncaught exception
========================================================  =============================

With ``N`` comes the descriptor of the socket, whose path is told if it is a Unix socket, with
``V`` one that is closed once nothing that was kept is in the way, and with ``J`` one end of a
socket for a conversation of its own (``SCM_RIGHTS``), see ``reloader_core.child.conversation``.

All processes of a program that have the agent in them write to the one socket, each record
in one piece. Workers of ``multiprocessing`` say no ``H``, ``R``, ``T`` and ``X``.

To the agent goes one release for each ``H``. Its items have the same form:
``L`` how many bytes follow (so that they are read at once, and nothing beyond
them), ``B`` do not believe this source's bytecode, ``O`` report files below this
directory that are opened (``O`` and ``W`` are sent only then), ``E`` set and ``U`` unset
an environment variable, ``A`` turn off the reloaders of frameworks, ``K`` send the sockets that
listen (``N``), ``N<family> <port> <host>`` or ``N<family> <device>:<inode> <path>`` what listened
before, ``G`` go. For the ``N`` there are, one byte more comes with as many descriptors: in each
waits the socket that listened there.
"""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING, NamedTuple

from reloader_core.agent import ENVIRONMENT_VARIABLE, INJECT_DIRECTORY, LoadedKind
from reloader_core.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "Adapted",
    "AtPrompt",
    "Directory",
    "Hello",
    "InTheWay",
    "LeftPrompt",
    "Listening",
    "Loaded",
    "Missing",
    "Named",
    "Offered",
    "Ready",
    "Record",
    "Running",
    "Sent",
    "Traceback",
    "Uncaught",
    "Written",
    "agent_environment",
    "decode",
    "encode_release",
    "missing_candidates",
]

# No record is longer: a path has 4 KiB at most on the systems we know. What
# has no end by then was not written by the agent.
_MAX_RECORD_BYTES = 64 * 1024

_KINDS = {kind.value.encode(): kind for kind in LoadedKind}


class Hello(NamedTuple):
    """An interpreter has started and waits for its release.

    ``pid`` need not be the child's: a shell script may start several, one
    after the other, and each says hello and waits.
    """

    pid: int
    version: str
    executable: str


class Directory(NamedTuple):
    """The directory in which the interpreter that said hello has started."""

    path: str


class Running(NamedTuple):
    """The interpreter ``pid`` was released; what it loads follows."""

    pid: int


class Loaded(NamedTuple):
    """A file was loaded; ``stamp`` was taken before it was read."""

    path: str
    stamp: Stamp
    kind: LoadedKind


class Missing(NamedTuple):
    """A module was looked for at ``path`` (which has no suffix) and not found."""

    path: str


class Written(NamedTuple):
    """The program is about to write, replace or remove a file: its changes are its own."""

    path: str


class Listening(NamedTuple):
    """The process ``pid`` listens on a socket, for the first time."""

    pid: int


class Ready(NamedTuple):
    """The process ``pid`` says that the program can do its work."""

    pid: int


class Named(NamedTuple):
    """The program wants something watched: an absolute entry of ``extra_files``."""

    entry: str


class Adapted(NamedTuple):
    """Something of a framework was changed; the user is told."""

    note: str


class Sent(NamedTuple):
    """The process ``pid`` has sent a listening socket, which is at ``path`` or has none."""

    pid: int
    path: str


class InTheWay(NamedTuple):
    """What was kept at this port is in the way; a descriptor that was sent is waited for."""

    port: str


class Offered(NamedTuple):
    """The process ``pid`` has sent one end of a socket, to be asked about changes."""

    pid: int


class AtPrompt(NamedTuple):
    """The process ``pid`` is at the prompt of a debugger."""

    pid: int


class LeftPrompt(NamedTuple):
    """The process ``pid`` is no longer at a prompt."""

    pid: int


class Traceback(NamedTuple):
    """What Python has printed of the exception that ends ``pid``, or the end of it.

    It comes before :class:`Uncaught`.
    """

    pid: int
    text: str


class Uncaught(NamedTuple):
    """The process ``pid`` ends by an uncaught exception.

    To be believed only with an exit code other than 0: a program with an
    interactive console in it leaves the same traces and may still end well.
    """

    pid: int
    text: str


Record = (
    Hello
    | Directory
    | Running
    | Listening
    | Ready
    | Named
    | Adapted
    | Sent
    | InTheWay
    | Offered
    | AtPrompt
    | LeftPrompt
    | Loaded
    | Missing
    | Written
    | Traceback
    | Uncaught
)

#: Records that hold a process id only.
_OF_A_PROCESS: Mapping[
    bytes, Callable[[int], Running | Listening | Ready | Offered | AtPrompt | LeftPrompt]
] = {
    b"R": Running,
    b"K": Listening,
    b"Y": Ready,
    b"J": Offered,
    b"P": AtPrompt,
    b"Q": LeftPrompt,
}


def decode(buffer: bytes) -> tuple[list[Record], bytes]:
    """Take the complete records from what was received.

    Whatever is no record is skipped: the program has the descriptor too, and
    may write anything into it.

    :param buffer: the rest of last time and what came in since.
    :returns: the records in the order they were sent, and the undecoded rest.
    """
    *complete, rest = buffer.split(b"\0")
    if len(rest) > _MAX_RECORD_BYTES:
        rest = b""
    records = (_decode_record(raw) for raw in complete)
    return [record for record in records if record is not None], rest


def _decode_record(raw: bytes) -> Record | None:
    """The record in ``raw``, or ``None`` when it is none."""
    letter, payload = raw[:1], raw[1:]
    try:
        if letter in _KINDS:
            *numbers, path = payload.split(b" ", 5)
            device, inode, size, mtime_ns, ctime_ns = map(int, numbers)
            if not path:
                return None
            stamp = Stamp(device, inode, size, mtime_ns, ctime_ns)
            return Loaded(os.fsdecode(path), stamp, _KINDS[letter])
        if letter == b"M":
            return Missing(os.fsdecode(payload)) if payload else None
        if letter == b"W":
            return Written(os.fsdecode(payload)) if payload else None
        if letter == b"I":
            return Adapted(payload.decode("utf-8", "replace")) if payload else None
        if letter == b"F":
            return Named(os.fsdecode(payload)) if payload else None
        if letter == b"D":
            return Directory(os.fsdecode(payload)) if payload else None
        if letter == b"H":
            pid, version, executable = payload.split(b" ", 2)
            return Hello(int(pid), version.decode("ascii"), os.fsdecode(executable))
        if letter == b"N":
            number, path = payload.split(b" ", 1)
            return Sent(int(number), os.fsdecode(path))
        if letter == b"V":
            return InTheWay(payload.decode("ascii"))
        if letter in _OF_A_PROCESS:
            return _OF_A_PROCESS[letter](int(payload))
        if letter in (b"T", b"X"):
            pid, text = payload.split(b" ", 1)
            kind = Traceback if letter == b"T" else Uncaught
            return kind(int(pid), text.decode("utf-8", "replace"))
    except ValueError:
        # Not a number, too few fields, not ASCII: garbage.
        return None
    return None


def encode_release(
    distrust_bytecode: Iterable[str] = (),
    set_environment: Mapping[str, str] | None = None,
    unset_environment: Iterable[str] = (),
    *,
    opened_below: str = "",
    adapt: bool = False,
    keep_sockets: bool = False,
    mailboxes: Iterable[str] = (),
) -> bytes:
    """The message that lets a waiting interpreter run.

    :param distrust_bytecode: sources, as reported, that changed: their cached
        bytecode may be stale although its size and whole-second time agree.
    :param set_environment: variables to set; the value ``{pid}`` stands for the
        process id of the program.
    :param unset_environment: variables to remove.
    :param opened_below: the directory below which files that the program opens are
        reported; empty for none.
    :param adapt: whether frameworks' own reloaders are turned off.
    :param keep_sockets: whether listening sockets are to be sent.
    :param mailboxes: what listened before; their descriptors have to be sent next.
    :raises ValueError: a NUL is in one of them, or ``=`` in a name.
    """
    settings = dict(set_environment or {})
    for name in settings:
        if "=" in name or not name:
            raise ValueError(f"environment variable {name!r}: not a name")
    items = [
        *(f"B{path}" for path in distrust_bytecode),
        *(f"U{name}" for name in unset_environment),
        *(f"E{name}={value}" for name, value in settings.items()),
        *([f"O{opened_below}"] if opened_below else []),
        *(["A"] if adapt else []),
        *(["K"] if keep_sockets else []),
        *(f"N{key}" for key in mailboxes),
        "G",
    ]
    for item in items:
        if "\0" in item:
            raise ValueError(f"{item!r}: a NUL cannot be sent")
    body = b"".join(os.fsencode(item) + b"\0" for item in items)
    return b"L%d\0%s" % (len(body), body)


def agent_environment(
    environment: Mapping[str, str],
    *,
    agent_fd: int,
    lifeline_fd: int,
    agent_inode: int | None = None,
    directory: str = INJECT_DIRECTORY,
) -> dict[str, str]:
    """The environment to start the program in, so that the agent is loaded.

    The agent restores it before any of the user's code runs.

    :param environment: what the program shall see.
    :param agent_fd: the program's end of an ``AF_UNIX`` stream socket pair, blocking.
    :param lifeline_fd: the read end of a pipe only the supervisor can write to.
    :param agent_inode: ``os.fstat(agent_fd).st_ino``: keeps the agent silent when
        something between us and Python closed the descriptor and reused its number.
    :param directory: what the agent is loaded from.
    """
    original = environment.get("PYTHONPATH")
    # An empty PYTHONPATH is no PYTHONPATH, yet "<inject>:" would add the working
    # directory. Only the agent must know that there was one, to restore it.
    fields = [str(agent_fd), str(lifeline_fd), "" if agent_inode is None else str(agent_inode)]
    if original == "":
        fields.append("empty")
    return {
        **environment,
        "PYTHONPATH": directory + (os.pathsep + original if original else ""),
        ENVIRONMENT_VARIABLE: ",".join(fields),
    }


def missing_candidates(path: str) -> tuple[str, ...]:
    """The files whose appearance would satisfy an import that failed.

    :param path: of a :class:`Missing` record.
    """
    return (
        path + ".py",
        os.path.join(path, "__init__.py"),
        *(path + suffix for suffix in EXTENSION_SUFFIXES),
    )
