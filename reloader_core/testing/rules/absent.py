"""Rules about files that are not there yet: that they appear is a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def a_file_that_appears_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Its directory is there when the file is watched; an edit afterwards counts as well."""
    path = disk.directory("project") / "missing.py"
    trial.watch(path)
    for change in (disk.write, disk.write):
        change(path)
        trial.until(path)
        trial.drain()


@rule()
def a_file_that_is_moved_to_its_place_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """It was written elsewhere, so nothing is written where it appears."""
    path, elsewhere = disk.directory("project") / "missing.py", disk.file("elsewhere.py")
    trial.watch(path)
    disk.rename(elsewhere, path)
    trial.until(path)


@rule()
def a_file_that_appears_in_the_tick_of_the_watch_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The times of its directory may not tell, for the clock of a file system is coarse."""
    paths = [disk.place(f"project/missing{number}.py") for number in range(20)]
    disk.make(disk.place("project"))
    for path in paths:
        trial.watch(*paths, is_at_once=True)
        disk.write(path)
        trial.until(path)


@rule()
def a_file_is_hinted_at_when_its_directories_were_made_before(trial: Trial, disk: Disk) -> None:
    """When it is watched, none of its directories is there."""
    path = disk.place("a/b/c/module.py")
    trial.watch(path)
    disk.make(path.parent)
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule()
def a_file_that_appears_with_its_directories_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Directories and file are made in one go, faster than anybody looks."""
    path = disk.place("a/b/c/module.py")
    trial.watch(path)
    disk.make(path.parent)
    disk.write(path)
    trial.until(path)


@rule()
def a_path_through_a_file_is_hinted_at_once_that_is_a_directory(trial: Trial, disk: Disk) -> None:
    """An archive on ``sys.path`` leads to such paths."""
    archive = disk.file("library.zip")
    path = archive / "module.py"
    trial.watch(path)
    disk.delete(archive)
    disk.make(archive)
    trial.drain()
    disk.write(path)
    trial.until(path)
