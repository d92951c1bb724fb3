"""What the program's agent reports, taken to where it matters: the inspector, mostly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.agent import LoadedKind
from reloader_core.agent.protocol import Directory, Hello, Loaded, Missing, missing_candidates
from reloader_core.supervisor.watch.inspector import LoadedFile
from reloader_core.supervisor.watch.opened_files import OpenedFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.agent.protocol import Record
    from reloader_core.config.schema import Configuration
    from reloader_core.model import ChangeBatch, ChildExit, Command
    from reloader_core.supervisor.child.program import Run
    from reloader_core.supervisor.watch.inspector import Inspector

#: Python's exit code when it cannot open the script; also that of many a usage error.
_CANNOT_OPEN_CODE = 2

#: A program that lived no longer may have failed before its first line.
_BOOT_SECONDS = 1.0


class Records:
    """Sorts the records of all programs of one supervisor.

    :param is_extra: whether a file is one of ``extra_files``, whatever else it is.
    :param of_interest: paths of which is noted whether they are reported.
    :ivar known: those of them that were.
    """

    def __init__(
        self,
        configuration: Configuration,
        command: Command,
        inspector: Inspector,
        *,
        is_extra: Callable[[str], bool],
        of_interest: frozenset[str] = frozenset(),
    ) -> None:
        self._command = command
        self._inspector = inspector
        self._opened_files = (
            OpenedFiles(configuration, is_extra=is_extra)
            if configuration.track_opened_files
            else None
        )
        self._of_interest = of_interest
        self.known: set[str] = set()
        self._directory = ""
        self._has_doubted = False

    def take(self, records: Iterable[Record]) -> None:
        """Tell the inspector what the program has loaded."""
        records = list(records)
        if self._opened_files and (written := self._opened_files.learn(records)):
            self._inspector.forget(written)
        files: list[LoadedFile] = []
        for record in records:
            match record:
                case Hello(version=version, executable=executable):
                    self._inspector.use_interpreter(version, executable)
                case Directory(path=path):
                    self._check_directory(path)
                case Loaded(path=path, stamp=stamp, kind=kind) if self._is_watched(record):
                    files.append(LoadedFile(path, stamp, kind is LoadedKind.SOURCE))
                    if path in self._of_interest:
                        self.known.add(path)
                case Missing(path=path):
                    files.extend(
                        LoadedFile(candidate, None, candidate.endswith(".py"))
                        for candidate in missing_candidates(path)
                    )
        if files:
            self._inspector.loaded(files)

    def _is_watched(self, record: Loaded) -> bool:
        return self._opened_files is None or self._opened_files.is_watched(record)

    @property
    def may_explain_changes(self) -> bool:
        """Whether a change may be the program's own, which it has reported by then."""
        return self._opened_files is not None

    def leave_out_written(self, batch: ChangeBatch) -> ChangeBatch | None:
        """The changes that are not the program's own doing; ``None`` if there are none."""
        return batch if self._opened_files is None else self._opened_files.leave_out_written(batch)

    def doubt_directory(self, run: Run, ended: ChildExit) -> None:
        """Start again, once, what may have looked for its script in the wrong place.

        Python finds out where it is when it boots, before any agent. A directory that was
        moved away and back just then is not where the script is looked for; and Python's
        exit code is then 2, without a word of the program.
        """
        is_suspect = (
            ended.returncode == _CANNOT_OPEN_CODE
            and ended.lived_seconds < _BOOT_SECONDS
            and run.process.has_directory_changed()
        )
        if is_suspect and not self._has_doubted:
            self._inspector.await_directory(self._command.cwd)
        self._has_doubted = is_suspect

    def _check_directory(self, path: str) -> None:
        """See to it that a program runs where the first one did.

        A directory that is moved away and back while an interpreter boots leaves one that
        looks for its script in the wrong place.
        """
        if not self._directory:
            self._directory = path
        elif path != self._directory:
            self._inspector.await_directory(self._command.cwd)
