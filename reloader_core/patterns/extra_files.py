"""The entries of ``extra_files``: what each stands for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reloader_core.model import Tree
from reloader_core.patterns.filters import DEFAULT_EXCLUDES, PathFilter
from reloader_core.patterns.gitignore import has_glob, locate, unescape

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The pattern of a directory that is watched with all that is in it.
_EVERYTHING = ""


def expand_extra_files(
    entries: Iterable[str], *, root: str, exclude: tuple[str, ...]
) -> tuple[frozenset[str], frozenset[Tree]]:
    """Turn the entries of ``extra_files`` into what is watched.

    An entry that exists, or has no glob characters, is a path from the root: a
    directory (it is one, or the entry ends with a slash) stands for all that is
    in it, anything else for one file that may not exist yet. Other entries are
    patterns. A leading slash means the root, as in gitignore, unless the first
    name exists only in the file system's root. ``!pattern`` takes away, wherever
    it stands in the list.

    :param entries: what the configuration or a plugin names.
    :param root: the project's directory, absolute.
    :param exclude: the user's ``exclude_patterns``; they win over every entry.
    :returns: single files, and trees; globs that share a directory share a tree.
    """
    named = [entry for entry in entries if entry.strip()]
    wanted = [entry for entry in named if not entry.startswith("!")]
    unwanted = (*exclude, *(entry[1:] for entry in named if entry.startswith("!")))
    files: set[str] = set()
    patterns: dict[str, set[str]] = {}
    for entry in wanted:
        start, pattern = _expand(entry, root)
        if pattern is None:
            files.add(start)
        else:
            patterns.setdefault(start, set()).add(pattern)
    user = PathFilter(root=root, exclude=unwanted)
    trees = (
        Tree(
            root=start,
            filter=PathFilter(
                root=root,
                start=start,
                include=() if _EVERYTHING in include else tuple(sorted(include)),
                exclude=(*DEFAULT_EXCLUDES, *unwanted),
            ),
        )
        for start, include in patterns.items()
        if user.wants_directory(start)
    )
    return frozenset(filter(user.wants_file, files)), frozenset(trees)


def _expand(entry: str, root: str) -> tuple[str, str | None]:
    """The path an entry stands for, and the pattern below it: ``None`` for one file."""
    base, rest = locate(entry, root)
    if rest == entry:
        base = _anchor(entry, root)
    literal = os.path.normpath(base + os.sep + rest)
    if not os.path.lexists(literal):
        if has_glob(rest):
            return _split(base, rest)
        literal = os.path.normpath(base + os.sep + unescape(rest))
    if rest.endswith("/") or os.path.isdir(literal):
        return literal, _EVERYTHING
    return literal, None


def _anchor(text: str, root: str) -> str:
    """The directory a leading slash means: the root, or the file system's."""
    top = os.path.abspath(os.sep)
    first = text.lstrip("/").partition("/")[0]
    is_absolute = (
        text.startswith("/")
        and not has_glob(first)
        and not os.path.lexists(os.path.join(root, first))
        and os.path.lexists(os.path.join(top, first))
    )
    return top if is_absolute else root


def _split(base: str, pattern: str) -> tuple[str, str]:
    """The deepest directory above all that a glob can match, and the glob from there."""
    if "/" not in pattern.rstrip("/"):
        return base, pattern
    names = pattern.lstrip("/").split("/")
    plain = 0
    # The last name, before a slash at the end, is what is looked for.
    while plain < len(names) - 1 and not has_glob(names[plain]):
        plain += 1
    above = os.path.join(base, *map(unescape, names[:plain]))
    return os.path.normpath(above), "/" + "/".join(names[plain:])
