"""Rules about silence: what did not change, or is not watched, is not hinted at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule(asks_for_silence=True)
def a_file_that_is_only_read_gives_no_hint(trial: Trial, disk: Disk) -> None:
    """Opening, reading and listing change nothing; a hint would lead to the next read."""
    path = disk.file("project/module.py")
    trial.watch(path, trees=[path.parent])
    disk.log.note(f"read {disk.log.name(path)}")
    path.read_text()
    os.listdir(path.parent)
    path.stat()
    trial.stay_silent("nothing was written")


@rule(asks_for_silence=True)
def a_file_beside_a_watched_one_gives_no_hint(trial: Trial, disk: Disk) -> None:
    """It is made, written, renamed and deleted in the same directory."""
    path = disk.file("project/module.py")
    trial.watch(path, path.with_name("missing.py"))
    disk.write(other := path.with_name("another.py"))
    disk.write(other)
    disk.rename(other, renamed := path.with_name("module.pyc"))
    disk.delete(renamed)
    trial.stay_silent("only a file that is not watched has changed")


@rule(asks_for_silence=True)
def watching_something_gives_no_hint(trial: Trial, disk: Disk) -> None:
    """Neither at first nor when the same is watched again, or more."""
    path, another = disk.file("project/module.py"), disk.file("tree/another.py")
    for files in ([path], [path], [path, another, disk.place("missing.py")]):
        trial.watch(*files, trees=[another.parent])
        trial.stay_silent("nothing has changed")


@rule(asks_for_silence=True)
def what_is_not_watched_any_more_gives_no_hint(trial: Trial, disk: Disk) -> None:
    """``watch`` replaces what was watched: files, absent files and trees."""
    stays, goes = disk.file("project/stays.py"), disk.file("project/goes.py")
    inside, absent = disk.file("tree/inside.py"), disk.place("project/absent.py")
    trial.watch(stays, goes, absent, trees=[inside.parent])
    trial.watch(stays)
    for path in (goes, inside, absent):
        disk.write(path)
    trial.stay_silent("only files that are not watched any more have changed")
