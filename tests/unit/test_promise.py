"""The promise, for any order of edits, reports, exits and clock ticks.

The pure parts are wired as the supervisor wires them; disk, program and clock are
models. After everything has come to rest, the program that is left running runs
the code on disk; and none was stopped for nothing.
"""

from __future__ import annotations

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from reloader_core.model import Stamp
from reloader_core.policy import lifecycle as lc
from reloader_core.policy.comparison import Comparison
from reloader_core.policy.parking import Lock
from reloader_core.policy.snapshot import Snapshot
from tests.unit.fake_disk import BROKEN, FakeDisk

PATHS = ("a", "b")
GRACE = 5.0
TICK = 0.010

paths = st.sampled_from(PATHS)
contents = st.sampled_from(["one", "two", "!ne", ""])
Report = tuple[str, Stamp | None, str | None]


@attrs.define
class Program:
    """A process that loads its files one after the other and reports each."""

    pid: int
    to_load: list[str]
    loaded: dict[str, str | None] = attrs.field(factory=dict)
    reports: list[Report] = attrs.field(factory=list)


class AnyEdits(RuleBasedStateMachine):
    """Arbitrary interleavings."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.disk = FakeDisk()
        self.written_at: dict[str, float] = {}
        for path in PATHS:
            self.save(path, "one")
        self.snapshot = Snapshot()
        self.comparison = Comparison(self.snapshot, self.disk)
        self.state: lc.State = lc.Idle()
        self.program: Program | None = None
        self.was_complete = True
        self.has_met_fault = False
        self.pids = 0
        self.is_unsettled = False
        self.must_give = False
        self.watched: set[str] = set()
        self.hints: list[str] = []
        self.has_overflowed = False
        # Paths whose content has differed from what the running program has of them.
        self.differed: set[str] = set()
        self.known: set[str] = set()
        self.send(lc.Begin())
        self.everything_comes_to_rest()

    # The supervisor

    def send(self, event: lc.Event) -> None:
        self.state, effects = lc.step(self.state, event)
        for effect in effects:
            if isinstance(effect, lc.Spawn):
                self.spawn()
            elif isinstance(effect, lc.AwaitChange):
                self.snapshot.end_program()
                self.comparison.compare(self.snapshot.paths(), self.now, self.now)
                self.must_give = True
            elif isinstance(effect, lc.Kill):
                self.exit(-9)

    def spawn(self) -> None:
        if self.was_complete:
            self.snapshot.drop_inherited()
        self.comparison.begin_program()
        self.snapshot.begin_program()
        self.pids += 1
        self.program = Program(pid=self.pids, to_load=list(PATHS))
        self.differed.clear()
        self.known.clear()
        self.send(lc.Spawned(pid=self.pids, now=self.now))

    def exit(self, code: int, *, has_crashed: bool = False) -> None:
        program, self.program = self.program, None
        assert program is not None
        self.take_reports(program)
        self.was_complete = not program.to_load and not has_crashed
        self.has_met_fault = has_crashed
        exited = lc.Exited(pid=program.pid, now=self.now, returncode=code, has_crashed=has_crashed)
        self.send(exited)
        if self.must_give:
            self.must_give = False
            self.give()

    def give(self) -> None:
        batch = self.comparison.take()
        if batch is not None:
            if isinstance(self.state, lc.Running):
                needed = [path for path in batch.paths if path in self.differed]
                unknown = [path for path in batch.paths if path not in self.known]
                assert needed or unknown, f"{batch.paths} did not change"
            self.send(
                lc.ReloadWanted(now=self.now, grace_seconds=GRACE, paths=frozenset(batch.paths))
            )
        if self.comparison.is_unsettled != self.is_unsettled:
            self.is_unsettled = self.comparison.is_unsettled
            until = self.now + 10.0 if self.is_unsettled else self.now
            self.send(lc.ChangesExpected(until=until))

    def compare(self, *which: str) -> None:
        self.comparison.compare(which, self.now, self.now)
        self.give()

    def take_reports(self, program: Program) -> None:
        reports, program.reports = program.reports, []
        for path, stamp, _ in reports:
            self.snapshot.loaded(path, stamp, is_source=True)
            self.watched.add(path)
        for path, stamp, content in reports:
            if self.disk.is_away:
                continue  # as far as it is read later, nothing else is different
            if stamp is not None and self.disk.stamp_of(path) == stamp:
                now = self.disk.digest_of(path)
                assert now is not None
                self.snapshot.learn_digest(path, *now)
                assert now[1] == (content or "").encode()
                self.known.add(path)
            self.compare(path)

    # The disk

    def save(self, path: str, content: str, *, has_writer: bool = False) -> None:
        self.disk.write(path, content, has_writer=has_writer)
        self.written_at[path] = self.now

    def noted(self, path: str) -> None:
        """The backend hints at a change of what it watches."""
        if path in self.watched:
            self.hints.append(path)
        program = self.program
        loaded = {} if program is None else program.loaded
        if path in loaded and loaded[path] != self.disk.content(path):
            self.differed.add(path)

    @rule(path=paths, content=contents)
    def edit(self, path: str, content: str) -> None:
        self.save(path, content)
        self.noted(path)

    @rule(path=paths)
    def delete(self, path: str) -> None:
        self.disk.delete(path)
        self.noted(path)

    @rule(path=paths)
    def touch(self, path: str) -> None:
        if (content := self.disk.content(path)) is not None:
            self.save(path, content)
            self.noted(path)

    @rule(path=paths, first=contents, second=contents, is_noticed=st.booleans())
    def edit_twice_within_a_tick(
        self, path: str, first: str, second: str, is_noticed: bool
    ) -> None:
        """The stamp stays what it was."""
        self.edit(path, first)
        if is_noticed:
            self.hint()
        if len(first) == len(second):
            self.disk.write_within_tick(path, second)
            self.noted(path)
            if is_noticed:
                self.hint()

    @rule(path=paths, content=contents)
    def begin_to_write(self, path: str, content: str) -> None:
        self.save(path, content[:1], has_writer=True)
        self.noted(path)

    @rule(path=paths, content=contents)
    def finish_writing(self, path: str, content: str) -> None:
        file = self.disk.files.get(path)
        if file is not None and file.has_writer:
            self.save(path, content)
            self.noted(path)

    @rule()
    def lock(self) -> None:
        self.disk.lock = Lock("index.lock", (1, self.pids))

    @rule()
    def unlock(self) -> None:
        self.disk.lock = None

    @rule(is_on_hold=st.booleans())
    def hold(self, is_on_hold: bool) -> None:
        self.comparison.is_on_hold = is_on_hold
        self.give()

    @rule()
    def go_away(self) -> None:
        self.disk.answers = 0

    @rule()
    def come_back(self) -> None:
        self.disk.answers = None

    # The backend

    @rule()
    def hint(self) -> None:
        if self.has_overflowed:
            self.has_overflowed = False
            self.compare(*self.snapshot.paths())
        hints, self.hints = self.hints, []
        self.compare(*hints)

    @rule()
    def overflow(self) -> None:
        self.hints.clear()
        self.has_overflowed = True

    # The clock

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.006, 0.02, 0.2, 1.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.comparison.compare_due(self.now)
        self.give()
        if not isinstance(self.state, lc.Ended):
            self.send(lc.TimePassed(now=self.now))

    # The program

    @rule(steps=st.integers(1, 6))
    def go_on(self, steps: int) -> None:
        """What happens most of the time: hints are taken, the program loads and reports."""
        for _ in range(steps):
            self.hint()
            if self.program is not None and self.program.to_load:
                self.load()
            if self.program is not None:
                self.report()
            self.wait(0.02)

    @precondition(lambda self: self.program is not None and self.program.to_load)
    @rule()
    def load(self) -> None:
        program = self.program
        assert program is not None
        path = program.to_load[0]
        if self.disk.is_away or self.now - self.written_at[path] < TICK:
            return  # the agent waits for the tick to be over
        del program.to_load[0]
        content = self.disk.content(path)
        program.loaded[path] = content
        program.reports.append((path, self.disk.stamp_of(path), content))
        if content is not None and content.startswith(BROKEN):
            self.exit(1, has_crashed=True)

    @precondition(lambda self: self.program is not None)
    @rule()
    def report(self) -> None:
        assert self.program is not None
        self.take_reports(self.program)

    @precondition(lambda self: isinstance(self.state, lc.Stopping))
    @rule()
    def stop(self) -> None:
        self.exit(-15)

    @precondition(lambda self: isinstance(self.state, lc.Running))
    @rule(code=st.sampled_from([3, -11]))
    def end_by_itself(self, code: int) -> None:
        self.exit(code)

    # The promise

    def teardown(self) -> None:
        self.everything_comes_to_rest()

    @rule()
    def everything_comes_to_rest(self) -> None:
        self.unlock()
        self.hold(is_on_hold=False)
        self.come_back()
        for path, file in list(self.disk.files.items()):
            if file.has_writer:
                self.save(path, file.content)
                self.noted(path)
        for _ in range(60):
            self.hint()
            if self.program is not None:
                if isinstance(self.state, lc.Stopping):
                    self.stop()
                elif self.program.to_load:
                    self.load()
            if self.program is not None:
                self.report()
            self.wait(0.2)
        on_disk = {path: self.disk.content(path) for path in PATHS}
        is_broken = any((content or "").startswith(BROKEN) for content in on_disk.values())
        if isinstance(self.state, lc.Waiting):
            assert is_broken or not self.has_met_fault, "it was repaired, and nobody noticed"
            return
        assert isinstance(self.state, lc.Running), self.state
        if not is_broken:
            assert self.program is not None
            assert self.program.loaded == on_disk


TestAnyEdits = AnyEdits.TestCase
TestAnyEdits.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
