"""Which of the files that a program opens are watched."""

from __future__ import annotations

from reloader_core.agent import LoadedKind
from reloader_core.agent.protocol import Loaded, Record, Written
from reloader_core.config.schema import Configuration
from reloader_core.model import Change, ChangeBatch, ChangeKind, Stamp
from reloader_core.supervisor.watch.opened_files import OpenedFiles

STAMP = Stamp(1, 2, 3, 4, 5)


def opened(path: str) -> Loaded:
    return Loaded(path, STAMP, LoadedKind.OPENED)


def loaded(path: str) -> Loaded:
    return Loaded(path, STAMP, LoadedKind.SOURCE)


def make(*, exclude: tuple[str, ...] = (), extra: str = "") -> OpenedFiles:
    configuration = Configuration(project_root="/p", exclude_patterns=exclude)
    return OpenedFiles(configuration, is_extra=lambda path: path == extra)


def watched(files: OpenedFiles, *records: Record) -> list[str]:
    files.learn(records)
    return [
        record.path for record in records if isinstance(record, Loaded) and files.is_watched(record)
    ]


def changes(files: OpenedFiles, *paths: str) -> tuple[str, ...]:
    batch = ChangeBatch(
        changes=tuple(Change(path=path, kind=ChangeKind.MODIFIED) for path in paths), noticed_at=0.0
    )
    left = files.leave_out_written(batch)
    return left.paths if left else ()


def test_what_is_opened_is_watched() -> None:
    assert watched(make(), opened("/p/a.txt"), opened("/p/b/c.html")) == ["/p/a.txt", "/p/b/c.html"]


def test_what_is_excluded_by_default_or_by_the_user_is_not() -> None:
    records = [opened(f"/p/{name}") for name in (".git/HEAD", ".venv/x.pem", "a.log", "a.txt")]
    assert watched(make(exclude=("*.log",)), *records) == ["/p/a.txt"]
    assert watched(make(exclude=("!.venv",)), *records)[0] == "/p/.venv/x.pem"


def test_the_default_exclusions_do_not_concern_what_is_loaded() -> None:
    assert watched(make(), loaded("/p/.venv/a.py")) == ["/p/.venv/a.py"]


def test_what_is_written_at_any_time_is_not_watched() -> None:
    files = make()
    assert watched(files, opened("/p/a"), Written("/p/a")) == []
    assert watched(files, Written("/p/b")) == []
    assert watched(files, opened("/p/b")) == []


def test_what_was_watched_and_is_written_is_to_be_forgotten() -> None:
    files = make()
    assert watched(files, opened("/p/a"), opened("/p/b"))
    assert files.learn([Written("/p/a"), Written("/p/unknown")]) == {"/p/a"}
    assert changes(files, "/p/a") == ()
    assert changes(files, "/p/a", "/p/b") == ("/p/b",)


def test_what_is_loaded_too_stays_watched_though_it_is_written() -> None:
    files = make()
    assert watched(files, loaded("/p/first.py"), opened("/p/first.py"))
    assert watched(files, opened("/p/later.py"))
    assert watched(files, loaded("/p/later.py"))
    assert files.learn([Written("/p/first.py"), Written("/p/later.py")]) == frozenset()
    assert changes(files, "/p/first.py", "/p/later.py") == ("/p/first.py", "/p/later.py")


def test_an_extra_file_stays_watched_though_it_is_written() -> None:
    files = make(extra="/p/a")
    assert watched(files, opened("/p/a"))
    assert files.learn([Written("/p/a")]) == frozenset()
    assert changes(files, "/p/a") == ("/p/a",)


def test_of_a_great_many_written_files_the_first_are_forgotten() -> None:
    files = make()
    files.learn(Written(f"/p/{number}") for number in range(100_001))
    assert watched(files, opened("/p/0"), opened("/p/1")) == ["/p/0"]
