"""What a signal to the supervisor means."""

from __future__ import annotations

import enum
import signal
from typing import TYPE_CHECKING

from reloader_core.supervisor.channel import QUIT_SIGNALS

if TYPE_CHECKING:
    from reloader_core.config.schema import Configuration

#: What asks a program to end, by custom. A program that dies of one that the supervisor
#: did not send was meant to end.
ENDING_SIGNALS = frozenset(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Meaning(enum.Enum):
    """What is to be done."""

    QUIT = "quit"
    PASS_ON = "pass on"  # noqa: S105  # no password
    RESTART = "restart"
    SUSPEND = "suspend"
    RESUME = "resume"


class SignalMeanings:
    """The signals that the supervisor catches, by the configuration.

    :ivar is_hangup_ignored: the supervisor was started under nohup.
    """

    def __init__(
        self, configuration: Configuration, *, is_hangup_ignored: bool | None = None
    ) -> None:
        """Read the configuration, and how the process was started.

        :param is_hangup_ignored: if signals are caught by now, so that it cannot be seen.
        """
        if is_hangup_ignored is None:
            is_hangup_ignored = _is_ignored("SIGHUP")
        self.is_hangup_ignored = is_hangup_ignored
        meanings = {int(number): Meaning.QUIT for number in QUIT_SIGNALS}
        for name, meaning in (("SIGTSTP", Meaning.SUSPEND), ("SIGCONT", Meaning.RESUME)):
            _set(meanings, name, meaning)
        if self.is_hangup_ignored:
            meanings.pop(getattr(signal, "SIGHUP", 0), None)
        for name in configuration.pass_signals:
            _set(meanings, name, Meaning.PASS_ON)
        if configuration.restart_signal:
            _set(meanings, configuration.restart_signal, Meaning.RESTART)
        self._meanings = meanings

    def renewed(self, configuration: Configuration) -> SignalMeanings:
        """The same by another configuration."""
        return SignalMeanings(configuration, is_hangup_ignored=self.is_hangup_ignored)

    @property
    def numbers(self) -> tuple[int, ...]:
        """What is to be caught."""
        return tuple(self._meanings)

    @property
    def quitting(self) -> frozenset[int]:
        """Those that end the supervisor."""
        return frozenset(
            number for number, meaning in self._meanings.items() if meaning is Meaning.QUIT
        )

    def meaning_of(self, number: int) -> Meaning | None:
        """What one that was caught means; ``None`` if it meant something formerly."""
        return self._meanings.get(number)


def _set(meanings: dict[int, Meaning], name: str, meaning: Meaning) -> None:
    number = getattr(signal, name, None)
    if number is not None:  # not every system has every signal
        meanings[int(number)] = meaning


def _is_ignored(name: str) -> bool:
    number = getattr(signal, name, None)
    return number is not None and signal.getsignal(number) is signal.SIG_IGN
