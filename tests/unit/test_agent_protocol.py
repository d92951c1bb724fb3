"""What is said between the agent and the supervisor, as bytes and as values."""

from __future__ import annotations

import itertools
import os
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reloader_core.agent import ENVIRONMENT_VARIABLE, INJECT_DIRECTORY, LoadedKind
from reloader_core.agent.protocol import (
    AtPrompt,
    Directory,
    Hello,
    LeftPrompt,
    Listening,
    Loaded,
    Missing,
    Running,
    Traceback,
    Uncaught,
    Written,
    agent_environment,
    decode,
    encode_release,
    missing_candidates,
)
from reloader_core.model import Stamp

STAMP = Stamp(1, 22, 333, -4, 5_000_000_000)

EXAMPLES = {
    b"D/project": Directory("/project"),
    b"H12 3.11.7 /usr/bin/my python": Hello(12, "3.11.7", "/usr/bin/my python"),
    b"R12": Running(12),
    b"K12": Listening(12),
    b"P12": AtPrompt(12),
    b"Q12": LeftPrompt(12),
    b"T12 Traceback:\n  \xff": Traceback(12, "Traceback:\n  \ufffd"),
    b"S1 22 333 -4 5000000000 /a b\n/c.py": Loaded("/a b\n/c.py", STAMP, LoadedKind.SOURCE),
    b"E1 22 333 -4 5000000000 /c.so": Loaded("/c.so", STAMP, LoadedKind.EXTENSION),
    b"B1 22 333 -4 5000000000 /c.pyc": Loaded("/c.pyc", STAMP, LoadedKind.BYTECODE),
    b"A1 22 333 -4 5000000000 /\xff.zip": Loaded("/\udcff.zip", STAMP, LoadedKind.ARCHIVE),
    b"O1 22 333 -4 5000000000 /a.txt": Loaded("/a.txt", STAMP, LoadedKind.OPENED),
    b"W/a\n.txt": Written("/a\n.txt"),
    b"M/a/b": Missing("/a/b"),
    b"X12 KeyError: \xff 1": Uncaught(12, "KeyError: \ufffd 1"),
}


@pytest.mark.parametrize("raw", EXAMPLES)
def test_a_record_is_understood(raw: bytes) -> None:
    assert decode(raw + b"\0") == ([EXAMPLES[raw]], b"")


@given(st.lists(st.integers(0, 300)))
def test_records_are_understood_however_they_are_cut(cuts: list[int]) -> None:
    stream = b"".join(raw + b"\0" for raw in EXAMPLES)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    records, rest = [], b""
    for start, end in itertools.pairwise(bounds):
        found, rest = decode(rest + stream[start:end])
        records += found
    assert (records, rest) == (list(EXAMPLES.values()), b"")


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"D", b"S", b"S1 2 3", b"S1 2 3 4 x /a", b"S1 2 3 4 5 ", b"M", b"W", b"R", b"Rx",
        b"H1", b"H1 \xff /p", b"X1", b"Xx y", b"hello, world", b"\xff\xfe",
    ],
)  # fmt: skip
def test_garbage_is_skipped(garbage: bytes) -> None:
    assert decode(garbage + b"\0R7\0") == ([Running(7)], b"")


@given(st.binary())
def test_no_garbage_raises(garbage: bytes) -> None:
    records, _ = decode(garbage + b"\0R7\0")
    assert records[-1] == Running(7)


def test_garbage_without_an_end_is_not_kept() -> None:
    assert decode(b"x" * 70_000) == ([], b"")


def test_a_release_says_how_long_it_is_and_ends_with_go() -> None:
    message = encode_release(["/a b.py", "/\udcff.py"], {"PID": "{pid}", "E": ""}, ["GONE"])
    header, _, body = message.partition(b"\0")
    assert header == b"L%d" % len(body)
    assert body == b"B/a b.py\0B/\xff.py\0UGONE\0EPID={pid}\0EE=\0G\0"


def test_a_release_may_ask_for_the_files_that_are_opened() -> None:
    assert encode_release(opened_below="/a b").endswith(b"\0O/a b\0G\0")
    with pytest.raises(ValueError, match="NUL"):
        encode_release(opened_below="/a\0b")


@pytest.mark.parametrize("name", ["", "A=B", "A\0B"])
def test_what_is_no_name_of_a_variable_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|not a name"):
        encode_release((), {name: "x"}, ())


@pytest.mark.parametrize(
    ("original", "expected", "request_"),
    [
        (None, INJECT_DIRECTORY, "5,6,"),
        ("", INJECT_DIRECTORY, "5,6,,empty"),
        ("/a", INJECT_DIRECTORY + os.pathsep + "/a", "5,6,"),
        ("/a" + os.pathsep, INJECT_DIRECTORY + os.pathsep + "/a" + os.pathsep, "5,6,"),
    ],
)
def test_the_environment_puts_the_agent_first(
    original: str | None, expected: str, request_: str
) -> None:
    given_ = {"HOME": "/h"} | ({} if original is None else {"PYTHONPATH": original})
    environment = agent_environment(given_, agent_fd=5, lifeline_fd=6)
    assert environment == {"HOME": "/h", "PYTHONPATH": expected, ENVIRONMENT_VARIABLE: request_}


def test_the_environment_can_tell_the_socket_by_its_inode() -> None:
    environment = agent_environment({}, agent_fd=5, lifeline_fd=6, agent_inode=77)
    assert environment[ENVIRONMENT_VARIABLE] == "5,6,77"


def test_a_missing_module_can_appear_in_several_ways() -> None:
    candidates = missing_candidates("/a/b")
    assert candidates[:2] == ("/a/b.py", os.path.join("/a/b", "__init__.py"))
    assert candidates[2:] == tuple("/a/b" + suffix for suffix in EXTENSION_SUFFIXES)
