"""The account of a round that was not as it should be, to find the cause and to do it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.soak.plan import Plan
    from benchmarks.soak.restarts import Restart
    from benchmarks.soak.session import Line


class Settings(Protocol):
    """With what a round was done."""

    @property
    def backend(self) -> str:
        """The ``reloader_type``."""

    @property
    def seed(self) -> int:
        """Of all plans."""

    @property
    def interval(self) -> float:
        """Seconds between two looks."""


def command_of(settings: Settings, plan: Plan) -> str:
    """What does this very round again, after the one before it."""
    return (
        f"python -m benchmarks.soak --backend {settings.backend} --seed {settings.seed}"
        f" --interval {settings.interval:g} --first-round {plan.number} --rounds 1"
    )


def describe_round(
    *,
    settings: Settings,
    plan: Plan,
    lost: str | None,
    restarts: Sequence[Restart],
    history: Sequence[tuple[float, str]],
    lines: Sequence[Line],
    wanted: dict[str, str],
    answer: dict[str, str] | None,
) -> str:
    """All that happened in a round, in the order of time.

    :param settings: with what it was done.
    :param plan: what was to be done.
    :param lost: why it is lost, if it is.
    :param restarts: what its restarts were worth.
    :param history: what was done to the project.
    :param lines: what the supervisor and its programs said.
    :param wanted: what the program was to answer at the end.
    :param answer: what it answered last.
    """
    title = f"LOST: {lost}" if lost else _summary(restarts)
    text = [f"=== round {plan.number} of seed {settings.seed}, {settings.backend}: {title}"]
    text.append(f"    again: {command_of(settings, plan)}")
    text += [
        f"    {step.moment.value} {step.pause_seconds * 1000:.0f} ms: {step.name}"
        for step in plan.steps
    ]
    text.append(
        f"    pauses: start {plan.start_pause_seconds:g} s, stop {plan.stop_pause_seconds:g} s"
    )
    events = [(at, "edit", what) for at, what in history]
    events += [(line.at, line.source, line.text) for line in lines]
    events += [
        (restart.run.began_at, "verdict", f"{restart.worth.value}: {restart.run.pid}")
        for restart in restarts
        if restart.run is not None
    ]
    events.sort()
    origin = events[0][0] if events else 0.0
    text += [f"{(at - origin) * 1000:9.1f} ms {who:8} {what}" for at, who, what in events]
    if lost:
        text += _differences(wanted, answer)
    return "\n".join(text) + "\n"


def _summary(restarts: Sequence[Restart]) -> str:
    return ", ".join(f"{restart.worth.value} ({restart.kind})" for restart in restarts)


def _differences(wanted: dict[str, str], answer: dict[str, str] | None) -> list[str]:
    if answer is None:
        return ["    there is no answer"]
    return [
        f"    {name}: on disk {wanted.get(name, 'nothing')}, answered {answer.get(name, 'nothing')}"
        for name in sorted(wanted.keys() | answer.keys())
        if wanted.get(name) != answer.get(name)
    ]
