"""What the restarts were worth: told from what each program says that it has loaded.

- **Needless**: nothing that the replaced program had loaded is different in the one that was
  started for it. Of extra files and archives, what they held when it began counts: the
  supervisor cannot know when a program reads an extra file, and the list of an archive's
  modules is read long before its module.
- **Early**: the program was started while a save was going on (a burst, a branch switch, a
  repair count as one save), and it did not run what that save left. It had to be replaced or
  to fail. So had one that did not even reach its first line.
- **Needed**: all others. Edits in a row can need more than one: the second one may come when
  the program already runs the first.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

from benchmarks.soak.project import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.soak.project import Save


class Worth(enum.Enum):
    """What a restart was worth."""

    NEEDED = "needed"
    NEEDLESS = "needless"
    EARLY = "early"


@attrs.define(kw_only=True)
class Run:
    """A program, by what it said.

    :ivar pid: its process.
    :ivar began_at: when its first line ran, monotonic seconds.
    :ivar values: what it had loaded.
    :ivar loading: what it was about to load; its own end may have come first.
    :ivar error: the class of the exception that ended it.
    """

    pid: int
    began_at: float
    values: dict[str, str]
    loading: str | None = None
    error: str | None = None

    def hear(self, word: str, *arguments: str) -> None:
        """Take one line of it in."""
        match word, arguments:
            case "loading", (name,):
                self.loading = name
            case "loaded", (name, value):
                self.values[name] = value
                self.loading = None
            case "failed", (error,):
                self.error = error


@attrs.frozen(kw_only=True)
class Restart:
    """One restart.

    :ivar worth: what it was worth.
    :ivar kind: the edit that was made last before.
    :ivar run: the program that was started; ``None`` if it did not reach its first line.
    """

    worth: Worth
    kind: str
    run: Run | None


def judge(
    runs: Sequence[Run],
    saves: Sequence[Save],
    acts: Sequence[tuple[float, str]],
    unseen_at: Sequence[float] = (),
) -> list[Restart]:
    """Tell what each restart was worth.

    :param runs: all programs of a round in their order; the first one ran before, the last
        one has answered.
    :param saves: what was saved, from before the first program on.
    :param acts: when each edit began, and its name.
    :param unseen_at: when programs were started that said nothing at all.
    """
    restarts = [
        Restart(
            worth=_worth(runs[at - 1], runs[at], runs[at + 1 :], saves),
            kind=_kind(runs[at].began_at, acts),
            run=runs[at],
        )
        for at in range(1, len(runs))
    ]
    unseen = [Restart(worth=Worth.EARLY, kind=_kind(at, acts), run=None) for at in unseen_at]
    return restarts + unseen


def _kind(time: float, acts: Sequence[tuple[float, str]]) -> str:
    return [kind for began_at, kind in acts if began_at <= time][-1]


def _worth(replaced: Run, run: Run, later: Sequence[Run], saves: Sequence[Save]) -> Worth:
    if run.error == "SyntaxError" or _is_early(run, saves):
        return Worth.EARLY
    if replaced.error is not None or run.error is not None:
        return Worth.NEEDED
    # What it was stopped too soon to load, it would have loaded as the next one did.
    values = dict(run.values)
    for other in later:
        values = other.values | values
    at_begin = _state_at(replaced.began_at, saves)
    names = {name for name in at_begin.keys() | values.keys() if _is_read_unseen(name)}
    if replaced.loading is not None:
        names.add(replaced.loading)
    if replaced.values.keys() == {"app"}:
        # It was stopped too soon to tell whether it had all of the script or one half.
        names.add("app")
    old = replaced.values | {name: at_begin.get(name, NO_VALUE) for name in names}
    is_same = all(values.get(name, NO_VALUE) == value for name, value in old.items())
    return Worth.NEEDLESS if is_same else Worth.NEEDED


def _is_early(run: Run, saves: Sequence[Save]) -> bool:
    going_on = [
        at for at, save in enumerate(saves) if save.began_at <= run.began_at < save.ended_at
    ]
    if not going_on:
        return False
    # What it loaded late may be of a later save.
    right = [save.after for save in saves[going_on[0] :]]
    return run.error is not None or any(
        all(values.get(name) != value for values in right) for name, value in run.values.items()
    )


def _is_read_unseen(name: str) -> bool:
    return name in ("settings", "zipped") or name.startswith("data.")


def _state_at(time: float, saves: Sequence[Save]) -> dict[str, str]:
    # A program older than all of them has lived through saves that changed nothing.
    return [saves[0].after, *(save.after for save in saves if save.ended_at <= time)][-1]
