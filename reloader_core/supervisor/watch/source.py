"""The open change source, and what takes its place when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, Hint, Tree
from reloader_core.plugins.faults import first_line
from reloader_core.supervisor.watch.guard import GuardedSource, SourceBusyError, SourceError

#: Opens a backend by its ``reloader_type``.
OpenSource = Callable[[str], ChangeSource]

#: What serves when a backend failed and named no other. Looking at files works
#: everywhere.
LAST_RESORT = "stat"

#: A source that failed is opened anew this often before it is given up.
_MOST_REBUILDS = 2

#: A source that served for so long has got over what was before. One that fails each time
#: something is saved fails sooner, one that fails every few days does so later.
_HEALTHY_SECONDS = 600.0

#: Where nothing works, not even the last resort, it is tried again after this.
_PAUSE_SECONDS = 4.0


class Watching:
    """Keeps one change source open. All but :meth:`attach` is called on one thread.

    :param reloader_type: the backend to open first.
    :param open_source: opens a backend.
    :param warn: shows one line to the user.
    :param detail: shows what only the author of a backend wants to see.
    :param describe: how a ``reloader_type`` is called that chooses others.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        reloader_type: str,
        *,
        open_source: OpenSource,
        warn: Callable[[str], None],
        detail: Callable[[str], None] = lambda lines: None,
        describe: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reloader_type = reloader_type
        self._open_source = open_source
        self._warn = warn
        self._detail = detail
        self._describe = describe
        self._clock = clock
        self._source: GuardedSource | None = None
        self._failures = 0
        self._unavailable: set[str] = set()
        self._healthy_at = clock() + _HEALTHY_SECONDS
        self._has_gap = False
        # It was said that changes are not noticed.
        self._is_blind = False
        # Nothing works; it is not tried again before.
        self._paused_until = clock()
        self._on_hints: Callable[[tuple[Hint, ...], float], None] = lambda hints, at: None
        self._on_failure: Callable[[Callable[[], None]], None] = lambda recover: None

    @property
    def backend(self) -> str:
        """What is open, for people."""
        return self._describe(self.reloader_type)

    def attach(
        self,
        *,
        on_hints: Callable[[tuple[Hint, ...], float], None],
        on_failure: Callable[[Callable[[], None]], None],
    ) -> None:
        """Say where hints and failures go; both are called on the waiting thread.

        :param on_hints: takes hints and when they came (monotonic seconds).
        :param on_failure: takes a function: to be called on the thread of :meth:`watch`,
            which is to be called then.
        """
        self._on_hints = on_hints
        self._on_failure = on_failure

    def watch(self, files: frozenset[str], trees: frozenset[Tree]) -> bool:
        """Watch exactly these, with another source if need be.

        :returns: whether every later change leads to a hint; ``False`` when no
            backend can be opened now, and another attempt is due later.
        """
        while self._clock() >= self._paused_until:
            source = self._source = self._source or self._make_source()
            try:
                source.watch(files, trees)
            except SourceBusyError as error:
                if self.reloader_type == LAST_RESORT:
                    # There is nothing to replace it with: it is left to what it does.
                    self._tell_of_blindness(f"the {self.reloader_type} backend {error}")
                    break
                self._recover(source, error)
            except (BackendUnavailableError, SourceError) as error:
                self._recover(source, error)
            else:
                if self._is_blind:
                    self._is_blind = False
                    self._warn(f"changes are noticed again, by {self.reloader_type}")
                return True
        return False

    def take_gap(self) -> bool:
        """Whether changes may have gone unnoticed since this was last asked.

        A source was replaced: what happened meanwhile is found by comparing everything.
        """
        had_gap, self._has_gap = self._has_gap, False
        return had_gap

    def close(self) -> None:
        """Close the source, and wait for it, but not for ever."""
        self._close_source(self.reloader_type)

    def _make_source(self) -> GuardedSource:
        self._healthy_at = self._clock() + _HEALTHY_SECONDS
        source = GuardedSource(
            self.reloader_type,
            partial(self._open_source, self.reloader_type),
            hear=self._on_hints,
            fail=lambda error: self._on_failure(lambda: self._recover(source, error)),
        )
        return source

    def _recover(self, source: GuardedSource, error: Exception) -> None:
        """Give up a source and decide which one is opened next.

        :param error: why; a :class:`BackendUnavailableError` names the fallback.
        """
        if source is not self._source:
            return  # it has been replaced since
        self._has_gap = True
        if self._clock() >= self._healthy_at:
            self._failures = 0
            self._unavailable.clear()
        failed = self.reloader_type
        fault = self._choose_next(error)
        if isinstance(error, SourceError) and error.traceback:
            self._detail(error.traceback)
        is_over = failed in self._unavailable or self._failures > _MOST_REBUILDS
        if self.reloader_type != failed:
            self._failures = 0
            self._warn(f"{fault}; using {self.reloader_type} instead")
        elif is_over:
            self._paused_until = self._clock() + _PAUSE_SECONDS
            self._tell_of_blindness(fault)
        else:
            self._warn(f"{fault}; opening it anew")
        self._close_source(failed)

    def _choose_next(self, error: Exception) -> str:
        """Set the backend that is opened next.

        :returns: what is wrong with the one before, in words.
        """
        if isinstance(error, BackendUnavailableError):
            self._unavailable.add(self.reloader_type)
            fallback = error.fallback if isinstance(error.fallback, str) else LAST_RESORT
            self.reloader_type = LAST_RESORT if fallback in self._unavailable else fallback
            return first_line(error)
        fault = f"the {self.reloader_type} backend {error}"
        self._failures += 1
        if self._failures > _MOST_REBUILDS:
            self.reloader_type = LAST_RESORT
        return fault

    def _tell_of_blindness(self, fault: str) -> None:
        if not self._is_blind:
            self._is_blind = True
            self._warn(f"{fault}; changes are not noticed for now")

    def _close_source(self, name: str) -> None:
        source, self._source = self._source, None
        if source is None:
            return
        try:
            source.close()
        except (BackendUnavailableError, SourceError) as error:
            self._warn(f"the {name} backend, being closed, {first_line(error)}")
