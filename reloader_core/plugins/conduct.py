"""How a plugin behaves: what it did wrong is told, and what it does wrong again and again ends."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Once may be bad luck and twice a bad day. A hook that never works costs a line, and
#: perhaps seconds, at each edit.
MOST_FAILURES = 3


class Conduct:
    """Counts the failures of one plugin, for each of its hooks.

    A hook that fails several times in a row is disabled, the plugin's others are not: one
    that always raises in ``should_reload`` may still be a good observer. An answer that is
    right forgives what was before. Used from any thread.

    :param name: the plugin's.
    :param report: shows one line.
    :param detail: shows what only an author wants to see.
    """

    def __init__(
        self, name: str, *, report: Callable[[str], None], detail: Callable[[str], None]
    ) -> None:
        self._name = name
        self._report = report
        self._detail = detail
        self._lock = threading.Lock()
        self._failures: collections.Counter[str] = collections.Counter()

    def is_disabled(self, hook: str) -> bool:
        """Whether a hook is not to be called any more."""
        return self._failures[hook] >= MOST_FAILURES

    def succeed(self, hook: str) -> None:
        """A hook did what it should."""
        with self._lock:
            if not self.is_disabled(hook):
                self._failures.pop(hook, None)

    def fail(self, hook: str, what: str, *, traceback: str = "") -> None:
        """A hook did not.

        :param what: follows the plugin's name: "failed in should_reload: …".
        :param traceback: for those who want to know more.
        """
        with self._lock:
            if self.is_disabled(hook):
                return
            self._failures[hook] += 1
            is_last = self.is_disabled(hook)
        self.tell(what)
        if traceback:
            self._detail(traceback)
        if is_last:
            self.tell(
                f"failed {MOST_FAILURES} times in a row in {hook}, which is not called any"
                " more; mend it and start reloader again"
            )

    def tell(self, what: str) -> None:
        """Say something about the plugin."""
        self._report(f"plugin {self._name!r} {what}")

    def tell_detail(self, what: str) -> None:
        """Say something that is of no use but to its author."""
        self._detail(f"plugin {self._name!r} {what}")
