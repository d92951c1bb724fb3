"""From the stacks of a program to the few words that say what holds it up."""

from __future__ import annotations

import pytest

from reloader_core.supervisor.child.hold_up import (
    count_connections,
    describe_stacks,
    describe_state,
    parse_stacks,
)

MAIN = """\
Current thread 0x00007f5c3a7fe740 (most recent call first):
  File "/usr/lib/python3.11/selectors.py", line 468 in select
  File "/usr/lib/python3.11/asyncio/base_events.py", line 1884 in _run_once
  File "/project/shop/server.py", line 12 in serve
  File "/project/app.py", line 3 in <module>
"""
SHUTDOWN = """\
Current thread 0x00007f5c3a7fe740 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 1590 in _shutdown
"""
WORKER = """\
Thread 0x00007f5c39fff6c0 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 324 in wait
  File "/project/jobs.py", line 9 in work
"""


def described(text: str) -> str | None:
    return describe_stacks(parse_stacks(text), "/project")


def test_the_innermost_place_in_the_project_is_named() -> None:
    assert described(MAIN) == "its main thread is in serve (shop/server.py, line 12)"


def test_without_one_the_innermost_place_is_named() -> None:
    assert described(MAIN.replace("/project/", "/elsewhere/")) == (
        "its main thread is in select (/usr/lib/python3.11/selectors.py, line 468)"
    )


def test_the_thread_that_took_the_signal_is_the_main_one() -> None:
    assert described(WORKER + "\n" + MAIN) == described(MAIN + "\n" + WORKER) == described(MAIN)


def test_without_a_mark_the_oldest_thread_is_the_main_one() -> None:
    text = WORKER + "\n" + MAIN.replace("Current thread", "Thread")
    assert described(text) == described(MAIN)


def test_at_the_end_of_a_program_the_thread_is_named_that_it_waits_for() -> None:
    assert described(WORKER + "\n" + SHUTDOWN) == "it waits for a thread in work (jobs.py, line 9)"


def test_records_in_between_do_no_harm() -> None:
    text = "S1 2 3 4 5 /project/late.py\0" + MAIN.replace("  File", "\0M/project/x\0  File", 1)
    assert described(text) == described(MAIN)


@pytest.mark.parametrize("text", ["", "nothing of it\n", "Thread 0x1 (most recent call first):\n"])
def test_nothing_is_made_of_nothing(text: str) -> None:
    assert described(text) is None


def test_a_state_is_told_if_it_holds_the_program_up() -> None:
    assert describe_state("S") is None
    assert describe_state("D") == "it hangs in the kernel, in a file system perhaps"


def test_a_process_that_is_gone_has_no_connections() -> None:
    assert count_connections(2**22 + 1) == 0
