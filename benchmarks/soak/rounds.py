"""The soak: round after round, each until the program answers with what is on disk."""

from __future__ import annotations

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import attrs

from benchmarks.soak.account import describe_round
from benchmarks.soak.plan import Moment, Plan, Step, plan_round
from benchmarks.soak.project import Project
from benchmarks.soak.restarts import Restart, Worth, judge
from benchmarks.soak.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: For what a step waits for: the words of the program that tell of the moment. A program
#: that is stopped before it can say so is followed by the next one's first line.
_WORDS = {
    Moment.STARTING: (" start ",),
    Moment.HALFWAY: (" halfway",),
    Moment.STOPPING: (" stopping", " start "),
}


@attrs.frozen(kw_only=True)
class Outcome:
    """How a round ended.

    :ivar plan: what was done in it.
    :ivar lost: why it is lost; ``None`` if the program came to run what is on disk.
    :ivar restarts: the restarts in it.
    :ivar account: all that happened, for people.
    """

    plan: Plan
    lost: str | None
    restarts: tuple[Restart, ...]
    account: str

    def count(self, worth: Worth) -> int:
        """How many of its restarts were worth this."""
        return sum(restart.worth is worth for restart in self.restarts)


@attrs.frozen(kw_only=True)
class Soak:
    """What is soaked.

    :ivar backend: the ``reloader_type``.
    :ivar seed: of all plans.
    :ivar interval: seconds between two looks, for backends that look.
    :ivar deadline_seconds: a round is lost when the answer is wrong for this long.
    :ivar lanes: how many supervisors are soaked at a time, each with a project of its own.
    """

    backend: str
    seed: int
    interval: float = 0.1
    deadline_seconds: float = 20.0
    lanes: int = 1

    def run(self, numbers: Sequence[int], tell: Callable[[Outcome], None]) -> None:
        """Do rounds.

        :param numbers: of the rounds, in their order.
        :param tell: takes the outcomes as they come, one at a time.
        """
        with ThreadPoolExecutor(self.lanes) as lanes:
            is_over, turn = threading.Event(), threading.Lock()

            def take(outcome: Outcome) -> None:
                with turn:
                    tell(outcome)

            try:
                for lane in [
                    lanes.submit(self._run_lane, numbers[first :: self.lanes], take, is_over)
                    for first in range(self.lanes)
                ]:
                    lane.result()
            finally:
                is_over.set()

    def _run_lane(
        self,
        numbers: Sequence[int],
        tell: Callable[[Outcome], None],
        is_over: threading.Event,
    ) -> None:
        """Do rounds in a fresh directory. After a lost one the supervisor is started anew."""
        with tempfile.TemporaryDirectory(prefix="soak ") as base:
            project = Project(base)
            session = self._start(project)
            try:
                for number in numbers:
                    if is_over.is_set():
                        break
                    outcome = Round(self, project, session, plan_round(self.seed, number)).run()
                    tell(outcome)
                    if outcome.lost is not None:
                        session.close()
                        # Bytecode that is stale would be believed by the next one, too.
                        project.remove_bytecode()
                        session = self._start(project)
            finally:
                session.close()

    def _start(self, project: Project) -> Session:
        project.set_pauses(0.0, 0.0)
        session = Session(project, self.backend, self.interval)
        wanted = project.answer()
        deadline = time.monotonic() + self.deadline_seconds
        if session.wait_for_answer(wanted, deadline) != wanted:
            session.close()
            said = "\n".join(line.text for line in session.lines)
            raise RuntimeError(f"the first start failed:\n{said}")
        return session


class Round:
    """One round, with where the session was when it began."""

    def __init__(self, soak: Soak, project: Project, session: Session, plan: Plan) -> None:
        self._soak = soak
        self._project = project
        self._session = session
        self._plan = plan
        self._first_line = len(session.lines)
        self._first_run = len(session.runs) - 1
        self._answer: dict[str, str] | None = None

    def run(self) -> Outcome:
        """Do the steps, wait for the answer, and judge the restarts."""
        self._project.begin_round(self._plan.number)
        self._project.set_pauses(self._plan.start_pause_seconds, self._plan.stop_pause_seconds)
        lost = self._do_steps() or self._await_answer()
        restarts = self._judge()
        account = ""
        if lost is not None or any(restart.worth is not Worth.NEEDED for restart in restarts):
            account = describe_round(
                settings=self._soak,
                plan=self._plan,
                lost=lost,
                restarts=restarts,
                history=self._project.history,
                lines=self._session.lines[self._first_line :],
                wanted=self._project.answer(),
                answer=self._answer,
            )
        return Outcome(plan=self._plan, lost=lost, restarts=tuple(restarts), account=account)

    def _deadline(self) -> float:
        return time.monotonic() + self._soak.deadline_seconds

    def _do_steps(self) -> str | None:
        said = len(self._session.lines)
        for step in self._plan.steps:
            if step.moment is not Moment.AFTER and not self._session.wait_for_line(
                _WORDS[step.moment], start=said, deadline=self._deadline()
            ):
                return self._why(f"no program said it was {step.moment.value}")
            said = len(self._session.lines)
            self._do(step)
        return None

    def _do(self, step: Step) -> None:
        time.sleep(step.pause_seconds)
        self._project.begin_act(step.name)
        step.act(self._project, Random(step.seed))

    def _await_answer(self) -> str | None:
        self._project.note("the last edit is done")
        wanted, deadline = self._project.answer(), self._deadline()
        self._answer = self._session.wait_for_answer(wanted, deadline)
        if self._answer != wanted:
            return self._why("the answer is not what is on disk")
        self._project.note("the answer is right")
        if self._plan.is_settled:
            if not self._session.let_the_canary_sing(deadline):
                return self._why("the change of an extra file was not noticed")
            self._answer = self._session.wait_for_answer(wanted, deadline)
            if self._answer != wanted:
                return self._why("the answer is no longer what is on disk")
        return None

    def _why(self, what: str) -> str:
        code = self._session.exit_code
        return what if code is None else f"the supervisor ended with {code}"

    def _judge(self) -> list[Restart]:
        return judge(
            self._session.runs[self._first_run :],
            self._project.saves,
            self._project.acts,
            self._session.take_unseen(self._first_line),
        )
