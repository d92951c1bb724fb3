"""What is particular to the ``watchdog`` backend: events, what is scheduled, and who dies."""

from __future__ import annotations

import mmap
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from watchdog.observers.api import BaseObserver, EventEmitter
from watchdog.observers.polling import PollingObserver

from reloader_backends.watchdog import lookout, open_change_source
from reloader_backends.watchdog.plan import MOST_SCHEDULES, choose
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, Hint, OpenRequest, Tree
from reloader_core.patterns import PathFilter
from tests.functional.change_sources import Watching, replace, run_limited
from tests.functional.harness import Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

NEVER_SECONDS = 600.0


class Opened:
    """Sources of one test, and what they said to the user."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sources: list[ChangeSource] = []

    def open(self, interval: float = NEVER_SECONDS) -> Watching:
        """Open a source; unless it is told when to look, it does not in a test's time."""

        def no_other(reloader_type: str) -> ChangeSource:
            raise AssertionError(f"asked for {reloader_type}")

        request = OpenRequest(
            interval=interval, options=None, notify=self.lines.append, open_backend=no_other
        )
        self.sources.append(open_change_source(request))
        return Watching(self.sources[-1])


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    for source in opened.sources:
        source.close()


@pytest.fixture
def told(opened: Opened) -> Watching:
    """A source that only events wake up."""
    return opened.open()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "project" / "module.py"
    path.parent.mkdir()
    path.write_text("x = 1\n")
    return path


def emitters() -> dict[str, EventEmitter]:
    """What watchdog watches in this process."""
    found = [thread for thread in threading.enumerate() if isinstance(thread, EventEmitter)]
    return {str(emitter.watch.path): emitter for emitter in found}


def observers() -> list[BaseObserver]:
    return [thread for thread in threading.enumerate() if isinstance(thread, BaseObserver)]


def recursive() -> set[str]:
    return {path for path, emitter in emitters().items() if emitter.watch.is_recursive}


def kernel_watches() -> set[int]:
    """The inodes that inotify watches for this process."""
    inodes: set[int] = set()
    for name in os.listdir("/proc/self/fdinfo"):
        try:
            lines = Path("/proc/self/fdinfo", name).read_text().splitlines()
        except OSError:
            continue
        fields = [line.split()[2] for line in lines if line.startswith("inotify ")]
        inodes |= {int(field.removeprefix("ino:"), 16) for field in fields}
    return inodes


# Events


@pytest.mark.parametrize(
    "save",
    [
        lambda path: path.write_text("x = 22\n"),
        lambda path: replace(path, "x = 2\n"),
        lambda path: path.unlink(),
        lambda path: path.rename(path.parent.parent / "out_of_sight.py"),
    ],
    ids=["in place", "replace", "delete", "move out"],
)
def test_an_event_makes_a_hint_without_a_look(
    told: Watching, module: Path, save: Callable[[Path], object]
) -> None:
    told.watch(module)
    save(module)
    told.until(module)


def test_a_file_that_is_moved_in_is_hinted_at_without_a_look(
    told: Watching, module: Path, tmp_path: Path
) -> None:
    absent = module.with_name("absent.py")
    told.watch(module, absent)
    (tmp_path / "elsewhere.py").write_text("")
    (tmp_path / "elsewhere.py").rename(absent)
    told.until(absent)


@pytest.mark.parametrize(
    "name", ["with space", "line\nbreak", os.fsdecode(b"latin-\xe9"), "ümlaut"]
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_paths_are_hinted_at_as_they_were_spelled(
    told: Watching, tmp_path: Path, name: str
) -> None:
    directory = tmp_path / name
    (directory / "sub").mkdir(parents=True)
    for path in (directory / f"{name}.py", directory / "sub" / f"{name}.py"):
        path.write_text("")
    told.watch(directory / f"{name}.py", trees=[directory / "sub"])
    (directory / f"{name}.py").write_text("x")
    (directory / "sub" / f"{name}.py").write_text("x")
    told.until(directory / f"{name}.py", directory / "sub" / f"{name}.py")


def test_what_is_behind_a_linked_directory_is_told_as_it_was_spelled(
    told: Watching, module: Path, tmp_path: Path
) -> None:
    (tmp_path / "linked").symlink_to(module.parent)
    told.watch(tmp_path / "linked" / "module.py")
    module.write_text("x = 22\n")
    told.until(tmp_path / "linked" / "module.py")


def test_opening_and_reading_are_no_news(told: Watching, module: Path) -> None:
    told.watch(module, trees=[module.parent])
    for _ in range(3):
        module.read_text()
        os.listdir(module.parent)
    assert told.hints() == []


@only_linux
def test_a_write_is_under_way_until_the_file_is_closed(told: Watching, module: Path) -> None:
    told.watch(module)
    with module.open("w") as file:
        file.write("x")
        file.flush()
        assert told.until(module)[-1].is_being_written
    while told.until(module)[-1].is_being_written:
        pass


@only_linux
def test_a_new_file_is_under_way_until_it_is_closed(told: Watching, module: Path) -> None:
    absent = module.with_name("absent.py")
    told.watch(module, absent)
    with absent.open("w"):
        assert told.until(absent)[-1].is_being_written
    while told.until(absent)[-1].is_being_written:
        pass


@pytest.mark.parametrize("make", [os.link, os.symlink], ids=["hard link", "symbolic link"])
def test_a_link_is_complete_at_once(
    told: Watching, module: Path, make: Callable[[Path, Path], None]
) -> None:
    absent = module.with_name("absent.py")
    told.watch(module, absent)
    make(module, absent)
    assert not any(hint.is_being_written for hint in told.until(absent))


# What is scheduled


def test_the_number_of_schedules_is_bounded_and_no_change_is_lost_for_it(
    opened: Opened, tmp_path: Path
) -> None:
    files = [tmp_path / f"apart{number}" / "a.py" for number in range(3 * MOST_SCHEDULES)]
    for path in files:
        path.parent.mkdir()
        path.write_text("")
    watching = opened.open(interval=0.05)
    watching.watch(*files)
    assert 0 < len(emitters()) <= MOST_SCHEDULES
    for path in files:
        path.write_text("x")
    watching.until(*files)


def test_one_recursive_watch_does_for_a_package(told: Watching, tmp_path: Path) -> None:
    files = [tmp_path / "package" / "/".join("abcdef"[:depth]) / "m.py" for depth in range(6)]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    told.watch(*files)
    assert recursive() == set(emitters()) == {str(tmp_path / "package")}
    for path in files:
        path.write_text("x")
    told.until(*files)


@pytest.mark.parametrize("heap", [".git", ".venv", "node_modules", "venv", "site-packages"])
def test_a_heap_is_never_watched_along(told: Watching, tmp_path: Path, heap: str) -> None:
    for directory in ("", "package", "package/sub", f"{heap}/deep"):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    files = [tmp_path / directory / "a.py" for directory in ("", "package", "package/sub")]
    for path in files:
        path.write_text("")
    told.watch(*files, trees=[tmp_path / "package"])
    assert recursive() == {str(tmp_path / "package")}
    assert str(tmp_path) in emitters()
    if sys.platform == "linux":
        heaps = {(tmp_path / heap).stat().st_ino, (tmp_path / heap / "deep").stat().st_ino}
        assert not heaps & kernel_watches()


def test_what_a_trees_filter_refuses_is_not_watched_along(told: Watching, tmp_path: Path) -> None:
    for directory in ("wanted", "node_modules/deep"):
        (tmp_path / directory).mkdir(parents=True)
    told.watch(trees=[tmp_path])
    assert recursive() == set()
    assert {str(tmp_path), str(tmp_path / "wanted")} == set(emitters())


def test_many_directories_that_nobody_needs_are_not_watched_along(
    told: Watching, tmp_path: Path
) -> None:
    for directory in ("", "package", *(f"data/{number}" for number in range(100))):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    told.watch(tmp_path / "a.py", tmp_path / "package" / "a.py")
    assert recursive() == set()


def test_a_heap_that_appears_is_let_go(told: Watching, tmp_path: Path) -> None:
    (tmp_path / "package" / "sub").mkdir(parents=True)
    told.watch(tmp_path / "package" / "a.py", tmp_path / "package" / "sub" / "a.py")
    assert recursive() == {str(tmp_path / "package")}
    (tmp_path / "package" / "node_modules" / "deep").mkdir(parents=True)

    def is_let_go() -> bool:
        told.hints()
        apart = {str(tmp_path / "package"), str(tmp_path / "package" / "sub")}
        return recursive() == set() and set(emitters()) == apart

    wait_until(is_let_go, "the recursive watch to end")
    (tmp_path / "package" / "sub" / "a.py").write_text("")
    told.until(tmp_path / "package" / "sub" / "a.py")


def test_a_directory_that_a_trees_filter_refuses_is_let_go_when_it_appears(
    told: Watching, tmp_path: Path
) -> None:
    choose = PathFilter(root=str(tmp_path), include=("*.py",), exclude=("generated",))
    tree = Tree(root=str(tmp_path), filter=choose)
    (tmp_path / "sub").mkdir()
    told.source.watch(frozenset(), frozenset({tree}))
    assert recursive() == {str(tmp_path)}
    (tmp_path / "generated").mkdir()

    def is_let_go() -> bool:
        told.hints()
        return recursive() == set() and set(emitters()) == {str(tmp_path), str(tmp_path / "sub")}

    wait_until(is_let_go, "the recursive watch to end")


def test_a_directory_that_was_replaced_is_watched_anew(told: Watching, module: Path) -> None:
    """The kernel may give the new one the inode of the old one."""
    told.watch(module, trees=[module.parent])
    for number in range(3):
        module.unlink()
        module.parent.rmdir()
        module.parent.mkdir()
        module.write_text(f"x = {number}\n")
        told.until(module)
        wait_until(lambda: told.hints() == [] and bool(emitters()), "a new watch")
        module.write_text(f"y = {number}\n")
        told.until(module)


def test_the_project_comes_before_what_is_installed(tmp_path: Path) -> None:
    needed = {}
    for name in (*(f"site-packages/p{number}" for number in range(20)), "project", "other"):
        (tmp_path / name).mkdir(parents=True)
        needed[str(tmp_path / name)] = 1 if name == "other" else 100
    chosen = [candidate.path for candidate in choose(needed)]
    assert chosen[:2] == [str(tmp_path / "project"), str(tmp_path / "other")]
    assert len(chosen) == MOST_SCHEDULES


def test_what_is_installed_and_not_scheduled_is_hinted_at_all_the_same(
    opened: Opened, tmp_path: Path
) -> None:
    installed = tmp_path / "site-packages"
    files = [installed / f"p{number}" / "a.py" for number in range(MOST_SCHEDULES + 4)]
    for path in files:
        path.parent.mkdir(parents=True)
        path.write_text("")
    watching = opened.open(interval=0.05)
    watching.watch(*files)
    for content in "12", "345":
        for path in files:
            path.write_text(content)
        watching.until(*files)
        watching.drain()


def test_watching_less_gives_watches_back(told: Watching, module: Path) -> None:
    told.watch(module)
    assert set(emitters()) == {str(module.parent)}
    told.watch()
    wait_until(lambda: told.hints() == [] and emitters() == {}, "the watch to end")


@only_linux
def test_a_directory_without_events_is_looked_at_more_often(opened: Opened, module: Path) -> None:
    """Nothing tells of what is written through ``mmap``."""
    module.write_text("x" * mmap.PAGESIZE)
    watching = opened.open(interval=0.05)
    watching.watch(module)
    with module.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:

        def is_found_out() -> bool:
            memory[0] = memory[0] % 100 + 1
            memory.flush()
            watching.until(module)
            return bool(opened.lines)

        wait_until(is_found_out, "the silence to be noticed")
    (line,) = opened.lines
    assert line == (
        f"watchdog: the system tells nothing of changes in {module.parent}; "
        "it is looked at every 0.05 s"
    )
    wait_until(lambda: watching.hints() == [] and emitters() == {}, "the useless watch to end")
    module.write_text("x = 22\n")
    watching.until(module)
    assert len(opened.lines) == 1


# Who dies


def stop_an_emitter() -> None:
    next(iter(emitters().values())).stop()


def stop_the_observer() -> None:
    (observer,) = observers()
    observer.stop()


def raise_in_the_handler() -> None:
    """The handler knows nothing of such an event."""
    watch = next(iter(emitters().values())).watch
    (observer,) = observers()
    observer.event_queue.put(("no event", watch))


@pytest.mark.parametrize("kill", [stop_an_emitter, stop_the_observer, raise_in_the_handler])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_noticed_and_replaced(
    opened: Opened, told: Watching, module: Path, kill: Callable[[], None]
) -> None:
    told.watch(module)
    kill()
    hints: list[Hint] = []

    def is_noticed() -> bool:
        hints.extend(told.source.wait(0.1))
        return Hint.everything() in hints

    wait_until(is_noticed, "the death to be noticed")
    (line,) = opened.lines
    assert line.startswith("watchdog: its ")
    assert line.endswith("; starting it anew")
    told.drain()
    module.write_text("x = 22\n")
    assert Hint.everything() not in told.until(module)
    assert opened.lines == [line]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_source_that_dies_again_and_again_is_given_up(told: Watching, module: Path) -> None:
    told.watch(module)

    def die_again() -> None:
        while True:
            if emitters() and observers():
                raise_in_the_handler()
            told.source.wait(0.2)

    with pytest.raises(BackendUnavailableError, match="its observer ended, for the 4th time") as e:
        die_again()
    assert e.value.fallback == "stat"


def test_a_removed_directory_is_no_fault(opened: Opened, told: Watching, module: Path) -> None:
    told.watch(module)
    module.unlink()
    module.parent.rmdir()
    told.until(module)
    wait_until(lambda: told.hints() == [] and emitters() == {}, "the watch to end")
    assert opened.lines == []


def test_close_ends_all_threads_also_after_a_death(opened: Opened, module: Path) -> None:
    before = set(threading.enumerate())
    watching = opened.open()
    watching.watch(module)
    stop_an_emitter()
    watching.source.close()
    wait_until(lambda: set(threading.enumerate()) <= before, "the threads to end")


OVERFLOWING = """
import sys
from reloader_backends.watchdog import open_change_source
from reloader_core.model import HintScope, OpenRequest
request = OpenRequest(interval=0.2, options=None, notify=print, open_backend=lambda name: None)
source = open_change_source(request)
source.watch(frozenset(sys.argv[1:]), frozenset())
print("ready", flush=True)
while True:
    for hint in source.wait(None):
        print(hint.scope.name, hint.path, flush=True)
"""


@only_linux
def test_an_overflow_means_everything_and_nothing_is_lost_after_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 1_000_000:
        pytest.skip("the queue is too long to be filled")
    paths = [tmp_path / "module.py", tmp_path / "package" / "module.py"]
    paths[1].parent.mkdir()
    for path in paths:
        path.write_text("")
    running = workshop.start([sys.executable, "-c", OVERFLOWING, *map(str, paths)])
    running.out.wait_for("ready")
    running.process.send_signal(signal.SIGSTOP)
    # Two names in turn: the kernel merges an event with an identical one before it.
    noise = [os.open(tmp_path / name, os.O_CREAT | os.O_WRONLY) for name in "ab"]
    for number in range(limit + 10):
        os.write(noise[number % 2], b"x")
    for descriptor in noise:
        os.close(descriptor)
    paths[1].unlink()
    paths[1].parent.rmdir()
    paths[1].parent.mkdir()
    running.process.send_signal(signal.SIGCONT)
    running.out.wait_for("EVERYTHING")
    said = len(running.out.lines)
    for path in paths:
        path.write_text("x")
    for path in paths:
        running.out.wait_for(f"EVERYTHING|PATH {re.escape(str(path))}", start=said)


LIMITED = """
import sys
from reloader_backends.watchdog import open_change_source
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import OpenRequest
request = OpenRequest(interval=0.05, options=None, notify=print, open_backend=lambda name: None)
try:
    source = open_change_source(request)
    source.watch(frozenset(sys.argv[1:]), frozenset())
except BackendUnavailableError as error:
    print(error.fallback, error)
else:
    for path in sys.argv[1:]:
        open(path, "w").close()
        while not any(hint.path == path for hint in source.wait(10.0)):
            pass
    print("all hinted at")
"""


@only_linux
@pytest.mark.parametrize("limit", ["max_inotify_watches", "max_inotify_instances"])
def test_a_limit_is_named_with_the_command_that_raises_it(tmp_path: Path, limit: str) -> None:
    output = run_limited(limit, 0, LIMITED, tmp_path / "a.py")
    assert output.startswith("stat inotify: ")
    assert f"user.{limit}=0 " in output
    assert f"sudo sysctl -w user.{limit}=" in output


@only_linux
def test_a_limit_that_leaves_some_watches_leaves_the_rest_to_looks(tmp_path: Path) -> None:
    paths = [tmp_path / f"apart{number}" / "a.py" for number in range(4)]
    for path in paths:
        path.parent.mkdir()
    output = run_limited("max_inotify_watches", 2, LIMITED, *paths).splitlines()
    assert output[-1] == "all hinted at"
    assert len(output) == 2
    assert "inotify watch limit reached" in output[0]


# What is installed


def test_a_system_that_is_only_polled_is_left_to_the_stat_backend(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "Observer", PollingObserver)
    with pytest.raises(BackendUnavailableError, match="only polling") as caught:
        opened.open()
    assert caught.value.fallback == "stat"


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_watchdog_is_imported_when_the_backend_is_opened_not_before() -> None:
    code = "import reloader_backends.watchdog, sys; print('watchdog' in sys.modules)"
    assert run_python(code) == "False\n"


def test_a_missing_watchdog_names_the_package() -> None:
    code = (
        "import sys; sys.modules['watchdog'] = None\n"
        "from reloader_backends.watchdog import open_change_source\n"
        "try: open_change_source(None)\n"
        "except Exception as error: print(error.fallback, error)"
    )
    assert run_python(code).startswith("stat watchdog: ")
    assert "install the package watchdog" in run_python(code)
