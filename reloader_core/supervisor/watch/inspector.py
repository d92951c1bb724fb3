"""The thread that holds the disk against what the program has loaded.

Backends only hint. Here a hint is confirmed: by stamp first, by content
second; see :mod:`reloader_core.policy.comparison`. The same comparison closes every
race of a start: a file the program reports is watched first and compared
*afterwards*, so it does not matter when it was edited.

All work with files happens on this thread, never in the supervisor's loop: a
file system that hangs must not keep Ctrl-C from working.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import attrs

from reloader_core.model import Hint, HintScope, Stamp, Tree
from reloader_core.policy.comparison import Comparison, OutOfReachError
from reloader_core.policy.settle import OUT_OF_REACH_SECONDS
from reloader_core.policy.snapshot import Snapshot
from reloader_core.supervisor.watch.answers import Answer, Answers, InspectorFailed
from reloader_core.supervisor.watch.compiler import Compiler
from reloader_core.supervisor.watch.disk import RealDisk
from reloader_core.supervisor.watch.files import is_installed
from reloader_core.supervisor.watch.hints import HintBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reloader_core.supervisor.watch.source import Watching

_T = TypeVar("_T")

#: Reports come in by the hundred while a program imports; the source is told
#: of them together.
_GATHER_SECONDS = 0.030

#: Files read in one go while learning contents, before messages are looked for.
_DIGESTS_AT_ONCE = 16

#: Messages that come in without end do not keep what was found from being told.
_BATCH_SECONDS = 0.100

#: How often a directory is looked for that a program could not start in.
_DIRECTORY_SECONDS = 0.100

#: When no backend can be opened, the next attempt is made this much later.
_NO_BACKEND_SECONDS = 5.0


class LoadedFile(NamedTuple):
    """A file that the program reports.

    :ivar stamp: from before it was read; ``None`` for one that was looked for in vain.
    :ivar is_source: it is Python source.
    """

    path: str
    stamp: Stamp | None
    is_source: bool


class Inspector:
    """Compares, on its own thread, and posts answers: see ``supervisor.watch.answers``.

    The public methods are called from the supervisor's loop and return at once.

    :param watching: the open change source.
    :param is_excluded: whether the user wants a file left alone that the program loaded.
    :param contents: digests of files that were read before, with their stamps.
    :param post: takes the answers, on this thread.
    """

    def __init__(
        self,
        watching: Watching,
        *,
        is_excluded: Callable[[str], bool],
        contents: Mapping[str, tuple[Stamp, bytes]],
        post: Callable[[Answer], None],
    ) -> None:
        self._watching = watching
        self._is_excluded = is_excluded
        self._post = post
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._snapshot = Snapshot()
        for path, (stamp, digest) in contents.items():
            self._snapshot.learn_digest(path, stamp, digest)
        self._compiler = Compiler()
        self._disk = RealDisk(self._compiler)
        self._comparison = Comparison(self._snapshot, self._disk)
        self._answers = Answers(self._comparison, post)
        self._hints = HintBox()
        self._trees: frozenset[Tree] = frozenset()
        self._new_trees: set[Tree] = set()
        self._new_paths: dict[str, float] = {}
        self._watch_due: float | None = None
        self._awaited_directory = ""
        self._directory_due: float | None = None
        self._unread: list[str] = []
        # What a file system did not answer, and what to do to ask once more.
        self._unanswered: dict[tuple[str, object], Callable[[], None]] = {}
        self._ask_again_due: float | None = None
        self._thread = threading.Thread(target=self._run, name="reloader-inspector", daemon=True)

    def start(self) -> None:
        """Start the thread. The source is opened on it, not before."""
        self._watching.attach(
            on_hints=self._hear,
            on_failure=lambda recover: self._inbox.put(lambda: self._replace_source(recover)),
        )
        self._thread.start()

    def begin_program(self, generation: int, *, was_complete: bool) -> threading.Event:
        """A new program is about to run.

        :param generation: which one, counted from 1.
        :param was_complete: the one before ran until it was stopped; what it had
            inherited and not loaded itself is forgotten.
        :returns: set when this is so: what is confirmed later happened after it.
        """
        is_done = threading.Event()
        self._inbox.put(lambda: self._begin_program(generation, was_complete, is_done))
        return is_done

    def end_program(self) -> None:
        """No program runs, and none will until something changes."""
        self._inbox.put(self._end_program)

    def verify(self) -> None:
        """A program has ended: was it the code on disk? ``Verified`` is posted."""
        self._inbox.put(self._verify)

    def check(self, token: int) -> None:
        """Compare all files now, noticed or not; ``Checked`` is posted when it is said."""
        self._inbox.put(lambda: self._check(token))

    @property
    def backend(self) -> str:
        """The ``reloader_type`` that is open, with those that it has chosen."""
        return self._watching.backend

    @property
    def file_count(self) -> int:
        """How many files matter."""
        return len(self._snapshot)

    def hold(self, *, is_on_hold: bool) -> None:
        """Tell of no change for now, or of all that there is.

        What is found meanwhile is said by ``ChangesOnHold``.
        """
        self._inbox.put(lambda: setattr(self._comparison, "is_on_hold", is_on_hold))

    def await_directory(self, path: str) -> None:
        """A program could not start in its directory: say when it is there."""
        self._inbox.put(lambda: self._await_directory(path))

    def use_interpreter(self, version: str, executable: str) -> None:
        """The program runs on this interpreter.

        :param version: such as ``3.12.1``.
        :param executable: its path.
        """
        self._inbox.put(lambda: self._compiler.use(version, executable))

    def loaded(self, files: list[LoadedFile]) -> None:
        """The program reports files."""
        self._inbox.put(lambda: self._take_loaded(files))

    def forget(self, paths: frozenset[str]) -> None:
        """These files matter no more."""
        self._inbox.put(lambda: self._snapshot.forget(paths))

    def watch_extra(self, files: frozenset[str], trees: frozenset[Tree]) -> threading.Event:
        """Watch files whatever the program loads; their state now is the base.

        :returns: set when the base was taken.
        """
        is_done = threading.Event()
        self._inbox.put(lambda: self._take_extra(files, trees, is_done))
        return is_done

    def watch_read(self, stamps: Mapping[str, Stamp | None]) -> None:
        """Watch files that this process has read, whatever the program loads.

        :param stamps: from before they were read; ``None`` for one that was not there.
        """
        self._inbox.put(lambda: self._take_read(stamps))

    def close(self) -> None:
        """Stop, giving the source back. A thread that hangs is left behind."""
        self._inbox.put(None)
        self._thread.join(2.0)

    # On the thread from here on.

    def _run(self) -> None:
        tell_at = 0.0
        try:
            while (message := self._next_message()) is not None:
                message()
                # What a checkout changed comes in several messages, and is one batch.
                if self._inbox.empty() or time.monotonic() > tell_at:
                    self._do_what_is_due()
                    self._tell()
                    tell_at = time.monotonic() + _BATCH_SECONDS
        except BaseException as error:
            self._post(InspectorFailed(error=error))
        finally:
            self._watching.close()
            self._disk.close()

    def _next_message(self) -> Callable[[], None] | None:
        """The next message, or the work that is due or worth doing before one comes."""
        try:
            if self._unread:
                return self._inbox.get_nowait()
            return self._inbox.get(timeout=self._seconds_until_due())
        except queue.Empty:
            return self._learn_contents

    def _seconds_until_due(self) -> float:
        now = time.monotonic()
        dues = (
            self._watch_due,
            self._directory_due,
            self._ask_again_due,
            self._comparison.next_due(now),
        )
        due = [at for at in dues if at is not None]
        return max(0.0, min(due) - now) if due else threading.TIMEOUT_MAX

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._watch_due is not None and now >= self._watch_due:
            self._watch_anew()
        if self._directory_due is not None and now >= self._directory_due:
            self._look_for_directory()
        if self._ask_again_due is not None and now >= self._ask_again_due:
            self._ask_again()
        self._comparison.compare_due(now)

    def _tell(self) -> None:
        if (batch := self._answers.give()) is not None:
            self._unread[:0] = batch.paths

    def _learn_contents(self) -> None:
        """Read some files, so that a touch can later be told from an edit."""
        now, self._unread = self._unread[:_DIGESTS_AT_ONCE], self._unread[_DIGESTS_AT_ONCE:]
        self._learn(now)

    def _learn(self, paths: Iterable[str]) -> None:
        for path, stamp in self._snapshot.iter_without_digest(paths):
            try:
                content = self._disk.digest_of(path)
            except OutOfReachError:
                self._ask_again_later("content", path, self._unread.append)
                continue
            if content is not None and content[0] == stamp:
                self._snapshot.learn_digest(path, stamp, content[1])

    def _ask_again_later(self, what: str, item: _T, ask: Callable[[_T], None]) -> None:
        """Have a question about a path or a tree asked again."""
        self._unanswered[what, item] = partial(ask, item)
        if self._ask_again_due is None:
            self._ask_again_due = time.monotonic() + OUT_OF_REACH_SECONDS

    def _ask_again(self) -> None:
        self._ask_again_due = None
        unanswered, self._unanswered = self._unanswered, {}
        for ask in unanswered.values():
            ask()

    def _end_program(self) -> None:
        self._snapshot.end_program()
        # A file that did not count as long as the program ran may have changed meanwhile.
        self._compare_everything(time.monotonic())

    def _check(self, token: int) -> None:
        self._compare_everything(time.monotonic())
        self._answers.check(token)

    def _verify(self) -> None:
        self._end_program()
        self._answers.verify()

    def _await_directory(self, path: str) -> None:
        self._awaited_directory = path
        self._directory_due = time.monotonic()

    def _look_for_directory(self) -> None:
        path = self._awaited_directory
        now = time.monotonic()
        if self._disk.is_directory(path):
            self._directory_due = None
            self._comparison.find_directory(path, now)
        else:
            self._directory_due = now + _DIRECTORY_SECONDS

    def _begin_program(self, generation: int, was_complete: bool, is_done: threading.Event) -> None:
        if was_complete:
            for path in self._snapshot.drop_inherited():
                self._new_paths.pop(path, None)
        self._comparison.begin_program()
        self._answers.begin_program(generation)
        self._directory_due = None
        self._snapshot.begin_program()
        is_done.set()

    def _take_loaded(self, files: list[LoadedFile]) -> None:
        now = time.monotonic()
        for path, stamp, is_source in files:
            if self._is_excluded(path):
                continue
            self._snapshot.loaded(path, stamp, is_source=is_source)
            self._new_paths.setdefault(path, now)
        if self._watch_due is None:
            self._watch_due = now + _GATHER_SECONDS
        # Nobody edits what is installed: a touch right after the start is one of the rest.
        paths = [file.path for file in files]
        self._unread.extend(filter(is_installed, paths))
        self._learn(itertools.filterfalse(is_installed, paths))
        for path in paths:
            self._comparison.judge_after_tick(path, now)

    def _take_extra(
        self, files: frozenset[str], trees: frozenset[Tree], is_done: threading.Event
    ) -> None:
        new_trees = trees - self._trees
        self._new_trees |= new_trees
        self._trees |= trees
        extra: list[str | Tree] = [*files, *new_trees]
        for item in extra:
            self._enter_extra(item)
        is_done.set()
        self._watch_due = time.monotonic()

    def _take_read(self, stamps: Mapping[str, Stamp | None]) -> None:
        now = time.monotonic()
        # With what the program loads: to watch costs some backends much each time.
        self._watch_due = self._watch_due or now + _GATHER_SECONDS
        self._comparison.own = frozenset(stamps)
        for path, stamp in stamps.items():
            self._snapshot.extra(path, stamp)
            self._unread.append(path)
            self._new_paths[path] = now
            self._comparison.judge_after_tick(path, now)

    def _enter_extra(self, item: str | Tree) -> None:
        """Take the state of a file, or of the files in a tree, for the base."""
        try:
            paths = [item] if isinstance(item, str) else self._disk.files_of(item)
            stamps = [self._disk.stamp_of(path) for path in paths]
        except OutOfReachError:
            self._ask_again_later("extra", item, self._enter_extra)
            return
        for path, stamp in zip(paths, stamps, strict=True):
            self._snapshot.extra(path, stamp)
        self._unread.extend(paths)
        self._watch_due = time.monotonic()
        self._new_paths.update(dict.fromkeys(paths, self._watch_due))

    def _watch_anew(self) -> None:
        """Watch all that matters, then compare what is new: in this order."""
        self._watch_due = None
        new, self._new_paths = self._new_paths, {}
        new_trees, self._new_trees = self._new_trees, set()
        self._watch()
        for tree in new_trees:
            # Files that came between the first look at the tree and the watch.
            new.update(dict.fromkeys(self._find_new_files(tree.root), time.monotonic()))
        now = time.monotonic()
        for path, noticed_at in new.items():
            self._comparison.compare((path,), noticed_at, now)

    def _hear(self, hints: Iterable[Hint], at: float) -> None:
        """On the thread of the source."""
        if self._hints.put(hints, at):
            self._inbox.put(self._take_hints)

    def _take_hints(self) -> None:
        for hint, at in self._hints.take():
            if hint.scope is HintScope.EVERYTHING:
                self._compare_everything(at)
            else:
                self._take_hint(hint, at)

    def _take_hint(self, hint: Hint, at: float) -> None:
        now = time.monotonic()
        if hint.scope is HintScope.TREE:
            # They are expected not to be there, so comparing finds them created.
            self._find_new_files(hint.path)
            below = list(self._snapshot.iter_paths_below(hint.path, os.sep))
            self._comparison.compare(below, at, now)
        elif hint.path not in self._snapshot:
            self._find_new_file(hint.path)
        self._comparison.compare((hint.path,), at, now, is_being_written=hint.is_being_written)

    def _find_new_file(self, path: str) -> None:
        """A file that appears in a watched tree: expected not to be there."""
        for tree in self._trees:
            if _is_below(path, tree.root) and tree.filter.wants_file(path):
                self._snapshot.extra(path, None)

    def _find_new_files(self, directory: str) -> list[str]:
        """Files in watched trees that nobody knew of: expected not to be there."""
        found = []
        for tree in self._trees:
            if directory == tree.root or _is_below(directory, tree.root):
                try:
                    inside = self._disk.files_of(attrs.evolve(tree, root=directory))
                except OutOfReachError:
                    self._ask_again_later("tree", directory, self._compare_new_files)
                    continue
                for path in inside:
                    if path not in self._snapshot:
                        self._snapshot.extra(path, None)
                        found.append(path)
        return found

    def _compare_new_files(self, directory: str) -> None:
        found = self._find_new_files(directory)
        self._comparison.compare(found, time.monotonic(), time.monotonic())

    def _compare_everything(self, at: float) -> None:
        for tree in self._trees:
            self._find_new_files(tree.root)
        self._comparison.compare(self._snapshot.paths(), at, time.monotonic())

    def _replace_source(self, recover: Callable[[], None]) -> None:
        recover()
        self._watch()

    def _watch(self) -> None:
        if not self._watching.watch(self._snapshot.paths(), self._trees):
            self._watch_due = time.monotonic() + _NO_BACKEND_SECONDS
            # What happens meanwhile is found by comparing then.
            self._new_paths.update(dict.fromkeys(self._snapshot.paths(), self._watch_due))
        if self._watching.take_gap():
            # What happened between two sources, neither has told.
            self._compare_everything(time.monotonic())


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(directory.rstrip(os.sep) + os.sep)
