"""The frozen values that cross a boundary: between threads, processes, and to plugins.

Durations are seconds as ``float``; instants are readings of the monotonic clock.
Paths are ``str`` in the file system encoding with ``surrogateescape``, absolute,
and spelled as the program spelled them: symbolic links are not resolved.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from reloader_core.invocation import Invocation
from reloader_core.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reloader_core.patterns import PathFilter

__all__ = [
    "Change",
    "ChangeBatch",
    "ChangeKind",
    "ChangeSource",
    "Child",
    "ChildExit",
    "Command",
    "Decision",
    "Hint",
    "HintScope",
    "OpenRequest",
    "ReloadReport",
    "RestartPlan",
    "Stamp",
    "Tree",
    "Verdict",
    "WatchRequest",
]


class HintScope(enum.Enum):
    """How much a hint covers."""

    PATH = "path"
    TREE = "tree"
    EVERYTHING = "everything"


@attrs.frozen(kw_only=True)
class Hint:
    """A change source's word that something may have changed: it may be wrong, never missing.

    :ivar path: what may have changed, spelled as it was given to ``watch``;
        empty when the scope is ``EVERYTHING``.
    :ivar scope: ``PATH`` for one file; ``TREE`` for a directory and anything
        below it; ``EVERYTHING`` when the source lost track (a queue overflowed).
    :ivar is_being_written: a writer still holds the file open, so its content
        may be half of what it will be. A source that cannot know says ``False``.
    """

    path: str
    scope: HintScope = HintScope.PATH
    is_being_written: bool = False

    @classmethod
    def everything(cls) -> Hint:
        """The hint of a source that lost track: compare all there is."""
        return cls(path="", scope=HintScope.EVERYTHING)


@attrs.frozen(kw_only=True)
class Tree:
    """A directory watched with what is in it, now and later.

    :ivar root: the directory; it need not exist yet.
    :ivar filter: which directories below to enter and which files count. Ask
        it *before* a directory is watched: ``node_modules`` costs nothing then.
    """

    root: str
    filter: PathFilter


class ChangeSource(Protocol):
    """What a backend returns from ``open_change_source``.

    ``wait`` is called from one thread, ``watch`` and ``close`` from another,
    also while ``wait`` is blocked.
    """

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these from now on.

        When it returns, every later change to one of them leads to a hint. The
        files need not exist: their appearance is a change too.

        :raises BackendUnavailableError: a limit was reached.
        """

    def wait(self, timeout: float | None) -> Iterable[Hint]:
        """Block until something may have changed, at most ``timeout`` seconds.

        :returns: the hints, none when the time ran out or the source was closed.
        :raises BackendUnavailableError: a limit was reached; the source is of no
            use after that.
        """

    def close(self) -> None:
        """Give everything back; a blocked ``wait`` returns at once. Idempotent."""


class ChangeKind(enum.Enum):
    """What happened to a file, seen from the program that loaded it."""

    MODIFIED = "changed"
    CREATED = "created"
    DELETED = "deleted"


@attrs.frozen(kw_only=True)
class Change:
    """One confirmed change: the disk differs from what the program runs."""

    path: str
    kind: ChangeKind


@attrs.frozen(kw_only=True)
class ChangeBatch:
    """Confirmed changes that are decided on together.

    :ivar changes: at least one, ordered by path.
    :ivar noticed_at: when the first of them was noticed, monotonic seconds.
    """

    changes: tuple[Change, ...]
    noticed_at: float

    @property
    def paths(self) -> tuple[str, ...]:
        """The changed paths, in order."""
        return tuple(change.path for change in self.changes)


class Decision(enum.Enum):
    """What a plugin wants done about a change, weakest first."""

    RELOAD = "reload"
    DEFER = "defer"
    VETO = "veto"


def _freeze(paths: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(paths, str):
        raise TypeError(f"expected paths, got one string: {paths!r}; put it into a list")
    return None if paths is None else frozenset(paths)


@attrs.frozen(kw_only=True)
class Verdict:
    """A plugin's answer to ``should_reload``.

    :ivar decision: ``VETO``: the change needs no restart (it was dealt with);
        ``DEFER``: not now, ask again after ``seconds``; ``RELOAD``: restart.
    :ivar reason: shown to the user.
    :ivar paths: the changed paths this speaks of; ``None`` for all of the batch.
    :ivar seconds: with ``DEFER``, when to ask again.
    """

    decision: Decision
    reason: str
    paths: frozenset[str] | None = attrs.field(default=None, converter=_freeze)
    seconds: float = 1.0


@attrs.frozen(kw_only=True)
class WatchRequest:
    """The argument of ``iter_watched_files``.

    :ivar root: the project's directory: where ``pyproject.toml`` is, else the
        directory the program was started in. Relative answers start here.
    :ivar command: the program that is watched.
    """

    root: str
    command: Command


@attrs.frozen(kw_only=True)
class OpenRequest:
    """The argument of ``open_change_source``.

    :ivar interval: seconds between two looks, for backends that look.
    :ivar options: an instance of the backend's own ``Options`` class, filled
        from ``[tool.reloader.<type>]``; ``None`` when it declares none.
    :ivar notify: shows one line to the user: what was chosen and why.
    :ivar open_backend: opens another installed backend by its ``reloader_type``,
        for backends that combine or choose.
    """

    interval: float
    options: Any
    notify: Callable[[str], None] = attrs.field(eq=False)
    open_backend: Callable[[str], ChangeSource] = attrs.field(eq=False)


@attrs.frozen(kw_only=True)
class Command:
    """How the program is started, every time.

    :ivar argv: the executable and its arguments.
    :ivar cwd: the directory it is started in.
    :ivar title: what to call it in messages.
    :ivar is_python: the executable is a Python interpreter (or a script that
        runs one) into which the agent can be loaded.
    :ivar environment: variables set for the program on top of the supervisor's.
    :ivar notes: what the user should know about it, such as what an integration changed.
    :ivar extra_files: what it wants watched beyond its code: from the root, in the dialect of
        ``extra_files``.
    """

    argv: tuple[str, ...]
    cwd: str
    title: str
    is_python: bool
    environment: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    extra_files: tuple[str, ...] = ()

    @classmethod
    def of(cls, invocation: Invocation) -> Command:
        """The same, for plugins."""
        return cls(**invocation._asdict())

    def adapted(
        self, argv: Sequence[str], note: str, *, extra_files: Iterable[str] = ()
    ) -> Command:
        """Another command line for the same program.

        :param note: what the user should know about it.
        :param extra_files: what is to be watched besides.
        """
        return attrs.evolve(
            self,
            argv=tuple(argv),
            notes=(*self.notes, note),
            extra_files=(*self.extra_files, *extra_files),
        )

    @property
    def invocation(self) -> Invocation:
        """The same, for starting a process."""
        return Invocation(**attrs.asdict(self, recurse=False))


@attrs.frozen(kw_only=True)
class Child:
    """A started program.

    :ivar pid: its process id.
    :ivar generation: 1 for the first start, one more for each restart.
    :ivar started_at: when it was let go, monotonic seconds.
    """

    pid: int
    generation: int
    started_at: float


@attrs.frozen(kw_only=True)
class ChildExit:
    """The argument of ``child_exited``.

    :ivar child: the program that ended.
    :ivar returncode: its exit code, or minus the signal's number.
    :ivar error: the last line of an uncaught exception's traceback, if any.
    :ivar is_expected: the supervisor stopped it.
    :ivar lived_seconds: from its start to its end.
    """

    child: Child
    returncode: int
    error: str | None
    is_expected: bool
    lived_seconds: float


@attrs.frozen(kw_only=True)
class RestartPlan:
    """The argument of ``restart_child``: start the program, for the first time or again.

    :ivar command: what is started.
    :ivar generation: which start this is, counted from 1.
    :ivar changes: why; empty for the first start and for one that the program,
        or somebody else, asked for.
    :ivar spawn: starts a process the way the core does, with the agent in it,
        and returns it; give it another command to change how (``command=``). Raises
        ``PluginError`` when the plan is over: the program was started without it.
    """

    command: Command
    generation: int
    changes: tuple[Change, ...]
    spawn: Callable[..., Child] = attrs.field(eq=False)


@attrs.frozen(kw_only=True)
class ReloadReport:
    """The argument of ``reload_finished``: one restart, with where its time went.

    :ivar child: the new program.
    :ivar changes: what changed; nothing if somebody asked for it.
    :ivar reason: why it was restarted, in words.
    :ivar noticed_seconds: from the first hint to the decision.
    :ivar stopped_seconds: from the decision to the end of the old program.
    :ivar started_seconds: from there until the new program ran.
    :ivar ready_seconds: from there until it could do its work; ``None`` if it did not say so,
        see :func:`reloader_core.child.ready`.
    """

    child: Child
    changes: tuple[Change, ...]
    reason: str
    noticed_seconds: float
    stopped_seconds: float
    started_seconds: float
    ready_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """From the first hint to the end of it: the sum of what is known."""
        before = self.noticed_seconds + self.stopped_seconds + self.started_seconds
        return before + (self.ready_seconds or 0.0)
