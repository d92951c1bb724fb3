"""The contract's rules, with changes that are made by another way than the watched one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing import RULES, RuleNotCheckedError
from reloader_core.testing.disk import Disk
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from types import ModuleType

    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


def rules_of(*modules: ModuleType) -> list[object]:
    """The rules of some modules of the contract, for ``pytest.mark.parametrize``."""
    rules = {id(value) for module in modules for value in vars(module).values()}
    return [pytest.param(rule, id=rule.slug) for rule in RULES if id(rule) in rules]


#: What a client of NFSv3 cannot know, whatever it asks.
_BEYOND_NFS_3 = {
    "a file that appears in the tick of the watch is hinted at": (
        "a directory that changes twice within a tick of the server's clock is the same one"
        " to a client of NFSv3, which then does not ask for the names in it"
    )
}


class _UnhurriedDisk(Disk):
    """One on which names come and go in a tick of their own each.

    A client of NFSv3 knows a directory by its time. To one that looks between two changes
    of a directory within one tick of the server's clock, the second did not happen.
    """

    _is_tick_over = False

    def tick(self) -> None:
        super().tick()
        self._is_tick_over = True

    def _take_tick(self) -> None:
        if not self._is_tick_over:
            self.tick()
        self._is_tick_over = False

    def write(self, path: Path) -> None:
        if not self._there(path).exists():
            self._take_tick()
        super().write(path)

    def rename(self, path: Path, to: Path) -> None:
        self._take_tick()
        super().rename(path, to)

    def delete(self, path: Path) -> None:
        self._take_tick()
        super().delete(path)

    def make(self, directory: Path) -> None:
        self._take_tick()
        super().make(directory)

    def remove(self, directory: Path) -> None:
        self._take_tick()
        super().remove(directory)

    def copy(self, directory: Path, to: Path) -> None:
        self._take_tick()
        super().copy(directory, to)

    def link(self, path: Path, target: str | Path) -> None:
        self._take_tick()
        super().link(path, target)

    def hard_link(self, path: Path, original: Path) -> None:
        self._take_tick()
        super().hard_link(path, original)


def check_from_elsewhere(rule: Rule, share: Share, changed: Path) -> None:
    """Check a rule on a source that watches a directory which is changed by another way.

    Most rules change files with what their disk offers, and so by the other way. A few
    write a hundred files themselves, by the paths they watch.

    :param share: the source watches what its client sees.
    :param changed: the same directory, as whoever changes it sees it.
    """
    watched = share.client
    if "vers=3" in share.options and rule.name in _BEYOND_NFS_3:
        raise RuleNotCheckedError(f"{rule.name}: {_BEYOND_NFS_3[rule.name]}")
    if reason := rule.why_not(watched, TRAITS):
        raise RuleNotCheckedError(f"{rule.name}: {reason}")
    place = Path(tempfile.mkdtemp(prefix="rule-", dir=changed))
    # A rule makes its own disk; that it is one of the server is this test bed's.
    make_disk = _UnhurriedDisk if "vers=3" in share.options else Disk
    rule._check(open_source, make_disk(watched / place.name, changed_in=place), TRAITS)
