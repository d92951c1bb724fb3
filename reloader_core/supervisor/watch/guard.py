"""A change source that is not trusted: bounded, checked, and what it raises in words."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reloader_core.errors import BackendUnavailableError
from reloader_core.lines import Call, Line
from reloader_core.plugins.answers import read_hint
from reloader_core.plugins.faults import describe, show, traceback_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource, Hint, Tree

#: Ten thousand files are taken up within a second, from a cold disk or over a network
#: within ten. Whoever takes longer than this hangs, or is of no use.
PATIENCE_SECONDS = 30.0

#: Nobody needs what a source does at its end; a Ctrl-C waits for it.
_CLOSE_SECONDS = 2.0

#: A ``wait(None)`` that returns nothing more often than this, each second, does not wait.
#: One that looks every 10 ms and returns each time is not polite, but does no harm.
_MOST_EMPTY = 200

#: One that returns hints more often than this is made to pause: they come in larger
#: portions then, and cost less.
_MOST_PORTIONS = 1000
_PAUSE_SECONDS = 0.050

#: What is measured in.
_WINDOW_SECONDS = 1.0


class SourceError(Exception):
    """A source did something that it must not.

    :param fault: what, in one line.
    :param traceback: where, in lines, if it raised.
    """

    def __init__(self, fault: str, traceback: str = "") -> None:
        super().__init__(fault)
        self.traceback = traceback


class SourceBusyError(SourceError):
    """A source has not returned from a call yet."""


class GuardedSource:
    """One change source, with two threads: one tells it what to do, the other waits in it.

    :param name: its backend's ``reloader_type``.
    :param open_source: opens it; called on its thread, when it is first to watch something.
    :param hear: takes its hints and when they came (monotonic seconds), on the thread that
        waits.
    :param fail: takes what made an end of the waiting, on the same thread.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[], ChangeSource],
        *,
        hear: Callable[[tuple[Hint, ...], float], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._open_source = open_source
        self._hear = hear
        self._fail = fail
        self._line = Line(f"reloader-source {name}")
        self._source: ChangeSource | None = None
        self._waiting = threading.Thread(
            target=self._listen, name=f"reloader-watcher {name}", daemon=True
        )
        self._is_closed = False

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        """Watch exactly these, opening the source if need be.

        :raises BackendUnavailableError: a limit was reached.
        :raises SourceBusyError: it takes too long, or has not returned since the last time.
        :raises SourceError: whatever else goes wrong.
        """
        if self._line.current is not None:
            raise SourceBusyError("is still busy")
        try:
            call = self._line.put(Call(lambda: self._watch(files, trees)))
            if not call.wait(PATIENCE_SECONDS):
                raise SourceBusyError(f"has not taken up the files for {PATIENCE_SECONDS:g} s")
            call.result()
            if not self._is_listening:
                self._waiting.start()
        except RuntimeError as error:  # the system has no thread left
            raise SourceError(f"failed: {describe(error)}") from None

    def close(self) -> None:
        """Close the source and have its threads end. One that hangs is left behind.

        :raises SourceError: closing it went wrong.
        """
        self._is_closed = True
        deadline = time.monotonic() + _CLOSE_SECONDS
        is_stuck = self._line.current is not None
        if not is_stuck and self._source is None:
            self._line.close()
            return
        call = self._line.put(Call(self._close))
        self._line.close()
        if is_stuck:
            return  # which was told; it is closed when it comes back
        if not call.wait(_CLOSE_SECONDS):
            raise SourceBusyError(f"has not returned from close() for {_CLOSE_SECONDS:g} s")
        call.result()
        if self._is_listening and self._waiting is not threading.current_thread():
            self._waiting.join(max(0.0, deadline - time.monotonic()))
            if self._waiting.is_alive():
                raise SourceBusyError("goes on in wait() though it was closed")

    @property
    def _is_listening(self) -> bool:
        return self._waiting.ident is not None

    # On the thread that tells it what to do.

    def _watch(self, files: frozenset[str], trees: frozenset[Tree]) -> None:
        with _in_words():
            if self._source is None:
                self._source = self._open_source()
            if not self._is_closed:
                self._source.watch(files, trees)

    def _close(self) -> None:
        if self._source is not None:
            with _in_words():
                self._source.close()

    # On the thread that waits.

    def _listen(self) -> None:
        assert self._source is not None
        pace = _Pace()
        try:
            with _in_words():
                while not self._is_closed:
                    for hints in _iter_portions(self._source.wait(None)):
                        if self._is_closed:
                            return
                        pace.keep(is_empty=not hints)
                        if hints:
                            self._hear(hints, time.monotonic())
        except Exception as error:
            if not self._is_closed:
                self._fail(error)


class _Pace:
    """Notices a source that does not wait."""

    def __init__(self) -> None:
        self._began_at = time.monotonic()
        self._empty = self._portions = 0

    def keep(self, *, is_empty: bool) -> None:
        """Another ``wait`` has returned.

        :raises SourceError: too many have returned nothing.
        """
        now = time.monotonic()
        if now - self._began_at > _WINDOW_SECONDS:
            self._began_at = now
            self._empty = self._portions = 0
        self._empty += is_empty
        self._portions += 1
        if self._empty > _MOST_EMPTY:
            raise SourceError(
                f"does not wait: wait() returned nothing {_MOST_EMPTY} times a second"
            )
        if self._portions > _MOST_PORTIONS:
            time.sleep(_PAUSE_SECONDS)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn whatever a source raises into an expected error, where its code runs."""
    try:
        yield
    except (BackendUnavailableError, SourceError):
        raise
    except BaseException as error:
        raise SourceError(f"failed: {describe(error)}", traceback_of(error)) from None


def _iter_portions(answer: object) -> Iterable[tuple[Hint, ...]]:
    """What a ``wait`` returned, in portions that are handed on as they come.

    A generator may itself wait between two hints, and need not come to an end.
    """
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
        raise TypeError(f"expected hints from wait(), got {show(answer)}")
    if isinstance(answer, list | tuple | set | frozenset):
        yield tuple(map(read_hint, answer))
        return
    is_empty = True
    for hint in answer:
        is_empty = False
        yield (read_hint(hint),)
    if is_empty:
        yield ()
