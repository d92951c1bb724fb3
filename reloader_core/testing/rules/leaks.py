"""Rules about what a closed source leaves behind: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.abilities import Ability, open_descriptors
from reloader_core.testing.rule import rule
from reloader_core.testing.rules.saves import MODULE

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


def _use(trial: Trial, disk: Disk) -> None:
    """Watch a file and a tree, hear of a change, and close the source while it waits."""
    path = disk.file(MODULE)
    trial.watch(path, disk.place("missing/module.py"), trees=[path.parent.parent])
    disk.write(path)
    trial.until(path)
    trial.drain()
    call = trial.begin_wait(None)
    trial.until_blocked(call)
    trial.close()
    trial.end_wait(call, trial.traits.prompt_seconds)


@rule()
def close_ends_the_threads_of_the_source(trial: Trial, disk: Disk) -> None:
    """Those it started are over soon after ``close`` returned."""
    _use(trial, disk)
    if not trial.until_true(lambda: not trial.left_threads()):
        names = ", ".join(thread.name for thread in trial.left_threads())
        trial.fail(f"threads are left running: {names}")


@rule(Ability.DESCRIPTORS)
def close_gives_the_file_descriptors_back(trial: Trial, disk: Disk) -> None:
    """Those that were opened for it are closed when the blocked ``wait`` has returned."""
    before = trial.descriptors
    _use(trial, disk)

    def left() -> dict[str, str]:
        return {
            number: target
            for number, target in open_descriptors().items()
            if before.get(number) != target
        }

    if not trial.until_true(lambda: not left()):
        targets = ", ".join(f"{number} ({target})" for number, target in left().items())
        trial.fail(f"file descriptors are left open: {targets}")
