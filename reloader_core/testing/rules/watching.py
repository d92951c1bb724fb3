"""Rules about ``watch``: exactly what it was given, from then on, and nothing lost between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def a_change_before_more_is_watched_is_not_lost(trial: Trial, disk: Disk) -> None:
    """A path that stays watched keeps what is known of it."""
    path, another = disk.file("project/module.py"), disk.file("project/another.py")
    trial.watch(path)
    disk.write(path)
    trial.watch(path, another)
    trial.until(path)


@rule()
def a_change_before_less_is_watched_is_not_lost(trial: Trial, disk: Disk) -> None:
    """The file that is not watched any more is another one."""
    path, another = disk.file("project/module.py"), disk.file("project/another.py")
    trial.watch(path, another)
    disk.write(path)
    trial.watch(path)
    trial.until(path)


@rule()
def a_change_in_a_tree_before_more_is_watched_is_not_lost(trial: Trial, disk: Disk) -> None:
    """Neither an edit nor a new file, when a file beside the tree comes to be watched."""
    path, another = disk.file("tree/module.py"), disk.file("another.py")
    trial.watch(trees=[disk.place("tree")])
    disk.write(path)
    disk.write(new := disk.place("tree/new.py"))
    trial.watch(another, trees=[disk.place("tree")])
    trial.until(path, new)


@rule()
def a_file_that_is_watched_again_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """It was given up for a while; what happened meanwhile is the core's to find."""
    path = disk.file("project/module.py")
    trial.watch(path)
    trial.watch()
    disk.write(path)
    trial.drain()
    trial.watch(path)
    trial.drain()
    disk.write(path)
    trial.until(path)


@rule()
def what_is_in_two_trees_stays_watched_when_one_goes(trial: Trial, disk: Disk) -> None:
    """Trees may overlap, and a file in them may be watched as such, too."""
    path = disk.file("outer/inner/module.py")
    outer, inner = disk.place("outer"), disk.place("outer/inner")
    for files, trees in (
        ([path], [outer, inner]),
        ([], [outer, inner]),
        ([], [inner]),
        ([path], []),
        ([], [outer]),
    ):
        trial.watch(*files, trees=trees)
        trial.drain()
        disk.write(path)
        trial.until(path)


@rule()
def each_file_of_a_burst_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Three hundred files in twenty directories are written, then deleted."""
    paths = [disk.place(f"package{number % 20}/m{number}.py") for number in range(300)]
    for path in paths[:20]:
        disk.make(path.parent)
    for path in paths[:250]:  # the rest appears
        path.write_text("")
    trial.watch(*paths)
    disk.log.note("wrote 300 files")
    for path in paths:
        path.write_text("x")
    trial.until(*paths)
    trial.drain()
    disk.log.note("deleted 300 files")
    for path in paths:
        path.unlink()
    trial.until(*paths)


@rule()
def each_file_of_a_burst_in_a_tree_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """Three hundred files are made, in twenty directories that are new as well."""
    disk.directory("tree")
    paths = [disk.place(f"tree/package{number % 20}/m{number}.py") for number in range(300)]
    trial.watch(trees=[disk.place("tree")])
    disk.log.note("made 20 directories and wrote 300 files")
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    trial.until(*paths)
