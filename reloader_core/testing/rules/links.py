"""Rules about symbolic links: they are followed, and each one on the way counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.testing.abilities import Ability
from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule(Ability.SYMLINKS)
def a_write_to_the_target_of_a_link_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """The link is watched; the file it leads to is written, and then replaced."""
    target, link = disk.file("there/file.py"), disk.directory("here") / "link.py"
    disk.link(link, target)
    trial.watch(link)
    for change in (disk.write, disk.replace, disk.write):
        change(target)
        trial.until(link)
        trial.drain()


@rule(Ability.SYMLINKS)
def a_link_pointed_elsewhere_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """So are writes to what it leads to from then on."""
    first, second = disk.file("there/one.py"), disk.file("there/two.py")
    disk.link(link := disk.directory("here") / "link.py", first)
    trial.watch(link)
    disk.retarget(link, second)
    trial.until(link)
    trial.drain()
    disk.write(second)
    trial.until(link)


@rule(Ability.SYMLINKS)
def every_link_of_a_chain_counts(trial: Trial, disk: Disk) -> None:
    """A link leads to a link whose path leads through a linked directory to the file."""
    one, two = disk.file("one/file.py"), disk.file("two/file.py")
    disk.link(current := disk.place("current"), "one")
    disk.link(hop := disk.directory("hop") / "second", "../current/file.py")
    disk.link(link := disk.directory("entry") / "link.py", hop)
    trial.watch(link)
    changes: list[Callable[[], None]] = [
        lambda: disk.write(one),
        lambda: disk.retarget(current, "two"),
        lambda: disk.replace(two),
        lambda: disk.retarget(hop, one),
        lambda: disk.retarget(link, two),
        lambda: disk.write(two),
    ]
    for change in changes:
        change()
        trial.until(link)
        trial.drain()


@rule(Ability.SYMLINKS)
def a_file_in_a_linked_directory_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """It is written where it really is, and then the directory's link leads elsewhere."""
    path, other = disk.file("one/module.py"), disk.file("two/module.py")
    disk.link(linked := disk.place("linked"), "one")
    trial.watch(linked / "module.py")
    disk.write(path)
    trial.until(linked / "module.py")
    trial.drain()
    disk.retarget(linked, "two")
    trial.until(linked / "module.py")
    trial.drain()
    disk.write(other)
    trial.until(linked / "module.py")


@rule(Ability.SYMLINKS)
def a_swap_of_a_kubernetes_volume_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """``settings.py`` leads to ``..data/settings.py``, and ``..data`` is renamed over."""
    for version in ("..v1", "..v2"):
        disk.file(f"{version}/settings.py")
    disk.link(data := disk.place("..data"), "..v1")
    disk.link(link := disk.place("settings.py"), "..data/settings.py")
    trial.watch(link)
    for version in ("..v2", "..v1", "..v2"):
        disk.retarget(data, version)
        trial.until(link)
        trial.drain()


@rule(Ability.SYMLINKS)
def a_link_that_led_nowhere_is_hinted_at_once_it_leads_somewhere(trial: Trial, disk: Disk) -> None:
    """Neither the file it leads to nor the directory of that is there at first."""
    target, link = disk.place("there/file.py"), disk.directory("here") / "link.py"
    disk.link(link, target)
    trial.watch(link, link / "below.py")
    trial.drain()
    disk.make(target.parent)
    disk.write(target)
    trial.until(link)


@rule(Ability.SYMLINKS)
def a_file_replaced_by_a_link_is_hinted_at(trial: Trial, disk: Disk) -> None:
    """And the other way round; writes to what is there then count as well."""
    path, target = disk.file("here/module.py"), disk.file("there/file.py")
    trial.watch(path)
    disk.retarget(path, target)
    trial.until(path)
    trial.drain()
    disk.write(target)
    trial.until(path)
    trial.drain()
    disk.replace(path)
    trial.until(path)


@rule(Ability.SYMLINKS)
def a_circle_of_links_is_hinted_at_when_it_is_broken(trial: Trial, disk: Disk) -> None:
    """Two links lead to each other, until one of them becomes a directory."""
    first, second = disk.place("first"), disk.place("second")
    disk.link(first, "second")
    disk.link(second, "first")
    trial.watch(first, first / "module.py")
    trial.drain()
    disk.delete(second)
    disk.make(second)
    disk.write(second / "module.py")
    trial.until(first, first / "module.py")
