"""Rules about trees: a directory with what is in it, now and later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Tree
from reloader_core.patterns import PathFilter
from reloader_core.testing.abilities import Ability
from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def an_edit_in_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Files at its root and deep below it are written and replaced."""
    paths = [disk.file("tree/top.py"), disk.file("tree/a/b/deep.py")]
    trial.watch(trees=[disk.place("tree")])
    for change in (disk.write, disk.replace, disk.write):
        for path in paths:
            change(path)
        trial.until(*paths)
        trial.drain()


@rule()
def a_new_file_in_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """So is its next edit."""
    directory = disk.directory("tree/sub")
    trial.watch(trees=[disk.place("tree")])
    for path in (directory / "new.py", disk.place("tree/top.py")):
        for change in (disk.write, disk.write):
            change(path)
            trial.until(path)
            trial.drain()


@rule()
def a_file_in_a_new_directory_of_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Directories and file are made in one go; later files and edits count as well."""
    disk.directory("tree")
    trial.watch(trees=[disk.place("tree")])
    disk.make(directory := disk.place("tree/a/b"))
    disk.write(directory / "first.py")
    trial.until(directory / "first.py")
    trial.drain()
    disk.write(directory / "second.py")
    trial.until(directory / "second.py")
    trial.drain()
    disk.write(directory / "first.py")
    trial.until(directory / "first.py")


@rule()
def a_deletion_in_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """First a file goes, then a directory with the files in it."""
    first, second = disk.file("tree/first.py"), disk.file("tree/sub/second.py")
    trial.watch(trees=[disk.place("tree")])
    disk.delete(first)
    trial.until(first)
    trial.drain()
    disk.remove(second.parent)
    trial.until(second)


@rule()
def a_directory_renamed_in_a_tree_is_hinted_at_under_both_names(trial: Trial, disk: Disk) -> None:
    """What was in it is gone there and has come here, and edits in it count."""
    old, new = disk.file("tree/a/b/module.py"), disk.place("tree/z/b/module.py")
    trial.watch(trees=[disk.place("tree")])
    disk.rename(disk.place("tree/a"), disk.place("tree/z"))
    trial.until(old, new)
    trial.drain()
    disk.replace(new)
    trial.until(new)


@rule()
def a_directory_moved_into_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Nothing is written there: the files were there before it came."""
    disk.file("outside/sub/module.py")
    disk.directory("tree")
    trial.watch(trees=[disk.place("tree")])
    disk.rename(disk.place("outside"), disk.place("tree/inside"))
    trial.until(path := disk.place("tree/inside/sub/module.py"))
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule()
def a_tree_may_begin_where_nothing_is_yet(trial: Trial, disk: Disk) -> None:
    """A root that appears with a file in it, goes, and comes back."""
    root = disk.place("not/yet")
    path = root / "new.py"
    trial.watch(trees=[root])
    disk.make(root)
    disk.write(path)
    trial.until(path)
    trial.drain()
    disk.remove(root)
    trial.until(path)
    trial.drain()
    disk.make(root)
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule()
def a_tree_may_be_moved_away_and_back(trial: Trial, disk: Disk) -> None:
    """Going, coming back and the next edit each lead to a hint."""
    path, root = disk.file("tree/sub/module.py"), disk.place("tree")
    trial.watch(trees=[root])
    disk.rename(root, away := disk.place("away"))
    trial.until(path)
    trial.drain()
    disk.rename(away, root)
    trial.until(path)
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule(Ability.HARD_LINKS)
def a_write_under_another_name_of_a_file_in_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Whether the file, or its other name, was there before the tree was watched or not."""
    early, late = disk.file("tree/early.py"), disk.place("tree/late.py")
    disk.hard_link(elsewhere := disk.place("elsewhere.py"), early)
    trial.watch(trees=[disk.place("tree")])
    disk.write(elsewhere)
    trial.until(early)
    trial.drain()
    disk.write(late)
    trial.until(late)
    trial.drain()
    disk.hard_link(elsewhere := disk.place("other.py"), late)
    disk.write(elsewhere)
    trial.until(late)


@rule(asks_for_silence=True)
def a_tree_is_silent_about_files_its_filter_does_not_want(trial: Trial, disk: Disk) -> None:
    """A log file is made, written and deleted among the modules."""
    disk.file("tree/module.py")
    path = disk.place("tree/notes.log")
    trial.watch(trees=[disk.place("tree")])
    for change in (disk.write, disk.write, disk.delete):
        change(path)
        trial.stay_silent("the filter does not want the file")


@rule(asks_for_silence=True)
def a_tree_is_silent_about_directories_its_filter_does_not_want(trial: Trial, disk: Disk) -> None:
    """Files that the filter would want are made and written in ``node_modules``."""
    disk.file("tree/module.py")
    path = disk.file("tree/node_modules/deep/module.py")
    trial.watch(trees=[disk.place("tree")])
    disk.write(path)
    disk.write(path.with_name("new.py"))
    trial.stay_silent("the filter does not want the directory")


@attrs.frozen(kw_only=True)
class _AskedFilter(PathFilter):
    """Remembers what it was asked about."""

    asked: set[str] = attrs.field(factory=set, eq=False)

    def wants_file(self, path: str) -> bool:
        self.asked.add(path)
        return super().wants_file(path)

    def wants_directory(self, path: str) -> bool:
        self.asked.add(path)
        return super().wants_directory(path)


@rule()
def a_directory_is_not_entered_before_the_filter_is_asked(trial: Trial, disk: Disk) -> None:
    """What is below a directory the filter does not want is not listed: it may be huge."""
    path = disk.file("tree/module.py")
    below = disk.file("tree/node_modules/deep/module.py")
    root = str(disk.place("tree"))
    choose = _AskedFilter(root=root, include=("*.py",), exclude=("node_modules",))
    trial.watch(trees=[Tree(root=root, filter=choose)])
    disk.write(path)
    trial.until(path)
    trespasses = {asked for asked in choose.asked if asked.startswith(str(below.parent))}
    if trespasses:
        trial.fail(f"it entered {trial.name_all([below.parent.parent])}, which the filter refused")
