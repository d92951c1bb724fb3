"""One plugin and the thread on which it is called: what it does there ends there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reloader_core.lines import Call, Line
from reloader_core.plugins.faults import describe, traceback_of
from reloader_core.plugins.waiting import ANSWER_SECONDS, OBSERVER_SECONDS, START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.plugins.conduct import Conduct
    from reloader_core.plugins.waiting import Waiter

_T = TypeVar("_T")

#: Hooks that may take longer than others to answer.
_PATIENCE_SECONDS = {"restart_child": START_SECONDS}

#: What an observer has not heard yet is kept for it. A plugin that is so far behind
#: hangs, or takes longer for a restart than there is between two.
_MOST_WAITING = 100


class _Failure(NamedTuple):
    """What came of a call that raised."""

    text: str
    traceback: str


class GuardedPlugin:
    """Calls the hooks of one plugin, all on one thread, which its first call starts.

    So what belongs to a thread, a connection of ``sqlite3`` for instance, may be kept from
    one hook for the next. A call that takes too long is left alone. As long as it is stuck
    the plugin is not asked anything else.

    :param conduct: hears what it does wrong.
    :param waiter: waits for its answers.
    """

    def __init__(self, name: str, *, conduct: Conduct, waiter: Waiter) -> None:
        self._conduct = conduct
        self._waiter = waiter
        self._line = Line(f"reloader-plugin {name}")
        self._is_dropping = False

    @property
    def is_idle(self) -> bool:
        """Whether it has heard everything, or is stuck and will hear no more."""
        return self._line.is_idle or self._is_stuck

    def ask(
        self, hook: str, function: Callable[[], _T], *, meanwhile: Callable[[], None]
    ) -> _T | None:
        """Call a hook and wait for its answer, but not for ever.

        :param hook: its name.
        :param function: calls it, and checks what it returns.
        :param meanwhile: called on this thread while it is waited for.
        :returns: what ``function`` returned; ``None`` if there was no answer.
        """
        if self._conduct.is_disabled(hook) or self._is_stuck:
            return None
        seconds = _PATIENCE_SECONDS.get(hook, ANSWER_SECONDS)
        call: Call[_T | _Failure] = Call(
            lambda: self._attempt(call, hook, function), what=hook, wake=self._waiter.wake
        )

        def is_over() -> bool:
            meanwhile()
            return call.is_done

        if not self._put(hook, call):
            return None
        if self._waiter.wait_for(is_over, seconds):
            return self._take(hook, call.result())
        if self._waiter.is_quitting:
            call.is_given_up = not self._line.withdraw(call)
        elif self._line.withdraw(call):
            self._give_up_observer(f"; going on without its {hook}")
        else:
            call.is_given_up = True
            fault = f"did not answer {hook} within {seconds:g} s: going on without it"
            self._conduct.fail(hook, fault)
        return None

    def tell(self, hook: str, function: Callable[[], object]) -> None:
        """Have an observer called when those before it have returned.

        :param hook: its name.
        :param function: calls it.
        """
        if self._conduct.is_disabled(hook):
            return
        current = self._line.current
        if current is not None and _seconds_in(current) > OBSERVER_SECONDS:
            self._give_up_observer()
        if self._line.waiting >= _MOST_WAITING:
            if not self._is_dropping:
                self._is_dropping = True
                self._conduct.tell(f"is {_MOST_WAITING} calls behind: it is not told of more")
            return
        self._is_dropping = False
        call: Call[None] = Call(
            lambda: self._observe(call, hook, function), what=hook, wake=self._waiter.wake
        )
        self._put(hook, call)

    def leave(self) -> None:
        """Do not wait for what it is busy with."""
        if not self.is_idle:
            self._give_up_observer()

    def close(self) -> None:
        """Have its thread end when it has heard everything."""
        self._line.close()

    @property
    def _is_stuck(self) -> bool:
        current = self._line.current
        return current is not None and current.is_given_up

    def _put(self, hook: str, call: Call[_T]) -> bool:
        try:
            self._line.put(call)
        except RuntimeError as error:  # the system has no thread left
            self._conduct.fail(hook, f"cannot be called for {hook}: {describe(error)}")
            return False
        return True

    def _take(self, hook: str, outcome: _T | _Failure) -> _T | None:
        if isinstance(outcome, _Failure):
            fault = f"failed in {hook}: {outcome.text}"
            self._conduct.fail(hook, fault, traceback=outcome.traceback)
            return None
        self._conduct.succeed(hook)
        return outcome

    def _give_up_observer(self, consequence: str = "") -> None:
        """Do not wait for what the plugin is busy with, and say so once."""
        current = self._line.current
        if current is None:
            self._conduct.tell(f"is behind with what it observes{consequence}")
        elif not current.is_given_up:
            current.is_given_up = True
            seconds = _seconds_in(current)
            fault = f"has not returned from {current.what} for {seconds:.1f} s{consequence}"
            self._conduct.fail(str(current.what), fault)

    # On the plugin's thread.

    def _attempt(
        self, call: Call[_T | _Failure], hook: str, function: Callable[[], _T]
    ) -> _T | _Failure:
        try:
            return function()
        except BaseException as error:
            # In words already here: what an exception says is the plugin's code, too.
            failure = _Failure(describe(error), traceback_of(error))
        if call.is_given_up:
            self._conduct.tell_detail(f"failed late in {hook}: {failure.text}")
        return failure

    def _observe(self, call: Call[None], hook: str, function: Callable[[], object]) -> None:
        if self._conduct.is_disabled(hook):
            return
        try:
            function()
        except BaseException as error:
            if not call.is_given_up:
                fault = f"failed in {hook}: {describe(error)}"
                self._conduct.fail(hook, fault, traceback=traceback_of(error))
            return
        seconds = _seconds_in(call)
        if call.is_given_up:
            return
        if seconds > OBSERVER_SECONDS:
            most = f"more than {OBSERVER_SECONDS:g} s are too many"
            self._conduct.fail(hook, f"took {seconds:.1f} s for {hook}; {most}")
        else:
            self._conduct.succeed(hook)


def _seconds_in(call: Call[_T]) -> float:
    return 0.0 if call.began_at is None else time.monotonic() - call.began_at
