"""What the program has loaded, held against stamps and digests."""

from __future__ import annotations

from reloader_core.model import Stamp
from reloader_core.policy.snapshot import Judgement, Snapshot

OLD = Stamp(1, 10, 100, 1000, 1000)
NEW = Stamp(1, 10, 100, 2000, 2000)
OLDER = Stamp(1, 9, 100, 500, 500)


def loaded(*paths: str, stamp: Stamp | None = OLD) -> Snapshot:
    snapshot = Snapshot()
    snapshot.begin_program()
    for path in paths:
        snapshot.loaded(path, stamp)
    return snapshot


def test_the_stamp_it_was_loaded_with_is_no_change() -> None:
    assert loaded("a").judge("a", OLD) is Judgement.UNCHANGED


def test_any_other_stamp_is_a_change_also_an_older_one() -> None:
    assert loaded("a").judge("a", NEW) is Judgement.MODIFIED
    assert loaded("a").judge("a", OLDER) is Judgement.MODIFIED


def test_an_edit_that_only_a_later_process_of_the_program_has_is_a_change() -> None:
    snapshot = loaded("a")
    snapshot.loaded("a", NEW)
    assert snapshot.judge("a", NEW) is Judgement.MODIFIED


def test_a_later_process_that_misses_what_was_deleted_does_not_hide_it() -> None:
    snapshot = loaded("a")
    snapshot.loaded("a", None)
    assert snapshot.judge("a", None) is Judgement.DELETED


def test_a_file_that_was_missed_and_then_loaded_is_no_change() -> None:
    snapshot = loaded("a", stamp=None)
    snapshot.loaded("a", NEW)
    assert snapshot.judge("a", NEW) is Judgement.UNCHANGED


def test_the_first_report_counts_for_extra_files_too() -> None:
    snapshot = Snapshot()
    snapshot.extra("a", OLDER)
    snapshot.begin_program()
    snapshot.loaded("a", OLD)
    assert snapshot.judge("a", OLD) is Judgement.UNCHANGED
    snapshot.loaded("a", NEW)
    assert snapshot.judge("a", NEW) is Judgement.MODIFIED


def test_a_file_nobody_loaded_is_irrelevant() -> None:
    assert loaded("a").judge("b", NEW) is Judgement.IRRELEVANT
    assert loaded("a").judge_content("b", NEW, b"x") is Judgement.IRRELEVANT


def test_a_file_that_is_gone_is_deleted() -> None:
    assert loaded("a").judge("a", None) is Judgement.DELETED


def test_a_file_that_was_missed_is_created() -> None:
    snapshot = loaded("a", stamp=None)
    assert snapshot.judge("a", None) is Judgement.UNCHANGED
    assert snapshot.judge("a", NEW) is Judgement.CREATED


def test_known_content_makes_the_content_decide() -> None:
    snapshot = loaded("a")
    snapshot.learn_digest("a", OLD, b"content")
    assert snapshot.judge("a", NEW) is Judgement.NEEDS_DIGEST
    assert snapshot.judge_content("a", NEW, b"other") is Judgement.MODIFIED


def test_an_identical_save_is_accepted_with_its_new_stamp() -> None:
    snapshot = loaded("a")
    snapshot.learn_digest("a", OLD, b"content")
    assert snapshot.judge_content("a", NEW, b"content") is Judgement.UNCHANGED
    assert snapshot.judge("a", NEW) is Judgement.UNCHANGED


def test_content_of_another_state_is_not_taken_for_the_loaded_one() -> None:
    snapshot = loaded("a")
    snapshot.learn_digest("a", NEW, b"content")
    assert snapshot.judge("a", NEW) is Judgement.MODIFIED


def test_what_was_learned_is_kept_over_a_restart() -> None:
    snapshot = loaded("a")
    snapshot.learn_digest("a", OLD, b"content")
    snapshot.begin_program()
    snapshot.loaded("a", OLD)
    assert list(snapshot.iter_without_digest(["a"])) == []


def test_what_the_old_program_loaded_is_silent_while_a_new_one_runs() -> None:
    snapshot = loaded("a")
    snapshot.begin_program()
    assert snapshot.judge("a", NEW) is Judgement.IRRELEVANT
    snapshot.loaded("a", NEW)
    assert snapshot.judge("a", NEW) is Judgement.UNCHANGED


def test_what_the_old_program_loaded_speaks_while_none_runs() -> None:
    snapshot = loaded("a")
    snapshot.begin_program()
    snapshot.end_program()
    assert snapshot.judge("a", NEW) is Judgement.MODIFIED


def test_what_no_program_loads_any_more_is_forgotten() -> None:
    snapshot = loaded("a", "b")
    snapshot.learn_digest("b", OLD, b"content")
    snapshot.begin_program()
    snapshot.loaded("a", OLD)
    assert snapshot.drop_inherited() == {"b"}
    assert snapshot.paths() == {"a"}


def test_what_is_to_be_forgotten_is_forgotten_with_its_content() -> None:
    snapshot = loaded("a", "b")
    snapshot.learn_digest("a", OLD, b"content")
    snapshot.forget(["a", "unknown"])
    assert snapshot.paths() == {"b"}
    snapshot.loaded("a", OLD)
    assert list(snapshot.iter_without_digest(["a"])) == [("a", OLD)]


def test_an_extra_file_matters_whatever_is_loaded() -> None:
    snapshot = Snapshot()
    snapshot.extra("data", OLD)
    snapshot.begin_program()
    snapshot.begin_program()
    assert snapshot.drop_inherited() == set()
    assert snapshot.judge("data", NEW) is Judgement.MODIFIED


def test_an_extra_file_that_is_loaded_stays_extra() -> None:
    snapshot = Snapshot()
    snapshot.extra("a", OLD)
    snapshot.loaded("a", NEW)
    snapshot.begin_program()
    assert snapshot.judge("a", NEW) is Judgement.UNCHANGED


def test_a_loaded_file_can_become_extra_and_keeps_its_state() -> None:
    snapshot = loaded("a")
    snapshot.extra("a", NEW)
    assert snapshot.expected_stamp("a") == OLD


def test_a_change_that_was_acted_on_is_not_one_any_more() -> None:
    snapshot = loaded("a")
    snapshot.accept("a", NEW)
    snapshot.accept("unknown", NEW)
    assert snapshot.judge("a", NEW) is Judgement.UNCHANGED
    assert "unknown" not in snapshot


def test_files_below_a_directory_are_found_by_whole_names() -> None:
    snapshot = loaded("/a/b/x", "/a/bc/y", "/a/b/c/z")
    assert set(snapshot.iter_paths_below("/a/b", "/")) == {"/a/b/x", "/a/b/c/z"}


def test_files_whose_content_is_not_known_yet_are_named() -> None:
    snapshot = loaded("a", "b")
    snapshot.learn_digest("a", OLD, b"content")
    assert list(snapshot.iter_without_digest(["a", "b"])) == [("b", OLD)]


def test_missing_files_have_no_content_to_learn() -> None:
    snapshot = loaded("a", stamp=None)
    assert list(snapshot.iter_without_digest(["a", "unknown"])) == []
    assert snapshot.expected_stamp("unknown") is None


def test_a_file_that_was_read_before_it_was_imported_is_source() -> None:
    snapshot = loaded("a")
    assert not snapshot.is_source("a")
    snapshot.loaded("a", NEW, is_source=True)
    assert snapshot.is_source("a")
    assert snapshot.judge("a", OLD) is Judgement.UNCHANGED


def test_it_knows_how_many_files_matter() -> None:
    snapshot = Snapshot()
    assert len(snapshot) == 0
    snapshot.extra("a", None)
    snapshot.loaded("b", None)
    assert len(snapshot) == 2
