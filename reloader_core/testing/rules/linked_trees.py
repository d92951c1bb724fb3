"""Rules about symbolic links in trees: they are followed, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.abilities import Ability
from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule(Ability.SYMLINKS)
def a_linked_directory_in_a_tree_is_watched_where_it_is(trial: Trial, disk: Disk) -> None:
    """Its files are edited and made outside of the tree, and the hints name them inside."""
    path, linked = disk.file("outside/module.py"), disk.directory("tree") / "linked"
    disk.link(linked, disk.place("outside"))
    trial.watch(trees=[disk.place("tree")])
    disk.write(path)
    trial.until(linked / "module.py")
    trial.drain()
    disk.make(disk.place("outside/sub"))
    disk.write(disk.place("outside/sub/new.py"))
    trial.until(linked / "sub" / "new.py")


@rule(Ability.SYMLINKS)
def a_linked_directory_in_a_tree_may_be_pointed_elsewhere(trial: Trial, disk: Disk) -> None:
    """What is in the other directory has come, and edits of it count."""
    disk.file("outside/module.py")
    other, linked = disk.file("other/module.py"), disk.directory("tree") / "linked"
    disk.link(linked, disk.place("outside"))
    trial.watch(trees=[disk.place("tree")])
    disk.retarget(linked, disk.place("other"))
    trial.until(linked / "module.py")
    trial.drain()
    disk.write(other)
    trial.until(linked / "module.py")


@rule(Ability.SYMLINKS)
def a_linked_directory_in_a_tree_may_lead_nowhere_at_first(trial: Trial, disk: Disk) -> None:
    """The directory it leads to is made later, and a file in it later still."""
    linked = disk.directory("tree") / "linked"
    disk.link(linked, outside := disk.place("outside"))
    trial.watch(trees=[disk.place("tree")])
    disk.make(outside)
    trial.drain()
    disk.write(outside / "module.py")
    trial.until(linked / "module.py")


@rule(Ability.SYMLINKS)
def a_linked_file_in_a_tree_is_watched_where_it_is(trial: Trial, disk: Disk) -> None:
    """One that is there at first, and one that is linked later, before what it leads to is made."""
    first, second = disk.file("outside/first.py"), disk.place("outside/second.py")
    disk.link(old := disk.directory("tree") / "old.py", first)
    trial.watch(trees=[disk.place("tree")])
    disk.write(first)
    trial.until(old)
    trial.drain()
    disk.link(new := disk.place("tree/new.py"), second)
    trial.drain()
    disk.write(second)
    trial.until(new)


@rule(Ability.SYMLINKS)
def the_root_of_a_tree_may_be_a_link(trial: Trial, disk: Disk) -> None:
    """It is followed, and may be pointed elsewhere."""
    path, other = disk.file("one/module.py"), disk.file("two/module.py")
    disk.link(root := disk.place("tree"), "one")
    trial.watch(trees=[root])
    disk.write(path)
    trial.until(root / "module.py")
    trial.drain()
    disk.retarget(root, "two")
    trial.until(root / "module.py")
    trial.drain()
    disk.write(other)
    trial.until(root / "module.py")


@rule(Ability.SYMLINKS)
def links_that_lead_round_in_a_tree_come_to_an_end(trial: Trial, disk: Disk) -> None:
    """Links to a directory above, to the root and to what holds it do not trap the source."""
    path = disk.file("tree/real/module.py")
    disk.link(disk.place("tree/real/up"), "..")
    disk.link(disk.place("tree/out"), disk.root)
    disk.link(disk.place("tree/again"), "real")
    trial.watch(trees=[disk.place("tree")])
    disk.write(path)
    trial.until(path)
    trial.drain()
    disk.write(new := disk.place("tree/real/new.py"))
    trial.until(new)
