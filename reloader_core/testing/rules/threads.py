"""Rules about threads: ``wait`` is called from one, ``watch`` and ``close`` from another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from reloader_core.testing.observer import covers
from reloader_core.testing.rule import rule
from reloader_core.testing.rules.saves import MODULE

if TYPE_CHECKING:
    from reloader_core.model import Hint
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def a_change_wakes_a_blocked_wait(trial: Trial, disk: Disk) -> None:
    """``wait(None)`` blocks until there is something to say, and then says it."""
    path = disk.file(MODULE)
    trial.watch(path)
    trial.drain()
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    disk.write(path)
    hints = trial.end_wait(call, trial.traits.deadline_seconds)
    if not hints:
        trial.fail("wait(None) returned without a hint, though it was not closed")
    if not any(covers(hint, path) for hint in hints):
        trial.until(path)


@rule()
def a_change_while_nobody_waits_is_kept(trial: Trial, disk: Disk) -> None:
    """The hint is given to the next ``wait``, also to one that does not block."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.write(path)
    hints: list[Hint] = []

    def is_hinted() -> bool:
        hints.extend(trial.wait(0))
        return any(covers(hint, path) for hint in hints)

    if not trial.until_true(is_hinted):
        trial.fail(f"wait(0) never hints at {trial.name_all([path])}", hints)


@rule()
def files_may_be_added_while_a_wait_is_blocked(trial: Trial, disk: Disk) -> None:
    """``watch`` returns though another thread waits, and what it adds is watched at once."""
    first, second = disk.file("project/first.py"), disk.file("other/second.py")
    trial.watch(first)
    trial.drain()
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    trial.watch(first, second, trees=[disk.directory("tree")])
    disk.write(second)
    disk.write(new := disk.place("tree/new.py"))
    hints = trial.end_wait(call, trial.traits.deadline_seconds)
    trial.until(*(path for path in (second, new) if not any(covers(hint, path) for hint in hints)))


@rule()
def files_added_one_by_one_to_a_source_that_waits_are_all_watched(trial: Trial, disk: Disk) -> None:
    """A hundred files are watched one more at a time, and each is written right after that."""
    paths = [disk.place(f"package{number % 7}/m{number}.py") for number in range(100)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    disk.tick()
    hints: list[Hint] = []
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    for number, path in enumerate(paths):
        trial.watch(*paths[: number + 1], is_at_once=True)
        path.write_text("x")
        if call.done():
            hints += trial.end_wait(call, 0)
            call = trial.begin_wait(None)
    disk.log.note("wrote 100 files, each when it was watched")
    deadline = time.monotonic() + trial.traits.deadline_seconds
    while missing := [path for path in paths if not any(covers(hint, path) for hint in hints)]:
        if not trial.until_true(call.done) or time.monotonic() > deadline:
            trial.fail(f"no hint of {trial.name_all(missing)}", hints)
        hints += trial.end_wait(call, 0)
        call = trial.begin_wait(None)


@rule()
def wait_returns_in_time_when_there_is_nothing(trial: Trial, disk: Disk) -> None:
    """Neither much later than its timeout nor, without a hint, before it."""
    trial.watch(disk.file(MODULE))
    trial.drain()
    for timeout in (0, 0.01, 0.3):
        started = time.monotonic()
        hints = trial.wait(timeout)
        passed = time.monotonic() - started
        if not hints and passed < timeout * 0.9:  # clocks are coarse
            trial.fail(f"wait({timeout}) returned after {passed:.3f} s without a hint")


@rule()
def close_wakes_a_blocked_wait(trial: Trial, disk: Disk) -> None:
    """At once, and with no hints: a program that ends must not wait for the next look."""
    trial.watch(disk.file(MODULE))
    trial.drain()
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    trial.close()
    hints = trial.end_wait(call, trial.traits.prompt_seconds)
    if hints and trial.traits.is_calm:
        trial.fail("a wait that was ended by close() gave hints")


@rule()
def close_may_be_called_again(trial: Trial, disk: Disk) -> None:
    """A second ``close`` does nothing."""
    trial.watch(disk.file(MODULE))
    trial.close()
    trial.close()


@rule()
def a_source_that_watched_nothing_may_be_closed(trial: Trial, disk: Disk) -> None:
    """Also before its first ``watch``, and while it waits for nothing."""
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    trial.close()
    trial.end_wait(call, trial.traits.prompt_seconds)


@rule()
def wait_returns_at_once_when_the_source_is_closed(trial: Trial, disk: Disk) -> None:
    """Without a hint, whatever has changed."""
    path = disk.file(MODULE)
    trial.watch(path)
    trial.close()
    disk.write(path)
    for timeout in (None, 60.0, 0):
        if hints := trial.end_wait(trial.begin_wait(timeout), trial.traits.prompt_seconds):
            trial.fail("it gives hints after it was closed", hints)
