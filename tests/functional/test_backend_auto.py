"""The ``auto`` backend: which backend it chooses, and what it says about it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from reloader_backends import auto, inotify, stat, watchdog
from reloader_backends.auto import AutoSource, open_change_source
from reloader_backends.stat import StatSource
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import ChangeSource, OpenRequest
from reloader_core.mounts import MountTable
from reloader_core.testing import ScriptedSource, open_backend
from tests.functional.auto_mounts import SCENARIOS, run_scenario
from tests.functional.change_sources import Watching
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux says what is mounted, and when that changes"
)

FIRST_CHOICE = "inotify" if sys.platform == "linux" else "watchdog"


class Backends:
    """Opens a source for each backend that works, and notes what it was asked and told."""

    def __init__(self, **failures: str | None) -> None:
        self.failures = failures
        self.opened: list[str] = []
        self.notices: list[str] = []

    def open(self, reloader_type: str) -> ChangeSource:
        if reloader_type in self.failures:
            raise BackendUnavailableError("no watches left", fallback=self.failures[reloader_type])
        self.opened.append(reloader_type)
        return StatSource(interval_seconds=1.0)

    def request(self) -> OpenRequest:
        return OpenRequest(
            interval=1.0, options=None, notify=self.notices.append, open_backend=self.open
        )


def test_the_first_choice_is_taken_without_a_word() -> None:
    backends = Backends()
    open_change_source(backends.request()).close()
    assert (backends.opened, backends.notices) == ([FIRST_CHOICE], [])


def test_the_fallback_is_taken_and_the_user_told_why() -> None:
    backends = Backends(**{FIRST_CHOICE: "stat"})
    open_change_source(backends.request()).close()
    assert backends.opened == ["stat"]
    assert backends.notices == ["watching with stat: no watches left"]


def test_a_failure_without_a_fallback_is_passed_on() -> None:
    backends = Backends(**{FIRST_CHOICE: None, "stat": None})
    with pytest.raises(BackendUnavailableError, match="no watches left"):
        open_change_source(backends.request())
    assert backends.notices == []


class Scripts:
    """An ``auto`` on written mounts, whose backends say what a test has them say.

    :ivar net: where a remote file system is mounted; there is no such directory.
    """

    def __init__(self, root: Path, *, is_mounted: bool = True) -> None:
        self.net = root / "net"
        self.near, self.far = str(root / "near.py"), str(self.net / "far.py")
        self.notices: list[str] = []
        self.sources: dict[str, list[ScriptedSource]] = {}
        self.refused: dict[str, BackendUnavailableError] = {}
        self._table = root / "mountinfo"
        self.mount(is_mounted=is_mounted)
        self.source = AutoSource(
            OpenRequest(
                interval=1.0, options=None, notify=self.notices.append, open_backend=self._open
            ),
            read_table=lambda: MountTable.read(str(self._table)),
        )

    def mount(self, *, is_mounted: bool) -> None:
        lines = ["1 0 254:0 / / rw - ext4 /dev/vda rw"]
        if is_mounted:
            lines.append(f"2 1 0:50 / {self.net} rw - nfs4 host:/export rw")
        self._table.write_text("".join(f"{line}\n" for line in lines))

    def watch(self, *paths: str) -> None:
        self.source.watch(frozenset(paths), frozenset())

    def wait(self) -> set[str]:
        """The paths that are hinted at next."""
        return {hint.path for hint in self.source.wait(10)}

    def one(self, name: str) -> ScriptedSource:
        """The source of a backend that is open."""
        *closed, source = self.sources[name]
        assert all(source.is_closed for source in closed)
        return source

    def _open(self, name: str) -> ChangeSource:
        if name in self.refused:
            raise self.refused[name]
        source = ScriptedSource()
        self.sources.setdefault(name, []).append(source)
        return source


@pytest.fixture
def open_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Scripts]]:
    """Opens them, and closes them after the test."""
    opened: list[Scripts] = []
    # A file: nothing can be made in it, so no backend is tried.
    monkeypatch.setenv("XDG_CACHE_HOME", __file__)

    class Kept(Scripts):
        def __init__(self, root: Path, *, is_mounted: bool = True) -> None:
            super().__init__(root, is_mounted=is_mounted)
            opened.append(self)

    yield Kept
    for scripts in opened:
        scripts.source.close()


def out_of(what: str) -> BackendUnavailableError:
    return BackendUnavailableError(f"no {what} left", fallback="stat")


@ON_LINUX
@pytest.mark.parametrize("is_mounted", [False, True])
def test_while_all_files_are_local_there_is_one_source_and_no_thread_between(
    open_scripts: type[Scripts], tmp_path: Path, is_mounted: bool
) -> None:
    before = set(threading.enumerate())
    scripts = open_scripts(tmp_path, is_mounted=is_mounted)
    scripts.watch(scripts.near)
    scripts.one("inotify").hint(scripts.near)
    assert scripts.wait() == {scripts.near}
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert "reloader-auto-part" not in names
    assert scripts.notices == []


@ON_LINUX
def test_each_mount_is_named_once(open_scripts: type[Scripts], tmp_path: Path) -> None:
    scripts = open_scripts(tmp_path)
    scripts.watch(scripts.near)
    assert scripts.notices == []
    scripts.watch(scripts.near, scripts.far)
    scripts.watch(scripts.near, scripts.far, str(scripts.net / "more.py"))
    scripts.watch(scripts.near)
    scripts.watch(scripts.near, scripts.far)
    assert scripts.notices == [
        f"watching {scripts.net} with nfs (nfs4 from host:/export), everything else with inotify"
    ]


@ON_LINUX
def test_a_part_that_is_not_needed_any_more_is_closed(
    open_scripts: type[Scripts], tmp_path: Path
) -> None:
    scripts = open_scripts(tmp_path)
    scripts.watch(scripts.near, scripts.far)
    scripts.watch(scripts.near)
    assert scripts.one("nfs").is_closed
    assert scripts.one("inotify").files == {scripts.near}


@ON_LINUX
@pytest.mark.parametrize("failing", ["nfs", "inotify"])
@pytest.mark.parametrize("call", ["watch", "wait"])
def test_a_part_that_fails_is_replaced_and_the_other_one_goes_on(
    open_scripts: type[Scripts], tmp_path: Path, failing: str, call: str
) -> None:
    scripts = open_scripts(tmp_path)
    scripts.watch(scripts.near, scripts.far)
    if failing == "nfs":
        kept, ours, theirs, what = "inotify", scripts.near, scripts.far, str(scripts.net)
    else:
        kept, ours, theirs, what = "nfs", scripts.far, scripts.near, "everything else"
    if call == "wait":
        scripts.one(failing).fail(out_of("answers"))
    else:
        scripts.one(failing).fail_watch(out_of("answers"))
        scripts.watch(
            *(f"{path}{end}" for path in (scripts.near, scripts.far) for end in ("", "x"))
        )
    assert scripts.wait() >= {theirs}
    assert scripts.one("stat").files >= {theirs}
    assert scripts.one(failing).is_closed
    assert not scripts.one(kept).is_closed
    assert len(scripts.one(kept).calls) == (1 if call == "wait" else 2)
    assert scripts.notices[1:] == [f"watching {what} with stat: no answers left"]
    for name, path in ((kept, ours), ("stat", theirs)):
        scripts.one(name).hint(path)
        assert scripts.wait() == {path}


@ON_LINUX
def test_a_part_that_cannot_be_opened_is_replaced(
    open_scripts: type[Scripts], tmp_path: Path
) -> None:
    scripts = open_scripts(tmp_path)
    scripts.refused["nfs"] = BackendUnavailableError("the backend 'nfs' is not installed")
    scripts.watch(scripts.near, scripts.far)
    assert scripts.one("stat").files == {scripts.far}
    assert [line.split(" (")[0] for line in scripts.notices] == [
        f"watching {scripts.net} with stat: the backend 'nfs' is not installed",
        f"watching {scripts.net} with stat",
    ]


@pytest.mark.parametrize("call", ["watch", "wait"])
def test_a_source_that_is_alone_is_replaced_as_well(
    open_scripts: type[Scripts], tmp_path: Path, call: str
) -> None:
    scripts = open_scripts(tmp_path, is_mounted=False)
    scripts.watch(scripts.near)
    if call == "wait":
        scripts.one(FIRST_CHOICE).fail(out_of("watches"))
    else:
        scripts.one(FIRST_CHOICE).fail_watch(out_of("watches"))
        scripts.watch(scripts.near, scripts.far)
    assert scripts.wait() >= {scripts.near}
    scripts.one("stat").hint(scripts.near)
    assert scripts.wait() == {scripts.near}
    assert scripts.notices == ["watching with stat: no watches left"]


@ON_LINUX
@pytest.mark.parametrize(
    ("name", "is_mounted"), [("inotify", False), ("inotify", True), ("nfs", True)]
)
def test_an_error_that_nobody_expected_goes_up_as_it_is(
    open_scripts: type[Scripts], tmp_path: Path, name: str, is_mounted: bool
) -> None:
    scripts = open_scripts(tmp_path, is_mounted=is_mounted)
    scripts.watch(scripts.near, scripts.far)
    scripts.one(name).fail(ZeroDivisionError("a fault of ours"))
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        scripts.source.wait(10)


@ON_LINUX
def test_when_nothing_serves_any_more_that_goes_up_too(
    open_scripts: type[Scripts], tmp_path: Path
) -> None:
    scripts = open_scripts(tmp_path)
    scripts.watch(scripts.near, scripts.far)
    scripts.refused["stat"] = BackendUnavailableError("no stat")
    scripts.one("nfs").fail(out_of("answers"))
    with pytest.raises(BackendUnavailableError, match="no stat"):
        scripts.source.wait(10)


def open_with(inotify: Callable[[], ChangeSource], notices: list[str]) -> ChangeSource:
    return open_backend(
        auto,
        interval=0.05,
        notify=notices.append,
        backends={
            FIRST_CHOICE: inotify,
            "stat": lambda: open_backend(stat, interval=0.05),
            "nfs": ScriptedSource,
        },
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a backend is tried; on the file system of the files of a test."""
    if MountTable.read().is_remote(str(tmp_path)):
        pytest.skip("the tests' own directory is remote")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reloader"


def test_a_backend_that_hears_nothing_is_found_out_and_replaced(
    tmp_path: Path, cache: Path
) -> None:
    notices: list[str] = []
    deaf: list[ScriptedSource] = []

    def open_deaf() -> ChangeSource:
        deaf.append(ScriptedSource())
        return deaf[-1]

    source = open_with(open_deaf, notices)
    path = tmp_path / "module.py"
    path.write_text("")
    watching = Watching(source)
    try:
        watching.watch(path, trees=[tmp_path / "tree"])
        watching.until(path, tmp_path / "tree" / "x.py")
        point = MountTable.read().find(str(tmp_path)).point
        assert notices == [
            f"watching {point} with stat: {FIRST_CHOICE} told nothing of a change in {cache}"
        ]
        watching.drain()
        path.write_text("more")
        watching.until(path)
        # Once for each mount: what is watched later is not tried again.
        opened = len(deaf)
        watching.watch(path, tmp_path / "other.py")
        (tmp_path / "other.py").write_text("")
        watching.until(tmp_path / "other.py")
        assert len(deaf) == opened
        assert list(cache.iterdir()) == []
    finally:
        source.close()
    assert all(source.is_closed for source in deaf)


def test_a_backend_that_hears_is_kept_and_nothing_is_left_of_the_trial(
    tmp_path: Path, cache: Path
) -> None:
    notices: list[str] = []
    tried: list[ChangeSource] = []

    def open_good() -> ChangeSource:
        tried.append(open_backend(inotify if sys.platform == "linux" else watchdog))
        return tried[-1]

    source = open_with(open_good, notices)
    try:
        source.watch(frozenset({str(tmp_path / "module.py")}), frozenset())
        wait_until(lambda: len(tried) == 2, "the trial")
        wait_until(lambda: not is_running("reloader-auto-probe"), "its end")
        assert list(cache.iterdir()) == []
        assert notices == []
        source.watch(frozenset({str(tmp_path / "other.py")}), frozenset())
        assert not is_running("reloader-auto-probe")
    finally:
        source.close()


def test_where_no_file_can_be_made_nothing_is_tried(tmp_path: Path, cache: Path) -> None:
    cache.parent.write_text("a file")
    notices: list[str] = []
    opened: list[ScriptedSource] = []

    def open_deaf() -> ChangeSource:
        opened.append(ScriptedSource())
        return opened[-1]

    source = open_with(open_deaf, notices)
    try:
        source.watch(frozenset({str(tmp_path / "module.py")}), frozenset())
        wait_until(lambda: not is_running("reloader-auto-probe"), "the trial's end")
        assert (len(opened), notices) == (1, [])
    finally:
        source.close()


def test_a_trial_under_way_ends_with_the_source(tmp_path: Path, cache: Path) -> None:
    opened: list[ScriptedSource] = []

    def open_deaf() -> ChangeSource:
        opened.append(ScriptedSource())
        return opened[-1]

    source = open_with(open_deaf, [])
    source.watch(frozenset({str(tmp_path / "module.py")}), frozenset())
    wait_until(lambda: len(opened) == 2 and opened[1].calls, "the trial")
    source.close()
    wait_until(lambda: not is_running("reloader-auto-probe"), "the trial's end")
    assert opened[1].is_closed
    assert list(cache.iterdir()) == []


def is_running(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


@ON_LINUX
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_on_real_mounts(scenario: str, tmp_path: Path) -> None:
    run_scenario(scenario, tmp_path)
