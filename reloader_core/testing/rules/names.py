"""Rules about how paths are spelled: any name is a name, and hints repeat what was given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.testing.abilities import BYTE_NAME, ODD_NAMES, Ability
from reloader_core.testing.rule import rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial


@rule()
def a_path_is_hinted_at_as_it_was_spelled(trial: Trial, disk: Disk) -> None:
    """Dots and doubled separators in a path are kept, and so is each of two spellings."""
    path = disk.file("project/package/module.py")
    spellings = [
        str(path),
        os.path.join(path.parent, "..", "package", "module.py"),
        os.path.join(path.parent.parent, ".", "package", "module.py"),
        f"{path.parent}{os.sep}{os.sep}module.py",
    ]
    trial.watch(*spellings)
    disk.write(path)
    trial.until(*spellings)


@rule(Ability.SYMLINKS)
def a_path_through_links_is_hinted_at_as_it_was_spelled(trial: Trial, disk: Disk) -> None:
    """Links are followed to watch, but not resolved in hints."""
    path = disk.file("project/package/module.py")
    disk.link(linked := disk.place("linked"), path.parent)
    disk.link(link := disk.place("link.py"), path)
    spellings = [
        str(linked / "module.py"),
        os.path.join(linked, "..", "package", ".", "module.py"),
        str(link),
    ]
    trial.watch(*spellings)
    disk.write(path)
    trial.until(*spellings)


@rule(Ability.ODD_NAMES)
def names_with_any_character_are_hinted_at(trial: Trial, disk: Disk) -> None:
    """Spaces, brackets, stars, a line break: as files, directories and in trees."""
    _check_names(trial, disk, ODD_NAMES)


@rule(Ability.BYTE_NAMES)
def names_that_are_no_text_are_hinted_at(trial: Trial, disk: Disk) -> None:
    """A name is bytes, not always UTF-8; its string is the one that ``os.fsdecode`` makes."""
    _check_names(trial, disk, [BYTE_NAME])


def _check_names(trial: Trial, disk: Disk, names: Sequence[str]) -> None:
    files = [disk.file(f"files/{name}") for name in names]
    files += [disk.file(f"{name}/module.py") for name in names]
    in_trees = [disk.file(f"trees/{name}/{name}") for name in names]
    absent = [disk.place(f"files/new {name}") for name in names]
    trial.watch(*files, *absent, trees=[disk.place("trees")])
    for path in [*files, *absent, *in_trees]:
        disk.write(path)
    trial.until(*files, *absent, *in_trees)
