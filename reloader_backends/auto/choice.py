"""Which part watches what: policy, but for the links that have to be followed."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import attrs

from reloader_core.model import HintScope, Tree
from reloader_core.mounts import Places, is_below

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from reloader_core.model import Hint
    from reloader_core.mounts import Mount, MountTable, Place

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


class Moved(NamedTuple):
    """What is on another file system than before, or may be.

    :ivar files: the files.
    :ivar trees: the trees, as they are watched.
    :ivar pieces: what the parts watch of these trees now.
    """

    files: frozenset[str] = frozenset()
    trees: frozenset[Tree] = frozenset()
    pieces: frozenset[Tree] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it is nothing."""
        return not self.files and not self.trees


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
        self._files: frozenset[str] = frozenset()
        self._trees: frozenset[Tree] = frozenset()
        # Empty while all is local: then there is nothing to find out.
        self._kinds: dict[str, frozenset[Kind]] = {}
        self._sorted: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        self._pieces: dict[Tree, tuple[_Piece, ...]] = {}

    @property
    def is_simple(self) -> bool:
        """Whether there is one kind only, so that no link has to be followed."""
        return not self.table.remote and not self.deaf

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on."""
        if not self.is_simple:
            places = Places(self.table, deaf=self.deaf)
            added = files - self._kinds.keys()
            if len(files) < len(self._kinds) + len(added):
                for path in self._kinds.keys() - files:
                    self._sort(path, frozenset())
            for path in added:
                self._sort(path, self._choose(places.find(path)))
            for tree in self._pieces.keys() - trees:
                del self._pieces[tree]
            for tree in trees - self._pieces.keys():
                self._pieces[tree] = self._cut(tree, places)
        self._files, self._trees = files, trees

    def files_of(self, kind: Kind) -> frozenset[str]:
        """What the part of a kind has to watch; for ``LINKS`` also where trees begin."""
        if self.is_simple:
            return self._files if kind is Kind.LOCAL else frozenset()
        files = frozenset(self._sorted[kind])
        if kind is Kind.LINKS:
            files = files.union(piece.tree.root for piece in self._iter_pieces(kind))
        return files

    def trees_of(self, kind: Kind) -> frozenset[Tree]:
        """The trees, and what mounts cut out of them, that the part of a kind has to watch."""
        if self.is_simple:
            return self._trees if kind is Kind.LOCAL else frozenset()
        if kind is Kind.LINKS:
            return frozenset()
        return frozenset(piece.tree for piece in self._iter_pieces(kind))

    def _iter_pieces(self, kind: Kind) -> Iterator[_Piece]:
        return (piece for pieces in self._pieces.values() for piece in pieces if piece.kind is kind)

    def _sort(self, path: str, kinds: frozenset[Kind]) -> None:
        """Enter a file as of these kinds; with none, drop it."""
        before = self._kinds.get(path, frozenset())
        for kind in before - kinds:
            self._sorted[kind].discard(path)
        for kind in kinds - before:
            self._sorted[kind].add(path)
        if kinds:
            self._kinds[path] = kinds
        else:
            del self._kinds[path]

    def is_root(self, path: str) -> bool:
        """Whether a tree begins at a path."""
        return any(tree.root == path for tree in self._trees)

    def mount(self, table: MountTable) -> Moved:
        """Take in what is mounted now."""
        changed = {mount.point for mount in set(self.table.mounts) ^ set(table.mounts)}
        if not changed:
            return Moved()
        self.table = table
        self.remote = {mount: None for mount in self.remote if mount in self.table.remote}
        return self._review(self._files, changed)

    def silence(self, mount: Mount) -> Moved:
        """Take in that the kernel tells nothing of a mount."""
        self.deaf |= {mount}
        return self._review(self._files, ())

    def review(self, hints: Iterable[Hint]) -> Moved:
        """Take in that links may lead elsewhere now.

        :param hints: at what changed.
        """
        if self.is_simple:
            return Moved()
        paths = {hint.path for hint in hints}
        # A hint at everything has no path, and every path begins with that.
        roots = tuple(
            hint.path.rstrip("/") + "/" for hint in hints if hint.scope is not HintScope.PATH
        )
        below = {path for path in self._files if path.startswith(roots)} if roots else set()
        return self._review((self._files & paths) | below, ())

    def _review(self, paths: frozenset[str], changed: Collection[str]) -> Moved:
        places = Places(self.table, deaf=self.deaf, changed=changed)
        files: set[str] = set()
        trees: set[Tree] = set()
        stale: set[Tree] = set()
        for path in paths:
            place = places.find(path)
            before, kinds = self._kinds.get(path, _LOCAL), self._choose(place)
            if place.is_moved or kinds != before:
                files.add(path)
            if not self.is_simple:
                self._sort(path, kinds)
        for tree in self._trees:
            local = (_Piece(Kind.LOCAL, tree),)
            pieces = local if self.is_simple else self._cut(tree, places)
            if pieces != self._pieces.get(tree, local) or self._is_moved(tree, places, changed):
                trees.add(tree)
                stale.update(piece.tree for piece in pieces)
            self._pieces[tree] = pieces
        if self.is_simple:
            self._forget()
        return Moved(frozenset(files), frozenset(trees), frozenset(stale))

    def _forget(self) -> None:
        """Everything is local again."""
        self._kinds.clear()
        self._pieces.clear()
        for paths in self._sorted.values():
            paths.clear()

    def _choose(self, place: Place) -> frozenset[Kind]:
        if place.is_remote:
            self.remote.setdefault(place.mount)
            return _REMOTE_BY_LINK if place.is_linked else _REMOTE
        return _DEAF if place.is_deaf else _LOCAL

    def _cut(self, tree: Tree, places: Places) -> tuple[_Piece, ...]:
        """The pieces of a tree: its own, and one for each mount in it that is of another kind."""
        place = places.find(tree.root)
        kinds = self._choose(place)
        cuts: dict[str, Kind] = {}
        for mount in self.table.mounts:
            if not is_below(mount.point, place.real) or self.table.find(mount.point) != mount:
                continue
            spelled = _respell(mount.point, place.real, tree.root)
            is_remote = mount in self.table.remote
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


def _respell(path: str, real: str, root: str) -> str:
    """A path below a tree's real root, as it is spelled from the tree's own root on."""
    return root.rstrip("/") + "/" + path[len(real.rstrip("/")) + 1 :]


def _without(tree: Tree, root: str, cuts: Collection[str]) -> Tree:
    """A tree without the directories that are cut out of it."""
    inner = sorted(cut for cut in cuts if is_below(cut, root))
    if not inner:
        return tree if root == tree.root else Tree(root=root, filter=tree.filter)
    exclude = (*tree.filter.exclude, *(_pattern(cut, tree.filter.root) for cut in inner))
    return Tree(root=root, filter=attrs.evolve(tree.filter, exclude=exclude))


def _pattern(directory: str, root: str) -> str:
    """The pattern that stands for a directory and nothing else.

    :param root: where patterns start; an absolute one below it begins with it as it is.
    """
    head = root.rstrip("/") + "/" if is_below(directory, root) else ""
    rest = directory[len(head) :]
    return head + "".join(f"\\{char}" if char in "\\*?[" else char for char in rest) + "/"
