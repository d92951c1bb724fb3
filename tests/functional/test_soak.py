"""A short soak of each backend, and what it tells of restarts."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from benchmarks.soak.layout import PIECES, Form, content, halves
from benchmarks.soak.plan import ACTS, plan_round
from benchmarks.soak.project import Save
from benchmarks.soak.restarts import Run, Worth, judge
from benchmarks.soak.rounds import Outcome, Soak

#: With this seed they have edits at all moments, and a burst of ten.
ROUNDS = 12
SEED = 310

ALIKE = {"app": "r1", "plain": "r1"}
EDITED = {"app": "r1", "plain": "r2"}


def installed_backends() -> list[str]:
    names = {point.name for point in entry_points(group="reloader.backends")}
    return sorted(names & {"stat", "inotify", "watchdog"})


@pytest.mark.endurance
@pytest.mark.parametrize("backend", installed_backends())
def test_the_program_always_comes_to_run_what_is_on_disk(backend: str) -> None:
    outcomes: list[Outcome] = []
    soak = Soak(backend=backend, seed=SEED, lanes=2)
    soak.run(range(1, ROUNDS + 1), outcomes.append)
    assert len(outcomes) == ROUNDS
    lost = [outcome.account for outcome in outcomes if outcome.lost is not None]
    assert not lost, "\n".join(lost)


def test_the_same_seed_makes_the_same_edits() -> None:
    assert [plan_round(1, number) for number in range(200)] == [
        plan_round(1, number) for number in range(200)
    ]
    assert plan_round(1, 1).steps != plan_round(2, 1).steps


def test_every_edit_is_made_sooner_or_later() -> None:
    made = {step.name for number in range(1000) for step in plan_round(1, number).steps}
    assert made == set(ACTS)


def test_half_a_file_is_valid_and_wrong() -> None:
    for piece in PIECES.values():
        if piece.form in (Form.MODULE, Form.SCRIPT):
            compile(halves(piece, "r1")[0], piece.path, "exec")
            compile(content(piece, "r1"), piece.path, "exec")


def run(pid: int, began_at: float, values: dict[str, str]) -> Run:
    return Run(pid=pid, began_at=began_at, values=values)


def worth(runs: list[Run], saves: list[Save]) -> list[Worth]:
    acts = [(0.0, "making it"), *((save.began_at, "edit") for save in saves[1:])]
    return [restart.worth for restart in judge(runs, saves, acts)]


START = Save(began_at=0.0, ended_at=1.0, after=ALIKE)
EDIT = Save(began_at=10.0, ended_at=12.0, after=EDITED)


def test_a_restart_into_other_code_is_needed() -> None:
    assert worth([run(1, 2.0, ALIKE), run(2, 13.0, EDITED)], [START, EDIT]) == [Worth.NEEDED]


def test_a_restart_into_the_same_code_is_needless() -> None:
    touch = Save(began_at=10.0, ended_at=10.0, after=ALIKE)
    assert worth([run(1, 2.0, ALIKE), run(2, 13.0, ALIKE)], [START, touch]) == [Worth.NEEDLESS]


def test_a_restart_in_the_middle_of_a_save_is_early() -> None:
    runs = [run(1, 2.0, ALIKE), run(2, 11.0, ALIKE | {"plain": "h2"}), run(3, 12.5, EDITED)]
    assert worth(runs, [START, EDIT]) == [Worth.EARLY, Worth.NEEDED]


def test_a_program_that_runs_what_a_save_left_was_not_early() -> None:
    later = Save(began_at=20.0, ended_at=20.0, after=EDITED | {"settings": "r3"})
    runs = [run(1, 2.0, ALIKE), run(2, 11.0, EDITED | {"settings": "r3"})]
    assert worth(runs, [START, EDIT, later]) == [Worth.NEEDED]


def test_a_restart_into_code_that_does_not_compile_is_early() -> None:
    failed = run(2, 13.0, {"app": "r1"})
    failed.hear("failed", "SyntaxError")
    runs = [run(1, 2.0, ALIKE), failed, run(3, 14.0, EDITED)]
    assert worth(runs, [START, EDIT]) == [Worth.EARLY, Worth.NEEDED]


def test_a_program_stopped_before_it_loaded_anything_old_was_replaced_needlessly() -> None:
    runs = [run(1, 2.0, ALIKE), run(2, 13.0, {"app": "r1"}), run(3, 14.0, EDITED)]
    assert worth(runs, [START, EDIT]) == [Worth.NEEDED, Worth.NEEDLESS]


def test_a_file_being_loaded_counts_with_what_it_held_before() -> None:
    loading = run(2, 9.0, {"app": "r1"})
    loading.hear("loading", "plain")
    runs = [run(1, 2.0, {"app": "r1", "plain": "r0"}), loading, run(3, 14.0, EDITED)]
    assert worth(runs, [START, EDIT]) == [Worth.NEEDED, Worth.NEEDED]


def test_an_extra_file_counts_with_what_it_held_when_the_program_began() -> None:
    created = Save(began_at=10.0, ended_at=12.0, after=ALIKE | {"settings": "r2"})
    values = ALIKE | {"settings": "r2"}
    runs = [run(1, 9.0, values), run(2, 13.0, values)]
    assert worth(runs, [START, created]) == [Worth.NEEDED]
