"""What is particular to the ``inotify`` backend: what it watches, and the kernel's limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_backends.inotify import open_change_source
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import Hint, HintScope
from tests.functional.change_sources import Watching, open_source, replace, run_limited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

_IN_CREATE = 0x100


@pytest.fixture
def watching() -> Iterator[Watching]:
    source = open_source(open_change_source)
    yield Watching(source)
    source.close()


def kernel_watches() -> dict[int, int]:
    """The masks of all inotify watches of this process, by inode."""
    watches: dict[int, int] = {}
    for name in os.listdir("/proc/self/fdinfo"):
        try:
            lines = Path("/proc/self/fdinfo", name).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith("inotify "):
                fields = dict(field.split(":", 1) for field in line.split()[1:])
                watches[int(fields["ino"], 16)] = int(fields["mask"], 16)
    return watches


def has_entry_watch(path: Path) -> bool:
    return bool(kernel_watches().get(path.stat().st_ino, 0) & _IN_CREATE)


def test_a_write_is_under_way_until_the_file_is_closed(watching: Watching, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("")
    watching.watch(path)
    with path.open("w") as file:
        file.write("x")
        file.flush()
        hints = watching.until(path)
        assert hints == [Hint(path=str(path), is_being_written=True)]
    assert watching.until(path) == [Hint(path=str(path))]


def test_a_new_file_is_under_way_until_it_is_closed(watching: Watching, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    watching.watch(path)
    with path.open("w"):
        assert watching.until(path)[-1].is_being_written
    assert watching.until(path) == [Hint(path=str(path))]


@pytest.mark.parametrize("make", [os.link, os.symlink], ids=["hard link", "symbolic link"])
def test_a_link_is_complete_at_once(
    watching: Watching, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "original.py").write_text("")
    watching.watch(tmp_path / "module.py")
    make(tmp_path / "original.py", tmp_path / "module.py")
    assert watching.until(tmp_path / "module.py") == [Hint(path=str(tmp_path / "module.py"))]


def test_a_finished_save_is_one_hint(watching: Watching, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("")
    watching.watch(path)
    for number in range(10):
        path.write_text(str(number))
    replace(path, "")
    assert list(watching.source.wait(0)) == [Hint(path=str(path))]


def test_chmod_and_touch_and_reading_are_no_news(watching: Watching, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("")
    watching.watch(path)
    path.chmod(0o600)
    path.read_text()
    os.listdir(tmp_path)
    assert list(watching.source.wait(0.1)) == []


def test_a_pruned_directory_is_not_watched(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "wanted").mkdir()
    (tmp_path / "node_modules" / "deep").mkdir(parents=True)
    watching.watch(trees=[tmp_path])
    (tmp_path / "later").mkdir()
    watching.until(tmp_path / "later")
    assert has_entry_watch(tmp_path / "wanted")
    assert has_entry_watch(tmp_path / "later")
    pruned = tmp_path / "node_modules"
    assert not {pruned.stat().st_ino, (pruned / "deep").stat().st_ino} & kernel_watches().keys()


def test_a_directory_on_the_way_tells_of_its_own_removal_only(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "project" / "module.py"
    path.parent.mkdir()
    path.write_text("")
    watching.watch(path)
    assert has_entry_watch(path.parent)
    assert tmp_path.stat().st_ino in kernel_watches()
    assert not has_entry_watch(tmp_path)


def test_a_busy_directory_is_left_alone_once_the_missing_one_is_there(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "project" / "module.py"
    watching.watch(path)
    assert has_entry_watch(tmp_path)
    path.parent.mkdir()
    path.write_text("")
    watching.until(path)
    watching.drain()
    assert not has_entry_watch(tmp_path)
    shutil.rmtree(path.parent)
    watching.until(path)
    watching.drain()
    assert has_entry_watch(tmp_path)


def test_watching_less_gives_watches_back(watching: Watching, tmp_path: Path) -> None:
    watching.watch()
    nothing = kernel_watches()
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "linked").symlink_to(tmp_path / "target")
    watching.watch(tmp_path / "link" / "a.py", tmp_path / "b.py", trees=[tmp_path / "tree"])
    assert len(kernel_watches()) > len(nothing) + 3
    watching.watch()
    assert kernel_watches() == nothing


def test_a_file_with_other_names_is_not_watched_any_more_once_replaced(
    watching: Watching, tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text("")
    os.link(path, tmp_path / "other.py")
    watching.watch(path)
    inode = path.stat().st_ino
    assert inode in kernel_watches()
    replace(path, "")
    watching.until(path)
    watching.drain()
    assert inode not in kernel_watches()


def test_installed_files_are_not_watched_under_their_other_names(
    watching: Watching, tmp_path: Path
) -> None:
    """Some installers link every file to their cache."""
    path = tmp_path / "site-packages" / "module.py"
    path.parent.mkdir()
    path.write_text("")
    os.link(path, tmp_path / "cached.py")
    watching.watch(path)
    assert path.stat().st_ino not in kernel_watches()


def test_an_overflow_means_everything_and_nothing_is_lost_after_it(
    watching: Watching, tmp_path: Path
) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 1_000_000:
        pytest.skip("the queue is too long to be filled")
    path = tmp_path / "package" / "module.py"
    path.parent.mkdir()
    watching.watch(path, trees=[tmp_path / "tree"])
    # Two names in turn: the kernel merges an event with an identical one before it.
    noise = [os.open(path.parent / name, os.O_CREAT | os.O_WRONLY) for name in "ab"]
    for number in range(limit + 10):
        os.write(noise[number % 2], b"x")
    for descriptor in noise:
        os.close(descriptor)
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    hints = list(watching.source.wait(10))
    assert Hint.everything() in hints
    watching.drain()
    path.write_text("")
    (tmp_path / "tree" / "sub" / "a.py").write_text("")
    found = watching.until(path, tmp_path / "tree" / "sub" / "a.py")
    assert not any(hint.scope is HintScope.EVERYTHING for hint in found)


LIMITED = """
import sys
from reloader_backends.inotify import open_change_source
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import OpenRequest
request = OpenRequest(interval=1.0, options=None, notify=print, open_backend=lambda name: None)
try:
    source = open_change_source(request)
    source.watch(frozenset(sys.argv[1:]), frozenset())
except BackendUnavailableError as error:
    print(error.fallback, error)
"""


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("max_inotify_watches", 0),
        ("max_inotify_watches", 2),
        ("max_inotify_instances", 0),
    ],
)
def test_a_limit_is_named_with_the_command_that_raises_it(
    tmp_path: Path, limit: str, value: int
) -> None:
    output = run_limited(limit, value, LIMITED, tmp_path)
    assert output.startswith("stat inotify: ")
    assert f"user.{limit}={value} " in output
    assert f"sudo sysctl -w user.{limit}=" in output


SPARING = """
import os, sys
from reloader_backends.inotify import open_change_source
from reloader_core.model import OpenRequest
request = OpenRequest(interval=1.0, options=None, notify=print, open_backend=lambda name: None)
source = open_change_source(request)
files = frozenset(sys.argv[1:9])
source.watch(files, frozenset())
source.watch(files | {path + "/a.py" for path in sys.argv[9:]}, frozenset())
for path in (sys.argv[1], sys.argv[-1] + "/a.py"):
    open(path, "w").close()
    while not any(hint.path == path for hint in source.wait(10)):
        pass
print("all hinted at")
"""


def test_watches_of_files_are_given_back_when_directories_need_them(tmp_path: Path) -> None:
    limit = 128
    files = [tmp_path / f"module{number}.py" for number in range(8)]
    # All that are left beside those on the way, so not enough for the files as well.
    directories = [tmp_path / f"package{n}" for n in range(limit - len(tmp_path.parts) - 1)]
    for path in files:
        path.touch()
    for path in directories:
        path.mkdir()
        (path / "a.py").touch()
    assert run_limited("max_inotify_watches", limit, SPARING, *files, *directories) == (
        "all hinted at\n"
    )


def test_a_process_without_descriptors_is_told_from_a_user_without_instances(
    tmp_path: Path,
) -> None:
    prelude = "import attrs, pluggy\n"
    exhaust = (
        "import os, resource, reloader_backends.inotify.source as source\n"
        "source.Kernel().close()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
        "try:\n    while True: os.dup(0)\nexcept OSError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", prelude + exhaust + LIMITED, str(tmp_path / "a.py")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.startswith("stat inotify: all 20 file descriptors of this process")
    assert "ulimit -n 40" in done.stdout


def test_a_directory_that_may_not_be_read_is_passed_through(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "open").mkdir(parents=True)
    closed.chmod(0o100)
    if os.access(closed, os.R_OK):
        pytest.skip("root may read every directory")
    source = open_source(open_change_source)
    watching = Watching(source)
    try:
        watching.watch(closed / "open" / "a.py")
        (closed / "open" / "a.py").write_text("")
        watching.until(closed / "open" / "a.py")
        with pytest.raises(BackendUnavailableError, match="Permission denied"):
            watching.watch(closed / "missing.py")
    finally:
        closed.chmod(0o700)
        source.close()
