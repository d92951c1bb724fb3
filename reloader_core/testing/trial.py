"""A change source on trial: used as the supervisor uses it, by two threads, with deadlines.

The thread that opens it also calls ``watch`` and ``close``; another one calls
``wait``. What is done and what is heard goes into the log, which every fault shows.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from reloader_core.model import Hint, Tree
from reloader_core.testing.abilities import open_descriptors
from reloader_core.testing.calls import Caller
from reloader_core.testing.observer import Observer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from reloader_core.testing.disk import Disk
    from reloader_core.testing.traits import MakeSource, SourceTraits

_T = TypeVar("_T")

#: So many lines of the log are shown, the last ones.
_MOST_LINES = 40


class Trial(Observer):
    """Checks one rule on one source.

    :param rule: its name, for messages.
    :param make_source: opens the source; what it raises is passed on.
    :param disk: the files that the source watches.
    :param traits: what to expect of the source.
    :ivar descriptors: the file descriptors that were open before the source was.
    """

    def __init__(
        self, rule: str, make_source: MakeSource, disk: Disk, traits: SourceTraits
    ) -> None:
        self.disk = disk
        self.log = disk.log
        self._rule = rule
        self._threads = set(threading.enumerate())
        self.descriptors = open_descriptors()
        self._opener = Caller("reloader-testing-opener")
        self._waiter = Caller("reloader-testing-waiter")
        try:
            source = self._opener.begin(make_source).result(traits.deadline_seconds)
        except BaseException:
            self._end_callers(0.0)
            raise
        super().__init__(source, traits)

    def watch(
        self,
        *files: str | os.PathLike[str],
        trees: Iterable[Tree | str | os.PathLike[str]] = (),
        is_at_once: bool = False,
    ) -> None:
        """Watch exactly these.

        :param is_at_once: the next change may come within a tick of the file
            system's clock.
        """
        trees = tuple(trees)
        if not is_at_once:
            self.disk.tick()
        roots = [tree.root if isinstance(tree, Tree) else tree for tree in trees]
        what = [self.log.name(path) for path in files]
        what += [f"the tree {self.log.name(root)}" for root in roots]
        shown = ", ".join(what[:5]) + (f" and {len(what) - 5} more" if len(what) > 5 else "")
        self.log.note(f"watched {shown or 'nothing'}")
        observe = super().watch
        call = self._opener.begin(lambda: observe(*files, trees=trees))
        self._result(call, "watch()", self.traits.deadline_seconds)

    def begin_wait(self, timeout: float | None) -> Future[list[Hint]]:
        """Have ``wait`` called, and go on; end it with :meth:`end_wait`."""
        self.log.note(f"called wait({timeout})")
        return self._waiter.begin(lambda: self._listen(timeout))

    def end_wait(self, call: Future[list[Hint]], within_seconds: float) -> list[Hint]:
        """The hints of a ``wait`` that was begun.

        :raises AssertionError: it does not return in time, or raises.
        """
        hints = self._result(call, "wait()", within_seconds)
        self.log.note("hints", hints)
        return hints

    def wait(self, timeout: float | None) -> list[Hint]:
        """Wait once; it has to return in time."""
        call = self._waiter.begin(lambda: self._listen(timeout))
        rest = self.traits.deadline_seconds if timeout is None else timeout
        hints = self._result(call, f"wait({timeout})", rest + self.traits.prompt_seconds)
        self.log.note("hints", hints)
        return hints

    def until_blocked(self, call: Future[Any]) -> None:
        """Give a ``wait`` that was begun the time to block.

        That it was called can be seen from outside; whether it blocks cannot.
        """
        self.until_true(lambda: call.running() or call.done())
        with contextlib.suppress(TimeoutError):
            call.exception(0.1)

    def stay_silent(self, why: str) -> None:
        """There must be no hint.

        :param why: what a hint would be wrong about.
        """
        if hints := self.hints():
            self.fail(f"it hints, though {why}", hints)

    def close(self) -> None:
        """Close the source; it has to return in time."""
        self.log.note("closed it")
        self._result(self._opener.begin(self.source.close), "close()", self.traits.prompt_seconds)

    def end(self, *, has_failed: bool) -> None:
        """Close the source and end the threads.

        :param has_failed: there is a fault already; another one is not told.
        """
        try:
            if not has_failed:
                self.close()
            else:
                # The thread that opened it may hang in `watch`.
                closer = Caller("reloader-testing-closer")
                closer.begin(self.source.close)
                closer.end(self.traits.prompt_seconds)
        finally:
            has_ended = self._end_callers(self.traits.prompt_seconds)
        if not has_failed and not has_ended:
            self.fail("a call of it does not return")

    def left_threads(self) -> list[threading.Thread]:
        """The threads that were started since before the source was opened, and live."""
        ours = {self._opener.thread, self._waiter.thread}
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads | ours and thread.is_alive()
        ]

    def until_true(self, condition: Callable[[], object]) -> bool:
        """Wait for a condition, at most ``deadline_seconds``.

        :returns: whether it came true.
        """
        deadline = time.monotonic() + self.traits.deadline_seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)  # the poll of a wait with a deadline
        return True

    def name_all(self, paths: Iterable[str | os.PathLike[str]]) -> str:
        """Paths as messages show them: a few, relative."""
        names = [self.log.name(path) for path in paths]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return ", ".join(names[:5]) + more

    def fail(self, fault: str, hints: Iterable[Hint] = ()) -> NoReturn:
        """Say which rule is broken, how, and what happened before."""
        lines = [f"  {line}" for line in self.log.lines[-_MOST_LINES:]]
        left_out = len(self.log.lines) - len(lines)
        where = f"what happened in {self.log.root}"
        where += f", after {left_out} lines that are left out:" if left_out else ":"
        raise AssertionError(
            "\n".join([f"the rule {self._rule!r} is broken: {fault}", where, *lines])
        )

    def _listen(self, timeout: float | None) -> list[Hint]:
        hints = list(self.source.wait(timeout))
        for hint in hints:
            if not isinstance(hint, Hint):
                raise TypeError(f"{hint!r} is no hint")
        return hints

    def _result(self, call: Future[_T], name: str, seconds: float) -> _T:
        try:
            error = call.exception(seconds)
        except TimeoutError:
            self.fail(f"{name} did not return within {seconds:g} s")
        if error is None:
            return call.result()
        try:
            self.fail(f"{name} raised {type(error).__name__}: {error}")
        except AssertionError as broken:
            raise broken from error

    def _end_callers(self, timeout: float) -> bool:
        return all([self._opener.end(timeout), self._waiter.end(timeout)])
