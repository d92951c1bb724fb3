"""The page of a soak."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import attrs

from benchmarks.report import Section, environment
from benchmarks.soak.plan import ACTS
from benchmarks.soak.restarts import Worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.soak.rounds import Outcome

_OPENING = """\
# Soak

A program that is made of everything Python can load code from runs under `reloader run` while
random edits are made to it: plain modules, packages, a namespace package, links to files and
directories, a chain of links, a Kubernetes volume, a hard link, a module in an archive, modules
outside of the project, with odd names, imported late or by a forked worker, and extra files.

A round is one edit, or several at random moments: while the program starts, while it stops, in
bursts. It ends when the program answers with the values of all its files on disk. It is *lost*
if that takes longer than the deadline. To run it (Linux only):

```sh
pip install -e .
python -m benchmarks.soak --backend inotify --backend stat --rounds 2000 --seed 1
```

The same seed makes the same edits. A lost round is told at once, with all that happened in it;
`--log FILE` writes the same down for each round with a restart that was not needed.
`--first-round 17 --rounds 1` does round 17 again. Several supervisors are soaked at a time
(`--lanes`), each with a project of its own.

## What a restart is worth

The program says what it has loaded, file by file. By that each restart is told to be

- *needless*, if nothing that the replaced program had loaded is different in the new one. Of
  extra files and archives counts what they held when it began, for nobody can tell when a
  program reads an extra file;
- *early*, if the new program was started in the middle of a save, a burst, a branch switch or a
  repair, and does not run what is there at its end, or fails by a syntax error, or is replaced
  before its first line;
- *needed* otherwise. Edits in a row can need more than one restart: the second edit may come
  when the program already runs the first.

Promised: no lost round. No needless and no early restart.
"""

_UNWANTED = (Worth.NEEDLESS, Worth.EARLY)

_DISTRIBUTIONS = ("reloader-core", "watchdog")


@attrs.define(kw_only=True)
class Tally:
    """The sums of one backend.

    :ivar backend: its name.
    :ivar rounds: how many there were.
    :ivar lost: the accounts of the lost ones, by round.
    :ivar seconds: how long all took.
    """

    backend: str
    rounds: int = 0
    seconds: float = 0.0
    lost: dict[int, str] = attrs.field(factory=dict)
    _edits: collections.Counter[str] = attrs.field(factory=collections.Counter)
    _restarts: collections.Counter[tuple[str, Worth]] = attrs.field(factory=collections.Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one round."""
        self.rounds += 1
        if outcome.lost is not None:
            self.lost[outcome.plan.number] = outcome.lost
        self._edits.update(step.name for step in outcome.plan.steps)
        self._restarts.update((restart.kind, restart.worth) for restart in outcome.restarts)

    def count(self, worth: Worth, kind: str | None = None) -> int:
        """How many restarts were worth this, after one kind of edit or all."""
        return sum(
            count
            for (name, is_worth), count in self._restarts.items()
            if is_worth is worth and kind in (None, name)
        )

    @property
    def restarts(self) -> int:
        """How many there were."""
        return self._restarts.total()

    @property
    def rate(self) -> float:
        """Rounds in a second."""
        return self.rounds / self.seconds if self.seconds else 0.0

    def summary(self) -> tuple[str, ...]:
        """The row of the table of all backends."""
        return (
            self.backend,
            str(self.rounds),
            str(len(self.lost)),
            str(self.restarts),
            *(str(self.count(worth)) for worth in Worth),
            f"{self.rate:.1f}",
        )

    def section(self) -> Section:
        """What came of each kind of edit."""
        rows = [
            (name, str(self._edits[name]), *(str(self.count(worth, name)) for worth in _UNWANTED))
            for name in ACTS
        ]
        notes = [f"round {number} is lost: {why}" for number, why in self.lost.items()]
        return Section(
            title=f"{self.backend}: after which edits",
            text="A restart is counted to the last edit that was begun before the new program.",
            header=("edit", "made", *(worth.value for worth in _UNWANTED)),
            rows=rows,
            notes=notes,
        )


def page(tallies: Sequence[Tally], command: str) -> str:
    """The document.

    :param tallies: of all backends.
    :param command: what was run to get them.
    """
    summary = Section(
        title="All backends",
        text="Each with the same edits.",
        header=(
            *("backend", "rounds", "lost", "restarts"),
            *(worth.value for worth in Worth),
            "rounds a second",
        ),
        rows=[tally.summary() for tally in tallies],
    )
    parts = [
        _OPENING,
        environment(command, _DISTRIBUTIONS),
        summary.to_markdown(),
        *(tally.section().to_markdown() for tally in tallies),
    ]
    return "\n".join(parts)
