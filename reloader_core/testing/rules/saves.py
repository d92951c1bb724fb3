"""Rules about one file: every way to change it is hinted at."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reloader_core.testing.abilities import Ability
from reloader_core.testing.observer import covers
from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial

MODULE = "project/package/module.py"
_HOUR_NS = 3_600 * 1_000_000_000


@rule()
def a_write_in_place_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The file is opened and written anew; it stays the same file."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.write(path)
    trial.until(path)


@rule(Ability.CHANGE_TIMES)
def a_write_that_keeps_size_and_time_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The content is another one of the same size, and the modification time is set back."""
    path = disk.file(MODULE)
    text, status = path.read_text(), path.stat()
    trial.watch(path)
    disk.log.note(f"wrote as much as before into {disk.log.name(path)}")
    path.write_text(text.replace("x", "y"))
    disk.set_time(path, status.st_mtime_ns)
    trial.until(path)


@rule()
def a_file_of_another_age_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """A restored backup is older; a file from another machine may be of the future."""
    path = disk.file(MODULE)
    now = path.stat().st_mtime_ns
    trial.watch(path)
    for shift in (-_HOUR_NS, _HOUR_NS):
        disk.write(path)
        disk.set_time(path, now + shift)
        trial.until(path)
        trial.drain()


@rule()
def an_older_file_moved_over_it_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The file is replaced by one that was written long before."""
    path, backup = disk.file(MODULE), disk.file("project/backup")
    disk.set_time(backup, path.stat().st_mtime_ns - _HOUR_NS)
    trial.watch(path)
    disk.rename(backup, path)
    trial.until(path)


@rule()
def an_atomic_replace_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Another file is written and renamed over it, again and again."""
    path = disk.file(MODULE)
    trial.watch(path)
    for _ in range(3):
        disk.replace(path)
        trial.until(path)
        trial.drain()


@rule()
def a_save_by_vim_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The file becomes the backup, a new one is written, the backup is deleted."""
    path = disk.file(MODULE)
    trial.watch(path)
    for _ in range(2):
        disk.write(probe := path.with_name("4913"))  # may files be made here?
        disk.delete(probe)
        disk.rename(path, backup := path.with_name("module.py~"))
        disk.write(path)
        disk.delete(backup)
        trial.until(path)
        trial.drain()


@rule()
def a_save_by_emacs_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """A lock is made, the file becomes the backup and stays it; later saves are in place."""
    path = disk.file(MODULE)
    trial.watch(path)
    lock = path.with_name(".#module.py")
    for number in range(2):
        with contextlib.suppress(OSError):  # no links here, then no lock
            disk.link(lock, "user@host.1:2")
        if number == 0:
            disk.rename(path, path.with_name("module.py~"))
        disk.write(path)
        lock.unlink(missing_ok=True)
        trial.until(path)
        trial.drain()


@rule()
def a_save_by_pycharm_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """A new file is written, the old one renamed, the new one renamed, the old one deleted."""
    path = disk.file(MODULE)
    new, old = path.with_name("module.py___jb_tmp___"), path.with_name("module.py___jb_old___")
    trial.watch(path)
    for _ in range(2):
        disk.write(new)
        disk.rename(path, old)
        disk.rename(new, path)
        disk.delete(old)
        trial.until(path)
        trial.drain()


@rule()
def a_deletion_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The file is deleted; its directory stays."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.delete(path)
    trial.until(path)


@rule()
def a_file_deleted_and_made_again_at_once_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """There may be no look between the two, and one hint is enough."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.delete(path)
    disk.write(path)
    trial.until(path)


@rule()
def a_file_deleted_and_made_again_later_is_hinted_at_each_time(trial: Trial, disk: Disk) -> None:
    """The deletion, the return and the next edit each lead to a hint."""
    path = disk.file(MODULE)
    trial.watch(path)
    for change in (disk.delete, disk.write, disk.write):
        change(path)
        trial.until(path)
        trial.drain()


@rule()
def a_file_renamed_away_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """What was watched is the path, and nothing is there any more."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.rename(path, path.with_name("other.py"))
    trial.until(path)


@rule()
def each_of_many_changes_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """A file is changed as soon as the change before was hinted at."""
    path = disk.file(MODULE)
    trial.watch(path)
    for number in range(6):
        (disk.replace if number % 2 else disk.write)(path)
        trial.until(path)
        trial.drain()


@rule()
def a_finished_save_is_not_said_to_be_under_way(trial: Trial, disk: Disk) -> None:
    """A source that knows of writers also tells of their end."""
    path = disk.file(MODULE)
    trial.watch(path)
    disk.write(path)
    hints = trial.until(path) + trial.hints()
    if [hint for hint in hints if covers(hint, path)][-1].is_being_written:
        trial.fail(f"{trial.name_all([path])} is said to be under way when nobody writes", hints)


@rule(Ability.HARD_LINKS)
def a_write_under_another_name_of_the_file_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """A hard link is the same file; so is one in a directory that is not watched."""
    path, elsewhere = disk.file(MODULE), disk.place("elsewhere.py")
    disk.hard_link(elsewhere, path)
    trial.watch(path)
    disk.write(elsewhere)
    trial.until(path)


@rule(Ability.HARD_LINKS)
def a_write_under_a_name_that_was_made_later_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """When the watch was taken up, nothing said that the file would get another name."""
    path, elsewhere = disk.file(MODULE), disk.place("elsewhere.py")
    trial.watch(path)
    disk.hard_link(elsewhere, path)
    disk.write(elsewhere)
    trial.until(path)
