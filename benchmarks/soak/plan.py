"""The dice: what is done in a round and when. The same seed and number make the same plan."""

from __future__ import annotations

import enum
from random import Random
from typing import TYPE_CHECKING

import attrs

from benchmarks.soak.edits import EDITS, Act
from benchmarks.soak.needless import NEEDLESS

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTS = EDITS | NEEDLESS

#: Short ones, for the moments that are short.
_QUICK = (
    *("in place", "atomic replace", "vim", "PyCharm", "delete, create at once"),
    *("same size and time", "older file moved over", "hard link's other name"),
    *("package swapped", "link retargeted", "volume swapped", "many files at once"),
    *("extra file", "touch", "identical save", "bytecode and caches"),
)


class Moment(enum.Enum):
    """When a step is done."""

    #: After a pause.
    AFTER = "after"
    #: When the program that replaces the one before says its first line.
    STARTING = "while it starts"
    #: When that program has half of its modules.
    HALFWAY = "halfway"
    #: When the program is asked to stop.
    STOPPING = "while it stops"


@attrs.frozen(kw_only=True)
class Step:
    """One edit.

    :ivar name: which, of ``ACTS``.
    :ivar moment: when.
    :ivar pause_seconds: how long after that moment.
    :ivar seed: of the edit's own dice.
    """

    name: str
    moment: Moment = Moment.AFTER
    pause_seconds: float = 0.0
    seed: int

    @property
    def act(self) -> Act:
        """What is done."""
        return ACTS[self.name][0]


@attrs.frozen(kw_only=True)
class Plan:
    """One round.

    :ivar number: of the round, from 1.
    :ivar steps: the edits, in their order.
    :ivar start_pause_seconds: how long programs pause while they start.
    :ivar stop_pause_seconds: how long while they stop.
    :ivar is_settled: whether the round ends when the supervisor has nothing more to do, or at
        once when the answer is right.
    """

    number: int
    steps: tuple[Step, ...]
    start_pause_seconds: float = 0.0
    stop_pause_seconds: float = 0.0
    is_settled: bool = True


def plan_round(seed: int, number: int) -> Plan:
    """Throw the dice for one round.

    :param seed: of the whole soak.
    :param number: of the round.
    """
    dice = Random(f"{seed} {number}")
    make = dice.choices(
        (_plan_edit, _plan_needless, _plan_row, _plan_starting, _plan_stopping, _plan_slow_start),
        (36, 28, 14, 9, 9, 4),
    )[0]
    return make(dice, number)


def _plan_edit(dice: Random, number: int) -> Plan:
    step = _step(dice, _pick(dice, EDITS))
    return Plan(number=number, steps=(step,), is_settled=dice.random() < 0.6)


def _plan_needless(dice: Random, number: int) -> Plan:
    return Plan(number=number, steps=(_step(dice, _pick(dice, NEEDLESS)),))


def _plan_row(dice: Random, number: int) -> Plan:
    """Some edits at random moments."""
    steps = []
    for _ in range(dice.randint(2, 4)):
        pause_seconds = dice.choice((0.0, dice.uniform(0.001, 0.05), dice.uniform(0.05, 0.3)))
        name = _pick(dice, EDITS if dice.random() < 0.7 else NEEDLESS)
        steps.append(_step(dice, name, pause_seconds=pause_seconds))
    return Plan(number=number, steps=tuple(steps), is_settled=dice.random() < 0.6)


def _plan_starting(dice: Random, number: int) -> Plan:
    moment = dice.choice((Moment.STARTING, Moment.HALFWAY))
    pause_seconds = dice.choice((0.0, dice.uniform(0.0, 0.03), dice.uniform(0.0, 0.1)))
    steps = (
        _step(dice, "atomic replace"),
        _step(dice, dice.choice(_QUICK), moment=moment, pause_seconds=pause_seconds),
    )
    start_pause_seconds = dice.choice((0.0, 0.0, 0.05, 0.2))
    return Plan(number=number, steps=steps, start_pause_seconds=start_pause_seconds)


def _plan_stopping(dice: Random, number: int) -> Plan:
    pause_seconds = dice.choice((0.0, dice.uniform(0.0, 0.03)))
    steps = (
        _step(dice, "in place"),
        _step(dice, dice.choice(_QUICK), moment=Moment.STOPPING, pause_seconds=pause_seconds),
    )
    stop_pause_seconds = dice.choice((0.0, 0.03, 0.1))
    return Plan(number=number, steps=steps, stop_pause_seconds=stop_pause_seconds)


def _plan_slow_start(dice: Random, number: int) -> Plan:
    """Ten edits while the program starts slowly."""
    steps = [_step(dice, "in place")]
    for at in range(10):
        pause_seconds = dice.uniform(0.0, 0.06)
        moment = Moment.AFTER if at else Moment.HALFWAY
        name = dice.choice(_QUICK)
        steps.append(_step(dice, name, moment=moment, pause_seconds=pause_seconds))
    return Plan(number=number, steps=tuple(steps), start_pause_seconds=0.5)


def _step(
    dice: Random, name: str, *, moment: Moment = Moment.AFTER, pause_seconds: float = 0.0
) -> Step:
    return Step(name=name, moment=moment, pause_seconds=pause_seconds, seed=dice.randrange(2**32))


def _pick(dice: Random, acts: Mapping[str, tuple[Act, float]]) -> str:
    return dice.choices(list(acts), [weight for _, weight in acts.values()])[0]
