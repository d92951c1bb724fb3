"""The filters that are asked about paths."""

from __future__ import annotations

import attrs

from reloader_core.patterns.gitignore import Selector

#: Left out of every tree; ``!name`` among the user's own exclusions brings one
#: back. They do not apply to what a program has loaded or to a file named outright.
DEFAULT_EXCLUDES = (
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".idea",
    ".DS_Store",
    "*.pyc",
    "*.pyo",
    # What a program itself writes while it runs: logs, and what SQLite keeps beside
    # its files.
    "*.log",
    "*-journal",
    "*-wal",
    "*-shm",
    # Editors' own files: Vim's swap files and its probe for a writable
    # directory, Emacs' locks and autosaves, backups.
    "*.swp",
    "*.swo",
    "*.swx",
    "4913",
    ".#*",
    "\\#*#",
    "*~",
)


@attrs.frozen(kw_only=True)
class PathFilter:
    """Which directories of a tree to enter and which of its files count.

    :ivar root: where the patterns of ``exclude`` start.
    :ivar include: patterns that start at ``start``; empty for all files.
    :ivar exclude: patterns of what is left out, whatever ``include`` says.
    :ivar start: the directory the tree begins at, ``root`` if left out. It was
        asked for by name, so neither its own name nor those above it exclude it.
    """

    root: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    start: str = attrs.field(default=attrs.Factory(lambda self: self.root, takes_self=True))
    _selectors: list[Selector] = attrs.field(factory=list, init=False, eq=False, repr=False)

    def wants_file(self, path: str) -> bool:
        """Whether a file counts.

        :param path: absolute.
        :returns: ``False`` also for a file below an excluded directory.
        """
        included, excluded = self._compiled()
        if excluded.selects(path, is_directory=False):
            return False
        return not self.include or included.selects(path, is_directory=False)

    def wants_directory(self, path: str) -> bool:
        """Whether a directory is to be entered and watched.

        :param path: absolute.
        :returns: ``False`` when no file anywhere below it counts.
        """
        included, excluded = self._compiled()
        if excluded.selects(path, is_directory=True):
            return False
        return not self.include or included.may_select_below(path)

    def _compiled(self) -> list[Selector]:
        if not self._selectors:
            # One statement: two threads may do this at once, and both end with a
            # list whose first two elements serve.
            self._selectors.extend(
                (
                    Selector(self.include, root=self.start, start=self.start),
                    Selector(self.exclude, root=self.root, start=self.start),
                )
            )
        return self._selectors[:2]


@attrs.frozen(kw_only=True)
class ExcludeRules:
    """The user's own exclusions, for what the program has loaded.

    The defaults have no part in it: a module loaded from ``.venv`` is watched.

    :ivar root: where the patterns start.
    :ivar patterns: what is left alone.
    """

    root: str
    patterns: tuple[str, ...]
    _filter: PathFilter = attrs.field(
        default=attrs.Factory(
            lambda self: PathFilter(root=self.root, exclude=self.patterns, start=self.root),
            takes_self=True,
        ),
        init=False,
        eq=False,
        repr=False,
    )

    def is_excluded(self, path: str) -> bool:
        """Whether a file, given absolutely, is left alone."""
        return not self._filter.wants_file(path)
