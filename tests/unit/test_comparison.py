"""From hints to changes that are acted on, on a disk in memory."""

from __future__ import annotations

import pytest

from reloader_core.model import ChangeKind
from reloader_core.policy.comparison import Comparison
from reloader_core.policy.parking import Lock, Parking
from reloader_core.policy.settle import (
    LOCK_LOOK_SECONDS,
    LONGEST_LOCK_SECONDS,
    OUT_OF_REACH_SECONDS,
    TICK_SECONDS,
    WHOLE_SECONDS_TICK_SECONDS,
    WRITER_LOOK_SECONDS,
    Doubt,
    patience_seconds,
)
from reloader_core.policy.snapshot import Snapshot
from tests.unit.fake_disk import FakeDisk

PATHS = ("a", "b")


class Bench:
    """A program that has loaded ``a`` and ``b``, whose content is known."""

    def __init__(self) -> None:
        self.disk = FakeDisk()
        self.snapshot = Snapshot()
        self.comparison = Comparison(self.snapshot, self.disk)
        self.now = 100.0
        self.snapshot.begin_program()
        for path in PATHS:
            self.disk.write(path, "one")
            self.load(path)

    def load(self, path: str) -> None:
        self.snapshot.loaded(path, self.disk.stamp_of(path), is_source=True)
        if (content := self.disk.digest_of(path)) is not None:
            self.snapshot.learn_digest(path, *content)

    def hint(self, *paths: str, is_being_written: bool = False) -> None:
        self.comparison.compare(paths, self.now, self.now, is_being_written=is_being_written)

    def wait(self, seconds: float) -> None:
        """Let time pass, with each look made when it is due."""
        end = self.now + seconds
        while (due := self.comparison.next_due(self.now)) is not None and due <= end:
            self.now = max(due, self.now)
            self.comparison.compare_due(self.now)
            if due <= self.now == end:
                break
        self.now = end
        self.comparison.compare_due(self.now)

    def on_hold(self) -> list[str]:
        return [change.path for change in self.comparison.held_changes]

    def taken(self) -> dict[str, ChangeKind]:
        batch = self.comparison.take()
        return {} if batch is None else {change.path: change.kind for change in batch.changes}


def test_a_difference_is_believed_at_once_and_handed_out_once() -> None:
    bench = Bench()
    bench.disk.write("a", "two")
    bench.hint("a", "unknown")
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    bench.hint("a")
    assert bench.taken() == {}


def test_an_identical_save_is_no_change() -> None:
    bench = Bench()
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.wait(1.0)
    assert bench.taken() == {}
    assert bench.comparison.next_due(bench.now) is None


def test_a_second_save_within_the_tick_of_an_identical_one_is_noticed() -> None:
    bench = Bench()
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.disk.write_within_tick("a", "two")
    bench.hint("a")
    assert bench.taken() == {}
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_repair_within_the_tick_of_the_fault_is_noticed() -> None:
    bench = Bench()
    bench.disk.write("a", "!wo")
    bench.hint("a")
    bench.disk.write_within_tick("a", "two")
    assert bench.taken() == {}
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_what_is_judged_after_its_tick_may_have_changed_again_or_be_gone() -> None:
    bench = Bench()
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.disk.write("a", "two")
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    bench.disk.write("b", "one")
    bench.hint("b")
    bench.snapshot.begin_program()
    bench.snapshot.drop_inherited()
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {}


def test_what_cannot_be_read_after_its_tick_is_left_as_it_was() -> None:
    bench = Bench()
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.disk.files["a"].is_readable = False
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {}


def test_a_deleted_file_is_believed_when_it_does_not_come_back() -> None:
    bench = Bench()
    bench.disk.delete("a")
    bench.hint("a")
    assert bench.taken() == {}
    assert bench.comparison.is_unsettled
    bench.wait(patience_seconds(Doubt.DELETED))
    assert bench.taken() == {"a": ChangeKind.DELETED}


def test_a_file_that_comes_back_at_once_was_only_saved() -> None:
    bench = Bench()
    bench.disk.delete("a")
    bench.hint("a")
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.wait(1.0)
    assert bench.taken() == {}


def test_a_file_that_appears_is_created() -> None:
    bench = Bench()
    bench.snapshot.loaded("new", None, is_source=True)
    bench.disk.write("new", "")
    bench.hint("new")
    assert bench.taken() == {"new": ChangeKind.CREATED}


def test_an_emptied_file_is_given_time_to_be_filled() -> None:
    bench = Bench()
    bench.disk.write("a", "")
    bench.hint("a")
    assert bench.taken() == {}
    bench.wait(patience_seconds(Doubt.EMPTIED))
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_file_is_not_believed_while_its_writer_is_at_it() -> None:
    bench = Bench()
    for text in ("t", "tw", "two"):
        bench.disk.write("a", text, has_writer=True)
        bench.hint("a", is_being_written=True)
        bench.wait(5.0)
        assert bench.taken() == {}
    bench.disk.close("a")
    bench.wait(WRITER_LOOK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_writer_that_writes_nothing_more_is_not_waited_for_for_ever() -> None:
    bench = Bench()
    bench.disk.write("a", "two", has_writer=True)
    bench.hint("a")
    bench.wait(patience_seconds(Doubt.WRITER) + WRITER_LOOK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_where_writers_are_unknown_the_backends_word_is_believed_for_a_while() -> None:
    bench = Bench()
    bench.disk.knows_writers = False
    bench.disk.write("a", "tw")
    bench.hint("a", is_being_written=True)
    bench.wait(patience_seconds(Doubt.UNKNOWN_WRITER))
    assert bench.taken() == {}
    bench.wait(patience_seconds(Doubt.SAID_TO_BE_WRITTEN))
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    bench.disk.write("b", "two")
    bench.hint("b")
    assert bench.taken() == {}
    bench.wait(patience_seconds(Doubt.UNKNOWN_WRITER))
    assert bench.taken() == {"b": ChangeKind.MODIFIED}


def test_no_change_is_handed_out_while_another_source_is_half_done() -> None:
    bench = Bench()
    bench.disk.write("a", "two")
    bench.disk.write("b", "t", has_writer=True)
    bench.hint("a", "b")
    assert bench.taken() == {}
    bench.disk.write("b", "two")
    bench.hint("b")
    assert set(bench.taken()) == {"a", "b"}


def test_data_that_is_always_being_written_holds_nothing_up() -> None:
    bench = Bench()
    bench.disk.write("log", "line")
    bench.snapshot.extra("log", bench.disk.stamp_of("log"))
    bench.disk.write("log", "line line", has_writer=True)
    bench.disk.write("a", "two")
    bench.hint("log", "a")
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_source_that_does_not_compile_holds_everything_until_it_does() -> None:
    bench = Bench()
    bench.disk.write("a", "!")
    bench.disk.write("b", "two")
    bench.hint("a", "b", "a")
    assert bench.taken() == {}
    assert [fault.path for fault in bench.comparison.faults] == ["a"]
    assert bench.comparison.held_paths == ("a", "b")
    bench.wait(1.0)
    assert bench.taken() == {}
    bench.disk.write("a", "three")
    bench.hint("a")
    assert set(bench.taken()) == {"a", "b"}


def test_a_fault_that_is_undone_leaves_nothing_to_do() -> None:
    bench = Bench()
    bench.disk.write("a", "!")
    bench.hint("a")
    bench.disk.write("a", "one")
    bench.hint("a")
    assert bench.comparison.faults == ()
    assert bench.taken() == {}


def test_a_program_that_starts_anyhow_has_what_was_held() -> None:
    bench = Bench()
    bench.disk.write("a", "!")
    bench.hint("a")
    bench.comparison.begin_program()
    assert bench.comparison.faults == ()
    bench.hint("a")
    assert bench.taken() == {}


def test_a_program_that_starts_has_what_was_in_doubt() -> None:
    bench = Bench()
    bench.snapshot.extra("b", None)
    bench.disk.delete("b")
    bench.hint("b")
    bench.comparison.begin_program()
    bench.snapshot.begin_program()
    bench.wait(1.0)
    bench.hint("b")
    assert bench.taken() == {}
    bench.disk.write("b", "one")
    bench.hint("b")
    assert bench.taken() == {"b": ChangeKind.CREATED}


def test_the_directory_of_the_program_is_handed_out_like_a_file() -> None:
    bench = Bench()
    bench.comparison.find_directory("here", bench.now)
    assert bench.taken() == {"here": ChangeKind.CREATED}


def test_nothing_is_compared_while_version_control_is_at_work() -> None:
    bench = Bench()
    bench.disk.lock = Lock("index.lock", (1, 1))
    bench.disk.write("a", "two")
    bench.hint("a", "b")
    bench.wait(3.0)
    assert bench.comparison.is_unsettled
    assert [lock.path for lock in bench.comparison.parking.locks] == ["index.lock"]
    assert bench.taken() == {}
    bench.disk.lock = None
    bench.wait(LOCK_LOOK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_all_that_version_control_did_is_found_when_it_is_done() -> None:
    bench = Bench()
    bench.disk.lock = Lock("index.lock", (1, 1))
    for path in PATHS:
        bench.disk.write(path, "two")
    bench.hint("a")
    bench.disk.lock = None
    bench.wait(LOCK_LOOK_SECONDS)
    assert set(bench.taken()) == set(PATHS)


def test_a_second_lock_is_waited_for_as_well() -> None:
    bench = Bench()
    bench.disk.lock = Lock("index.lock", (1, 1))
    bench.disk.write("a", "two")
    bench.hint("a")
    bench.disk.lock = Lock("index.lock", (1, 2))
    bench.wait(1.0)
    assert bench.taken() == {}
    bench.disk.lock = None
    bench.wait(LOCK_LOOK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_lock_that_stays_is_abandoned_but_not_the_next_one() -> None:
    bench = Bench()
    bench.disk.lock = Lock("index.lock", (1, 1))
    bench.disk.write("a", "two")
    bench.hint("a")
    bench.wait(LONGEST_LOCK_SECONDS + LOCK_LOOK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    assert [lock.path for lock in bench.comparison.parking.abandoned_locks] == ["index.lock"]
    bench.disk.write("a", "three")
    bench.hint("a")
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    bench.disk.lock = None
    bench.hint("a")
    assert bench.comparison.parking.abandoned_locks == ()
    bench.disk.lock = Lock("index.lock", (1, 1))
    bench.disk.write("a", "four")
    bench.hint("a")
    assert bench.taken() == {}


def test_an_abandoned_lock_is_not_waited_for_because_of_files_elsewhere() -> None:
    lock = Lock("index.lock", (1, 1))
    parking = Parking(lambda path: lock if path == "a" else None)
    assert parking.take_in("a", 0.0, 0.0)
    assert parking.let_go(LONGEST_LOCK_SECONDS) == {"a": 0.0}
    assert not parking.take_in("elsewhere", 20.0, 20.0)
    assert not parking.take_in("a", 20.0, 20.0)


def test_a_file_that_only_became_unreadable_is_no_change() -> None:
    bench = Bench()
    stamp = bench.disk.files["a"].stamp
    bench.disk.files["a"].stamp = stamp._replace(ctime_ns=stamp.ctime_ns + 1)
    bench.disk.files["a"].is_readable = False
    bench.hint("a")
    bench.wait(1.0)
    assert bench.taken() == {}
    bench.disk.files["a"].stamp = stamp._replace(mtime_ns=stamp.mtime_ns + 1)
    bench.hint("a")
    bench.wait(1.0)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


# A server that is away


@pytest.mark.parametrize("answers", range(4))
def test_what_is_out_of_reach_is_no_change_and_is_asked_for_later(answers: int) -> None:
    """Whichever question is the first one without an answer."""
    bench = Bench()
    bench.disk.write("a", "two")
    bench.disk.answers = answers
    bench.hint("a")
    assert bench.taken() == {}
    assert not bench.comparison.is_unsettled
    bench.disk.answers = 0
    bench.wait(OUT_OF_REACH_SECONDS)
    assert bench.taken() == {}
    bench.disk.answers = None
    bench.wait(OUT_OF_REACH_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_server_that_comes_back_with_the_same_content_is_no_change() -> None:
    bench = Bench()
    bench.disk.answers = 0
    bench.hint("a", "b")
    bench.disk.answers = None
    bench.disk.write("a", "one")  # with another stamp, as after a failover
    bench.wait(OUT_OF_REACH_SECONDS)
    assert bench.taken() == {}
    assert bench.comparison.next_due(bench.now + 1.0) is not None
    bench.wait(1.0)
    assert bench.comparison.next_due(bench.now) is None


def test_a_server_may_go_away_while_a_file_is_in_doubt() -> None:
    bench = Bench()
    bench.disk.delete("a")
    bench.hint("a")
    bench.disk.answers = 0
    bench.wait(patience_seconds(Doubt.DELETED))
    assert not bench.comparison.is_unsettled
    bench.disk.answers = None
    bench.wait(OUT_OF_REACH_SECONDS + patience_seconds(Doubt.DELETED))
    assert bench.taken() == {"a": ChangeKind.DELETED}


def test_a_server_may_be_away_when_a_tick_is_over() -> None:
    bench = Bench()
    bench.disk.write("a", "one")
    bench.hint("a")
    bench.disk.write_within_tick("a", "two")
    bench.disk.answers = 0
    bench.wait(TICK_SECONDS)
    assert bench.taken() == {}
    bench.disk.answers = None
    bench.wait(OUT_OF_REACH_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


# A file system that keeps whole seconds


def test_a_second_edit_in_the_same_second_is_noticed_when_it_is_over() -> None:
    bench = Bench()
    bench.disk.tick_ns = 1_000_000_000
    bench.disk.write("a", "two")
    bench.hint("a")
    assert bench.taken() == {"a": ChangeKind.MODIFIED}
    bench.snapshot.begin_program()
    bench.load("a")
    bench.disk.write_within_tick("a", "six")
    bench.hint("a")
    assert bench.taken() == {}
    bench.wait(WHOLE_SECONDS_TICK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_an_edit_in_the_second_of_the_first_start_is_noticed_when_it_is_over() -> None:
    bench = Bench()
    bench.snapshot.begin_program()
    for path, tick_ns in (("a", 1_000_000_000), ("b", 1)):
        bench.disk.tick_ns = tick_ns
        bench.disk.write(path, "two")
        bench.load(path)
        bench.comparison.judge_after_tick(path, bench.now)
    bench.comparison.judge_after_tick("unknown", bench.now)
    bench.disk.write_within_tick("a", "six")
    bench.hint("a")
    assert bench.taken() == {}
    bench.wait(WHOLE_SECONDS_TICK_SECONDS)
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_what_is_on_hold_is_told_and_handed_out_after_the_hold() -> None:
    bench = Bench()
    bench.comparison.is_on_hold = True
    assert bench.on_hold() == []
    bench.disk.write("a", "two")
    bench.hint("a")
    assert bench.taken() == {}
    assert bench.on_hold() == ["a"]
    bench.comparison.is_on_hold = False
    assert bench.on_hold() == []
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_what_is_undone_on_hold_is_no_change() -> None:
    bench = Bench()
    bench.comparison.is_on_hold = True
    for content in ("two", "one"):
        bench.disk.write("a", content)
        bench.hint("a")
    bench.comparison.is_on_hold = False
    assert bench.taken() == {}


def test_what_does_not_compile_waits_for_that_and_not_for_the_hold() -> None:
    bench = Bench()
    bench.comparison.is_on_hold = True
    bench.disk.write("a", "!")
    bench.hint("a")
    assert bench.comparison.faults
    assert bench.on_hold() == []


def test_what_the_supervisor_itself_has_read_is_not_a_new_programs() -> None:
    bench = Bench()
    bench.comparison.own = frozenset({"a"})
    for path in PATHS:
        bench.disk.write(path, "two")
    bench.hint(*PATHS)
    bench.comparison.begin_program()
    assert bench.taken() == {"a": ChangeKind.MODIFIED}


def test_a_doubt_about_it_is_not_forgotten_either() -> None:
    bench = Bench()
    bench.comparison.own = frozenset({"a"})
    for path in PATHS:
        bench.disk.delete(path)
    bench.hint(*PATHS)
    bench.comparison.begin_program()
    bench.wait(1.0)
    assert bench.taken() == {"a": ChangeKind.DELETED}
