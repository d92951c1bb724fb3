"""The configuration is changed while the supervisor runs.

It is read again from the same places. If anything is wrong with it, all stays as it is. If
it means something else, everything that can fail is done first: backends and plugins are
loaded, sockets are bound. Only then does the program stop, and another supervisor, set up
by the new configuration, goes on in the place of this one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from reloader_core.errors import ReloaderError
from reloader_core.notices import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.config.schema import Configuration
    from reloader_core.model import ChangeBatch
    from reloader_core.stamp import Stamp
    from reloader_core.supervisor.cause import Cause
    from reloader_core.supervisor.control.status import History
    from reloader_core.supervisor.loop import Supervisor
    from reloader_core.supervisor.messages import Tell


@attrs.frozen(kw_only=True)
class Legacy:
    """What a supervisor leaves to the one that takes its place.

    :ivar starts: how many programs were started.
    :ivar distrusted: sources whose bytecode the next program must not believe.
    :ivar cause: why it is started.
    :ivar history: what has happened.
    """

    starts: int
    distrusted: frozenset[str]
    cause: Cause | None
    history: History


@attrs.frozen(kw_only=True)
class Prepared:
    """A new configuration with which nothing is wrong.

    :ivar reason: what has changed in it, in words.
    :ivar take_over: makes the supervisor that goes on; the old one has ended by then.
    :ivar give_up: gives back what was prepared.
    """

    reason: str
    take_over: Callable[[Legacy], Supervisor]
    give_up: Callable[[], None]


class Renewal:
    """Looks at a changed configuration.

    :param configuration: the one in force.
    :param configure: reads it again.
    :param prepare: does what can fail, and says how to go on.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        configure: Callable[[], Configuration],
        prepare: Callable[[Configuration], Prepared],
        tell: Tell,
    ) -> None:
        self._configuration = configuration
        self._configure = configure
        self._prepare = prepare
        self._tell = tell
        self._was_wrong = False

    @property
    def files(self) -> frozenset[str]:
        """Where the configuration is, or might be."""
        return frozenset(path for path, _ in self._configuration.configuration_files)

    @property
    def stamps(self) -> dict[str, Stamp | None]:
        """Their stamps from before they were read; ``None`` for one that was not there."""
        return dict(self._configuration.configuration_files)

    def leave_out(
        self, batch: ChangeBatch, *, concerns_program: Callable[[str], bool]
    ) -> ChangeBatch | None:
        """The changes that are not of the configuration alone; ``None`` if all are.

        :param concerns_program: whether a file of the configuration is the program's, too.
        """
        files = self.files
        changes = tuple(
            change
            for change in batch.changes
            if change.path not in files or concerns_program(change.path)
        )
        return attrs.evolve(batch, changes=changes) if changes else None

    def look(self, *, is_under_way: bool = False) -> Prepared | None:
        """Read the configuration again.

        :param is_under_way: the program is being stopped for an earlier change, so that
            there has to be a way to go on.
        :returns: how to go on with it; ``None`` if it means the same, or is wrong, which
            is told. If a change is under way, how to go on with the one in force then.
        """
        name = os.path.basename(self._configuration.configuration_files[0][0])
        try:
            configuration = self._configure()
            changed = self._configuration.differences(configuration)
            if changed:
                prepared = self._prepare(configuration)
                return attrs.evolve(prepared, reason=f"{name} changed ({', '.join(changed)})")
            if self._was_wrong:
                self._was_wrong = False
                self._tell(Level.INFO, "configuration", "the configuration is as it was")
        except ReloaderError as error:
            self._was_wrong = True
            for line in (*str(error).splitlines(), "the configuration is kept as it was"):
                self._tell(Level.ERROR, "configuration", line)
        if not is_under_way:
            return None
        return attrs.evolve(self._prepare(self._configuration), reason=f"{name} changed and back")
