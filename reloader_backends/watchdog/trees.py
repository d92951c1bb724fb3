"""Which directories belong to a tree, and which hints news of one of them make."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_backends.watchdog.events import Deed, News, fold
from reloader_core.model import HintScope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_backends.watchdog.places import Identity
    from reloader_core.model import Tree

__all__ = ["Grove"]

#: A tree of more directories is left to looks.
_MOST_DIRECTORIES = 2000


@attrs.define(eq=False)
class Grove:
    """A watched tree, and what was found there when it was last surveyed.

    :ivar real: its root without links; ``None`` when there is none.
    :ivar directories: the wanted ones, without links.
    :ivar refused: those that its filter does not want entered.
    :ivar is_whole: nothing of it is elsewhere, behind a link, or left out for its size.
    :ivar is_covered: whether every event in it is told.
    """

    tree: Tree
    real: str | None = None
    identity: Identity | None = None
    directories: set[str] = attrs.field(factory=set)
    refused: set[str] = attrs.field(factory=set)
    is_whole: bool = False
    is_covered: bool = False
    is_surveyed: bool = False
    _is_entered: dict[str, bool] = attrs.field(factory=dict)

    def forget(self) -> None:
        """Note that it has to be surveyed again."""
        self.is_covered = self.is_surveyed = False

    def survey(self, identity: Identity | None) -> None:
        """Walk through it.

        :param identity: device and inode of the root, ``None`` if there is none.
        """
        self.identity = identity
        self.directories, self.refused = set(), set()
        self.real = None if identity is None else os.path.realpath(self.tree.root)
        self.is_whole = self.is_surveyed = True
        waiting = [] if self.real is None else [self.real]
        while waiting:
            directory = waiting.pop()
            self.directories.add(directory)
            if len(self.directories) > _MOST_DIRECTORIES:
                self.is_whole = False
                break
            try:
                with os.scandir(directory) as entries:
                    waiting += [entry.path for entry in entries if self._takes(entry)]
            except OSError:
                self.is_whole = False

    def _takes(self, entry: os.DirEntry[str]) -> bool:
        choose = self.tree.filter
        spelled = self._spell(entry.path)
        if entry.is_symlink():
            if choose.wants_directory(spelled) or choose.wants_file(spelled):
                self.is_whole = False
            return False
        if not entry.is_dir(follow_symlinks=False):
            return False
        is_wanted = choose.wants_directory(spelled)
        if not is_wanted:
            self.refused.add(entry.path)
        return is_wanted

    def iter_hints(self, news: News) -> Iterator[tuple[str, HintScope]]:
        """What may have changed, spelled as the tree is."""
        if not self.holds(news.path):
            return
        path = self._spell(news.path)
        if path == self.tree.root or not self._enters(os.path.dirname(path)):
            return
        choose = self.tree.filter
        is_link = news.deed.is_structural and os.path.islink(news.path)
        # Windows does not know of what kind a removed entry was.
        was_directory = news.deed is Deed.GONE and news.path in self.directories
        if news.is_directory or was_directory or is_link:
            if news.deed.is_structural and choose.wants_directory(path):
                self.is_whole = self.is_whole and not is_link
                yield path, HintScope.TREE
            if news.is_directory:
                return
        if choose.wants_file(path):
            self.is_whole = self.is_whole and not is_link
            yield path, HintScope.PATH

    def holds(self, path: str) -> bool:
        """Whether ``path``, given without links, is below its root."""
        return self.real is not None and fold(path).startswith(
            fold(self.real).rstrip(os.sep) + os.sep
        )

    def _spell(self, path: str) -> str:
        assert self.real is not None
        return os.path.join(self.tree.root, path[len(self.real) :].lstrip(os.sep))

    def _enters(self, directory: str) -> bool:
        """Whether no directory from the root to this one is left out."""
        if len(directory) <= len(self.tree.root.rstrip(os.sep)):
            return True
        known = self._is_entered.get(directory)
        if known is None:
            known = self._enters(os.path.dirname(directory)) and (
                self.tree.filter.wants_directory(directory)
            )
            self._is_entered[directory] = known
        return known
