"""Rules about the directories of a file: what happens to them, happens to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.testing.abilities import Ability
from reloader_core.testing.rule import rule
from reloader_core.testing.rules.saves import MODULE

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def the_removal_of_the_directory_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The directory goes with all that is in it."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.remove(path.parent)
    trial.until(path)


@rule()
def a_removed_directory_may_come_back(trial: Trial, disk: Disk) -> None:
    """The removal, the file in the new directory and the next edit each lead to a hint."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.remove(path.parent.parent)
    trial.until(path)
    trial.drain()
    disk.make(path.parent)
    trial.drain()
    for change in (disk.write, disk.write):
        change(path)
        trial.until(path)
        trial.drain()


@rule(Ability.HELD_DIRECTORIES)
def a_removed_directory_may_be_held_open_and_come_back(trial: Trial, disk: Disk) -> None:
    """A process that works in it keeps the old one, and the kernel may tell nobody of its end."""
    path = disk.file(MODULE)
    project = path.parent.parent
    disk.log.note(f"opened {disk.log.name(project)}")
    descriptor = os.open(project, os.O_RDONLY)
    try:
        trial.watch(path)
        disk.remove(project)
        trial.until(path)
        trial.drain()
        disk.make(path.parent)
        for change in (disk.write, disk.write):
            change(path)
            trial.until(path)
            trial.drain()
    finally:
        os.close(descriptor)


@rule()
def a_directory_swapped_for_another_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Two renames put another directory in its place; edits in the new one count."""
    path = disk.file(MODULE)
    package, new = path.parent, path.parent.with_name("new")
    trial.watch(path)
    disk.copy(package, new)
    disk.write(new / "module.py")
    trial.drain()
    disk.rename(package, package.with_name("old"))
    disk.rename(new, package)
    trial.until(path)
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule()
def a_project_may_be_moved_away_and_back(trial: Trial, disk: Disk) -> None:
    """Going, coming back and the next edit each lead to a hint."""
    path = disk.file(MODULE)
    project = path.parent.parent
    trial.watch(path)
    disk.rename(project, away := project.with_name("away"))
    trial.until(path)
    trial.drain()
    disk.rename(away, project)
    trial.until(path)
    trial.drain()
    disk.write(path)
    trial.until(path)
