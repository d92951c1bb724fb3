"""A change source in use: what it is given to watch, and the hints that follow."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NoReturn

from reloader_core.model import HintScope, Tree
from reloader_core.patterns import PathFilter
from reloader_core.testing.traits import SourceTraits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.model import ChangeSource, Hint


def covers(hint: Hint, path: str | os.PathLike[str]) -> bool:
    """Whether a hint says that ``path`` may have changed."""
    if hint.scope is HintScope.EVERYTHING:
        return True
    path = os.fspath(path)
    if hint.scope is HintScope.TREE and path.startswith(hint.path.rstrip(os.sep) + os.sep):
        return True
    return path == hint.path


def python_tree(root: str | os.PathLike[str]) -> Tree:
    """A tree of the Python files below a directory, without ``node_modules``."""
    root = os.fspath(root)
    return Tree(
        root=root, filter=PathFilter(root=root, include=("*.py",), exclude=("node_modules",))
    )


class Observer:
    """Waits for the hints of a source, always with a deadline.

    It calls the source on the thread it is used on.

    :param source: it is not closed here.
    :param traits: what to expect of it.
    """

    def __init__(self, source: ChangeSource, traits: SourceTraits | None = None) -> None:
        self.source = source
        self.traits = traits or SourceTraits()

    def watch(
        self,
        *files: str | os.PathLike[str],
        trees: Iterable[Tree | str | os.PathLike[str]] = (),
    ) -> None:
        """Watch exactly these; a tree that is given by its root is a :func:`python_tree`."""
        self.source.watch(
            frozenset(os.fspath(path) for path in files),
            frozenset(tree if isinstance(tree, Tree) else python_tree(tree) for tree in trees),
        )

    def wait(self, timeout: float | None) -> list[Hint]:
        """Wait once."""
        return list(self.source.wait(timeout))

    def until(self, *paths: str | os.PathLike[str]) -> list[Hint]:
        """Wait until each path was hinted at, be it by a directory above it.

        :returns: all hints that came.
        :raises AssertionError: one was not, within ``deadline_seconds``.
        """
        hints: list[Hint] = []
        deadline = time.monotonic() + self.traits.deadline_seconds
        while missing := [path for path in paths if not any(covers(hint, path) for hint in hints)]:
            rest = deadline - time.monotonic()
            if rest <= 0:
                seconds = f"within {self.traits.deadline_seconds:g} s"
                self.fail(f"no hint of {self.name_all(missing)} {seconds}", hints)
            hints += self.wait(rest)
        return hints

    def hints(self) -> list[Hint]:
        """The hints of all that was done since they were last taken.

        :raises AssertionError: a source that is said to be calm goes on hinting
            for ``deadline_seconds``.
        """
        hints: list[Hint] = []
        started = time.monotonic()
        while more := self.wait(self.traits.quiet_seconds):
            hints += more
            passed = time.monotonic() - started
            if not self.traits.is_calm and passed > self.traits.quiet_seconds:
                break
            if passed > self.traits.deadline_seconds:
                self.fail("it does not fall silent, though nothing changes any more", hints)
        return hints

    def drain(self) -> None:
        """Let the hints of all that was done so far pass."""
        self.hints()

    def name_all(self, paths: Iterable[str | os.PathLike[str]]) -> str:
        """Paths as messages show them."""
        return ", ".join(repr(os.fspath(path)) for path in paths)

    def fail(self, fault: str, hints: Iterable[Hint] = ()) -> NoReturn:
        """Say what is wrong.

        :param fault: in words.
        :param hints: those that came instead.
        :raises AssertionError: always.
        """
        raise AssertionError(f"{fault}; the hints that came: {list(hints) or 'none'}")
