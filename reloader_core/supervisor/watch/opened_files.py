"""Files that the program opens: which of them are watched.

A file that the program reads is watched like one that it loads. One that it writes, at
any time and in any of its processes, is not: each restart would lead to the next one.
That is remembered for as long as the supervisor lives, for the next program will read
before it writes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from reloader_core.agent import LoadedKind
from reloader_core.agent.protocol import Loaded, Record, Written
from reloader_core.patterns import DEFAULT_EXCLUDES, PathFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.config.schema import Configuration
    from reloader_core.model import ChangeBatch

#: A program may write any number of files; the first ones are forgotten.
_MOST_WRITTEN = 100_000


class OpenedFiles:
    """Sorts the reports of opened and written files.

    :param configuration: what the user wants to be left alone.
    :param is_extra: whether a file is one of ``extra_files``, whatever else it is.
    """

    def __init__(self, configuration: Configuration, *, is_extra: Callable[[str], bool]) -> None:
        self._filter = PathFilter(
            root=configuration.project_root,
            exclude=(*DEFAULT_EXCLUDES, *configuration.exclude_patterns),
        )
        self._is_extra = is_extra
        self._loaded: set[str] = set()
        self._only_opened: set[str] = set()
        self._written: dict[str, None] = {}

    def learn(self, records: Iterable[Record]) -> frozenset[str]:
        """Note what the program loads and what it writes.

        :returns: files that are not to be watched any more.
        """
        written = []
        for record in records:
            if isinstance(record, Written):
                written.append(record.path)
            elif isinstance(record, Loaded) and record.kind is not LoadedKind.OPENED:
                self._loaded.add(record.path)
                self._only_opened.discard(record.path)
        self._written.update(dict.fromkeys(written))
        while len(self._written) > _MOST_WRITTEN:
            del self._written[next(iter(self._written))]
        return frozenset(filter(self._is_left_alone, written))

    def is_watched(self, record: Loaded) -> bool:
        """Whether a reported file is to be watched."""
        path = record.path
        if record.kind is not LoadedKind.OPENED:
            return True
        if path in self._written or not self._filter.wants_file(path):
            return False
        if path not in self._loaded:
            self._only_opened.add(path)
        return True

    def leave_out_written(self, batch: ChangeBatch) -> ChangeBatch | None:
        """The changes that are not the program's own doing; ``None`` if there are none."""
        changes = tuple(change for change in batch.changes if not self._is_left_alone(change.path))
        return attrs.evolve(batch, changes=changes) if changes else None

    def _is_left_alone(self, path: str) -> bool:
        """Whether the program writes a file that matters only because it was opened."""
        return path in self._only_opened and path in self._written and not self._is_extra(path)
