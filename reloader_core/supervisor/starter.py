"""Starting the program, for the first time and again, with the plugins' say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.model import Child, RestartPlan
from reloader_core.supervisor.spawning import Spawning
from reloader_core.supervisor.watch.files import stamp_of
from reloader_core.supervisor.watch.inspector import LoadedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reloader_core.model import Change, Command
    from reloader_core.supervisor.child.program import Program, Run
    from reloader_core.supervisor.hooks import Hooks
    from reloader_core.supervisor.watch.extra_files import ExtraFiles
    from reloader_core.supervisor.watch.inspector import Inspector

#: A program that was stopped earlier may not have loaded all its files yet.
_IMPORT_SECONDS = 1.0

#: The inspector is hardly ever busy; a file system that hangs must not keep the program
#: from starting.
_BEGIN_SECONDS = 2.0


class Starter:
    """Starts one program after the other.

    :param wake: ends a wait of the loop, from any thread.
    :ivar starts: how many were started, or could not be.
    :ivar error: why the last one could not be started, if that is known.
    """

    def __init__(
        self,
        *,
        command: Command,
        program: Program,
        inspector: Inspector,
        extra_files: ExtraFiles,
        hooks: Hooks,
        wake: Callable[[], None],
    ) -> None:
        self._command = command
        self._program = program
        self._inspector = inspector
        self._extra_files = extra_files
        self._hooks = hooks
        self._wake = wake
        self._distrusted: set[str] = set()
        self._was_complete = True
        self.starts = 0
        self.error: OSError | None = None

    def distrust(self, paths: Iterable[str]) -> None:
        """These sources have changed: the next program must not believe their bytecode."""
        self._distrusted.update(paths)

    @property
    def distrusted(self) -> frozenset[str]:
        """What :meth:`distrust` was told of since the last start."""
        return frozenset(self._distrusted)

    def note_end(self, *, is_expected: bool, lived_seconds: float) -> None:
        """A program has ended; one that was stopped early may not have loaded all its files."""
        self._was_complete = is_expected and lived_seconds > _IMPORT_SECONDS

    def start(self, changes: tuple[Change, ...]) -> Run | None:
        """Start the program.

        :param changes: why; empty for the first start and for one it asked for.
        :returns: its run; ``None`` if it cannot be started: its executable is watched then,
            and its directory.
        """
        self.starts += 1
        begun = self._inspector.begin_program(self.starts, was_complete=self._was_complete)
        self._extra_files.watch()
        if not self._extra_files.is_empty:
            # What changes in them from now on is a change, and nothing before.
            begun.wait(_BEGIN_SECONDS)
        spawning = Spawning(self._spawn, generation=self.starts, wake=self._wake)
        plan = RestartPlan(
            command=self._command, generation=self.starts, changes=changes, spawn=spawning
        )
        self.error = None
        self._hooks.start(plan, spawning)
        spawning.close()
        run = self._program.run
        if run is None:
            self._watch_executable()
        return run

    def await_repair(self) -> None:
        """The program could not be started: if its directory is missing, wait for it."""
        if self.error is not None and self.error.filename == self._command.cwd:
            self._inspector.await_directory(self._command.cwd)

    def _watch_executable(self) -> None:
        """The repair is likely to be made there: a script's first line, say."""
        executable = self._command.argv[0]
        try:
            stamp = stamp_of(executable)
        except OSError:
            stamp = None
        self._inspector.loaded([LoadedFile(executable, stamp, False)])

    def _spawn(self, command: Command | None) -> Child:
        """What a plan's ``spawn`` does."""
        try:
            child = self._program.spawn(
                (command or self._command).invocation,
                generation=self.starts,
                distrusted=self._distrusted,
            )
        except OSError as error:
            self.error = error
            raise
        self._distrusted.clear()
        return child
