"""What the comparison asks of the disk, on real files: writers, locks, sources."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_core.agent import LoadedKind
from reloader_core.agent.protocol import Loaded, Record, Running
from reloader_core.supervisor.watch.compiler import Compiler
from reloader_core.supervisor.watch.early import read_project_files
from reloader_core.supervisor.watch.files import digest_of, is_installed, stamp_of
from reloader_core.supervisor.watch.repositories import Repositories
from reloader_core.supervisor.watch.writers import has_writer

if TYPE_CHECKING:
    from reloader_core.stamp import Stamp

linux = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")


@linux
def test_a_writer_is_known_for_as_long_as_it_has_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    assert has_writer(str(path)) is False
    with path.open("a") as file:
        assert has_writer(str(path)) is True
        file.write("x = 2\n")
        file.flush()
        assert has_writer(str(path)) is True
    assert has_writer(str(path)) is False


@linux
def test_a_mapping_that_can_be_written_through_is_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"x" * 100)
    with path.open("r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    assert has_writer(str(path)) is True
    mapping.close()
    assert has_writer(str(path)) is False


@linux
def test_readers_are_no_writers_and_asking_hurts_nobody(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            has_writer(str(path))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(300):
            path.write_text(f"x = {number}\n")
            assert path.read_text() == f"x = {number}\n"
    finally:
        is_over.set()
        asking.join()
    with path.open() as _reader:
        assert has_writer(str(path)) is False


def test_a_file_that_is_gone_has_no_known_writer(tmp_path: Path) -> None:
    assert has_writer(str(tmp_path / "gone.py")) is None


def test_a_lock_is_found_from_any_depth_for_as_long_as_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "package" / "module.py"
    path.parent.mkdir()
    (tmp_path / ".git").mkdir()
    lock = tmp_path / ".git" / "index.lock"
    repositories = Repositories()
    assert repositories.lock_over(str(path)) is None
    lock.touch()
    found = repositories.lock_over(str(path))
    assert found is not None
    assert found.path == str(lock)
    lock.write_text("the same lock, written to")
    assert repositories.lock_over(str(path)) == found
    lock.unlink()
    assert repositories.lock_over(str(path)) is None


def test_the_lock_of_a_git_worktree_is_where_git_keeps_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    git("init", "--quiet", "main")
    git("-C", "main", "commit", "--quiet", "--allow-empty", "-m", "first")
    git("-C", "main", "worktree", "add", "--quiet", "../side")
    lock = git("-C", "side", "rev-parse", "--path-format=absolute", "--git-path", "index.lock")
    Path(lock).touch()
    found = Repositories().lock_over(str(tmp_path / "side" / "module.py"))
    assert found is not None
    assert os.path.samefile(found.path, lock)
    assert Repositories().lock_over(str(tmp_path / "main" / "module.py")) is None


def test_mercurials_lock_is_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".hg").mkdir()
    (tmp_path / ".hg" / "wlock").symlink_to("host:4711")
    found = Repositories().lock_over(str(tmp_path / "module.py"))
    assert found is not None


@pytest.fixture(params=["in this process", "in the program's interpreter"])
def compiler(request: pytest.FixtureRequest) -> Compiler:
    compiler = Compiler()
    if request.param == "in the program's interpreter":
        compiler.use("3.99.0", sys.executable)
    return compiler


def test_a_fault_names_file_line_and_place(compiler: Compiler, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1\ny = = 2\n")
    fault = compiler.fault_of(str(path))
    assert fault is not None
    first, line, caret, last = fault.text.splitlines()
    assert first.strip() == f'File "{path}", line 2'
    assert line.strip() == "y = = 2"
    assert caret.strip() == "^"
    assert caret.index("^") == line.index("= 2")
    assert last == "SyntaxError: invalid syntax"


@pytest.mark.parametrize(
    ("source", "is_fault"),
    [
        (b"x = 1\n", False),
        (b"", False),
        (b"return 1\n", True),
        (b"x = '\\d'\n", False),  # only a warning
        (b"x = 1 if 0 is 0 else 2\n", False),
        (b"\0", True),
        (b"# -*- coding: latin-1 -*-\nx = '\xe4'\n", False),
        (b"x = '\xe4'\n", True),
        (b"def f():\n  if x:\n", True),
    ],
)
def test_only_what_cannot_start_is_a_fault(
    compiler: Compiler, tmp_path: Path, source: bytes, is_fault: bool
) -> None:
    path = tmp_path / "module.py"
    path.write_bytes(source)
    assert (compiler.fault_of(str(path)) is not None) is is_fault


def test_a_source_that_is_gone_is_left_to_the_program(compiler: Compiler, tmp_path: Path) -> None:
    assert compiler.fault_of(str(tmp_path / "gone.py")) is None


def test_an_interpreter_that_cannot_be_asked_has_no_say(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = = 1\n")
    compiler = Compiler()
    compiler.use("3.99.0", str(tmp_path / "python"))
    assert compiler.fault_of(str(path)) is None


def test_a_version_that_differs_in_its_last_number_is_the_same_language(tmp_path: Path) -> None:
    compiler = Compiler()
    major, minor = sys.version_info[:2]
    compiler.use(f"{major}.{minor}.99", str(tmp_path / "python"))
    path = tmp_path / "module.py"
    path.write_text("x = = 1\n")
    assert compiler.fault_of(str(path)) is not None


def test_the_projects_own_files_are_read_as_they_are_reported(tmp_path: Path) -> None:
    own = tmp_path / "module.py"
    installed = tmp_path / "site-packages" / "library.py"
    installed.parent.mkdir()
    for path in (own, installed):
        path.write_text("x = 1\n")
    stamp = stamp_of(str(own))
    assert stamp is not None
    paths = (own, installed, tmp_path / "gone.py")
    reports: list[Record] = [Running(1)]
    reports += [Loaded(str(path), stamp, LoadedKind.SOURCE) for path in paths]
    contents: dict[str, tuple[Stamp, bytes]] = {}
    read_project_files(reports, contents)
    assert contents == {str(own): digest_of(str(own))}
    assert is_installed(os.__file__)
