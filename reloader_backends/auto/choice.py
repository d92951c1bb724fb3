"""Which part watches what: policy, but for the links that have to be followed."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import attrs

from reloader_backends.auto.places import Place, Places, is_below
from reloader_core.model import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reloader_core.mounts import Mount, MountTable

__all__ = ["Choice", "Kind", "Moved"]


class Kind(enum.Enum):
    """What a part is for."""

    LOCAL = "file systems that only this kernel changes"
    DEAF = "those of which the kernel tells nothing all the same"
    REMOTE = "file systems that others change as well"
    LINKS = "local links on the way to a remote file system"


class _Piece(NamedTuple):
    """A part of a tree, or all of it."""

    kind: Kind
    tree: Tree


@attrs.frozen
class Moved:
    """What is on another file system than before, or may be."""

    files: frozenset[str] = frozenset()
    trees: frozenset[Tree] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.files or self.trees)


_LOCAL = frozenset({Kind.LOCAL})
_DEAF = frozenset({Kind.DEAF})
_REMOTE = frozenset({Kind.REMOTE})
_REMOTE_BY_LINK = frozenset({Kind.REMOTE, Kind.LINKS})


class Choice:
    """What is watched, by the kind of its file system. It is kept from call to call.

    :param table: what is mounted.
    :ivar deaf: the mounts of which the kernel tells nothing.
    :ivar remote: the remote mounts that something watched is on, in the order in which
        they were found.
    """

    def __init__(self, table: MountTable) -> None:
        self.table = table
        self.deaf: frozenset[Mount] = frozenset()
        self.remote: dict[Mount, None] = {}
        self._remote_mounts = _remote_mounts(table)
        self._files: dict[str, frozenset[Kind]] = {}
        self._trees: dict[Tree, tuple[_Piece, ...]] = {}
        self._roots: frozenset[str] = frozenset()

    @property
    def is_simple(self) -> bool:
        """Whether there is one kind only, so that no link has to be followed."""
        return not self._remote_mounts and not self.deaf

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on."""
        places: Places | None = None
        if len(files) < len(self._files) or self._files.keys() - files:
            for path in self._files.keys() - files:
                del self._files[path]
        for tree in self._trees.keys() - trees:
            del self._trees[tree]
        if self.is_simple:
            self._files.update(dict.fromkeys(files - self._files.keys(), _LOCAL))
        else:
            places = Places(self.table, deaf=self.deaf)
            for path in files - self._files.keys():
                self._files[path] = self._choose(places.find(path))
        for tree in trees - self._trees.keys():
            self._trees[tree] = self._cut(tree, places)

    def files_of(self, kind: Kind) -> frozenset[str]:
        """What the part of a kind has to watch; for ``LINKS`` also where trees begin."""
        files = frozenset(path for path, kinds in self._files.items() if kind in kinds)
        if kind is Kind.LINKS:
            files |= {
                piece.tree.root
                for pieces in self._trees.values()
                for piece in pieces
                if piece.kind is kind
            }
        return files

    def trees_of(self, kind: Kind) -> frozenset[Tree]:
        """The trees, and what mounts cut out of them, that the part of a kind has to watch."""
        if kind is Kind.LINKS:
            return frozenset()
        return frozenset(
            piece.tree for pieces in self._trees.values() for piece in pieces if piece.kind is kind
        )

    def is_root(self, path: str) -> bool:
        """Whether a tree begins at a path."""
        return any(tree.root == path for tree in list(self._trees))

    def mount(self, table: MountTable) -> Moved:
        """Take in what is mounted now."""
        changed = {mount.point for mount in set(self.table.mounts) ^ set(table.mounts)}
        if not changed:
            return Moved()
        self.table, self._remote_mounts = table, _remote_mounts(table)
        self.remote = {mount: None for mount in self.remote if mount in self._remote_mounts}
        return self._review(self._files, changed)

    def silence(self, mount: Mount) -> Moved:
        """Take in that the kernel tells nothing of a mount."""
        self.deaf |= {mount}
        return self._review(self._files, ())

    def review(self, paths: Iterable[str] | None) -> Moved:
        """Take in that links may lead elsewhere now.

        :param paths: those of the files that it may be about; ``None`` for all.
        """
        if paths is None:
            return self._review(self._files, ())
        return self._review([path for path in paths if path in self._files], ())

    def _review(self, paths: Iterable[str], changed: Collection[str]) -> Moved:
        places = Places(self.table, deaf=self.deaf, changed=changed)
        files = set()
        for path in paths:
            place = places.find(path)
            kinds = self._choose(place)
            if place.is_moved or kinds != self._files[path]:
                files.add(path)
        # Not while they are iterated over, which `paths` may be.
        for path in files:
            self._files[path] = self._choose(places.find(path))
        trees = set()
        for tree, before in list(self._trees.items()):
            pieces = self._trees[tree] = self._cut(tree, places)
            if pieces != before or self._is_moved(tree, places, changed):
                trees.add(tree)
        return Moved(frozenset(files), frozenset(trees))

    def _choose(self, place: Place) -> frozenset[Kind]:
        if place.is_remote:
            self.remote.setdefault(place.mount)
            return _REMOTE_BY_LINK if place.is_linked else _REMOTE
        return _DEAF if place.is_deaf else _LOCAL

    def _cut(self, tree: Tree, places: Places | None) -> tuple[_Piece, ...]:
        """The pieces of a tree: its own, and one for each mount in it that is of another kind."""
        if self.is_simple:
            return (_Piece(Kind.LOCAL, tree),)
        places = places or Places(self.table, deaf=self.deaf)
        place = places.find(tree.root)
        kinds = self._choose(place)
        cuts: dict[str, Kind] = {}
        for mount in self.table.mounts:
            if not is_below(mount.point, place.real) or self.table.find(mount.point) != mount:
                continue
            spelled = _respell(mount.point, place.real, tree.root)
            is_remote = mount in self._remote_mounts
            # A local mount in a remote one stays with it, and a good one with a deaf one.
            is_cut = is_remote or (mount in self.deaf and kinds == _LOCAL)
            if is_cut and tree.filter.wants_directory(spelled):
                cuts[spelled] = Kind.REMOTE if is_remote else Kind.DEAF
                if is_remote:
                    self.remote.setdefault(mount)
        own = Kind.REMOTE if place.is_remote else next(iter(kinds))
        pieces = [_Piece(own, _without(tree, tree.root, cuts))]
        pieces += [_Piece(kind, _without(tree, root, cuts)) for root, kind in cuts.items()]
        if Kind.LINKS in kinds:
            pieces.append(_Piece(Kind.LINKS, tree))
        return tuple(pieces)

    def _is_moved(self, tree: Tree, places: Places, changed: Collection[str]) -> bool:
        place = places.find(tree.root)
        return place.is_moved or any(
            is_below(point, place.real)
            and tree.filter.wants_directory(_respell(point, place.real, tree.root))
            for point in changed
        )


def _remote_mounts(table: MountTable) -> frozenset[Mount]:
    return frozenset(mount for mount in table.mounts if table.is_remote_mount(mount))


def _respell(path: str, real: str, root: str) -> str:
    """A path below a tree's real root, as it is spelled from the tree's own root on."""
    return root.rstrip("/") + "/" + path[len(real.rstrip("/")) + 1 :]


def _without(tree: Tree, root: str, cuts: Collection[str]) -> Tree:
    """A tree without the directories that are cut out of it."""
    inner = sorted(cut for cut in cuts if is_below(cut, root))
    if not inner:
        return tree if root == tree.root else Tree(root=root, filter=tree.filter)
    exclude = (*tree.filter.exclude, *(f"{_escape(cut)}/" for cut in inner))
    return Tree(root=root, filter=attrs.evolve(tree.filter, exclude=exclude))


def _escape(path: str) -> str:
    """The pattern that stands for a path and nothing else; it is absolute."""
    return "".join(f"\\{char}" if char in "\\*?[" else char for char in path)
