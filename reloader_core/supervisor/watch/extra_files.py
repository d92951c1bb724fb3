"""What is watched whatever the program loads: by configuration, and by plugins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Command, Tree, WatchRequest
from reloader_core.notices import Level
from reloader_core.patterns import expand_extra_files

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from reloader_core.config.schema import Configuration
    from reloader_core.supervisor.hooks import Hooks
    from reloader_core.supervisor.messages import Tell
    from reloader_core.supervisor.watch.inspector import Inspector

#: Their state is taken before the program starts, so that no later edit is
#: missed; but a file system that hangs must not keep it from starting.
_BASE_SECONDS = 10.0


@attrs.frozen
class Entries:
    """What some entries stand for."""

    files: frozenset[str] = frozenset()
    trees: frozenset[Tree] = frozenset()

    def has(self, path: str) -> bool:
        """Whether they name a file, itself or by a directory or a pattern."""
        return path in self.files or any(
            path.startswith(tree.root.rstrip(os.sep) + os.sep) and tree.filter.wants_file(path)
            for tree in self.trees
        )

    def __or__(self, other: Entries) -> Entries:
        return Entries(self.files | other.files, self.trees | other.trees)


class ExtraFiles:
    """Collects the entries and hands them to the inspector.

    :ivar is_empty: nobody has named a file yet.
    """

    def __init__(
        self,
        *,
        configuration: Configuration,
        command: Command,
        hooks: Hooks,
        inspector: Inspector,
        tell: Tell,
    ) -> None:
        self._configuration = configuration
        self._request = WatchRequest(root=configuration.project_root, command=command)
        self._hooks = hooks
        self._inspector = inspector
        self._tell = tell
        self.is_empty = True
        self._is_first = True
        self._named = Entries()

    def watch(self) -> None:
        """Watch what is named now, before the program starts or starts again."""
        is_first, self._is_first = self._is_first, False
        entries = (
            [*self._configuration.extra_files, *self._request.command.extra_files]
            if is_first
            else []
        )
        if self._hooks.names_watched_files():
            entries += self._hooks.watched_files(self._request)
        env_files = frozenset(self._configuration.env_files) if is_first else frozenset()
        if not entries and not env_files:
            return
        named = self._expand(entries) | Entries(env_files)
        if not self._watch(named).wait(_BASE_SECONDS):
            self._tell(
                Level.WARNING,
                "extra_files",
                "extra_files are not watched yet: their file system does not answer",
            )

    def add(self, entries: Iterable[str]) -> tuple[Entries, threading.Event]:
        """Watch also what the program names while it runs.

        :returns: what they stand for; and an event: set once every later change of it is found.
        """
        named = self._expand(entries)
        return named, self._watch(named)

    def _expand(self, entries: Iterable[str]) -> Entries:
        return Entries(
            *expand_extra_files(
                entries,
                root=self._configuration.project_root,
                exclude=self._configuration.exclude_patterns,
            )
        )

    def _watch(self, named: Entries) -> threading.Event:
        """Watch more.

        :returns: set once every later change of it is found.
        """
        self.is_empty = False
        self._named |= named
        return self._inspector.watch_extra(named.files, named.trees)

    def has(self, path: str) -> bool:
        """Whether somebody has named a file, itself or by a directory or a pattern."""
        return self._named.has(path)
