"""Changes on the server of what the client has seen unchanged for a while.

What it believes it has, it believes the longer, the longer nothing changed: for half of that
time, at least 3 seconds for a file and 30 for a directory, at most a minute.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_core.testing import Observer, covers
from tests.nfs.inside import mounts
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reloader_core.model import Hint


def edit(path: Path) -> None:
    path.write_text("x = 22\n")


def edit_unnoticeably(path: Path) -> None:
    status = path.stat()
    path.write_text("y" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("other")
    edit(other)
    other.replace(path)


def make_again(path: Path) -> None:
    path.unlink()
    edit(path)


def move_away_and_make_again(path: Path) -> None:
    path.rename(path.with_name("other"))
    edit(path)


def swap_directory_above(path: Path) -> None:
    above = path.parents[1]
    shutil.copytree(above, new := above.with_name("new"))
    edit(new / path.relative_to(above))
    above.rename(above.with_name("old"))
    new.rename(above)


def swap_directory_for_the_same(path: Path) -> None:
    above = path.parents[1]
    shutil.copytree(above, new := above.with_name("new"))
    above.rename(above.with_name("old"))
    new.rename(above)


def retarget_link_above(path: Path) -> None:
    link = path.parents[1]
    old = link.resolve()
    shutil.copytree(old, new := old.with_name("two"))
    edit(new / path.relative_to(link))
    link.with_name("link").symlink_to(os.path.relpath(new, link.parent))
    link.with_name("link").replace(link)


def make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    edit(path)


@attrs.frozen
class Kind:
    """A kind of change.

    :ivar change: makes it, on the server.
    :ivar is_absent: the file is not there before.
    """

    change: Callable[[Path], object]
    is_absent: bool = False


KINDS = {
    "edit": Kind(edit),
    "edit-unnoticeably": Kind(edit_unnoticeably),
    "replace": Kind(replace),
    "make-again": Kind(make_again),
    "move-away-and-make-again": Kind(move_away_and_make_again),
    "delete": Kind(lambda path: path.unlink()),
    "remove-directory": Kind(lambda path: shutil.rmtree(path.parent)),
    "remove-directory-above": Kind(lambda path: shutil.rmtree(path.parents[1])),
    "swap-directory-above": Kind(swap_directory_above),
    "swap-directory-for-the-same": Kind(swap_directory_for_the_same),
    "retarget-link-above": Kind(retarget_link_above),
    "appear": Kind(make, is_absent=True),
    "appear-with-directories": Kind(make, is_absent=True),
}


@attrs.frozen
class Setting:
    """How long files are watched before they change, and how.

    :ivar way: ``file``, or ``tree`` for the files of one.
    """

    seconds: float
    options: str
    way: str

    def __str__(self) -> str:
        return f"{self.way}-{self.seconds:g}-seconds-{self.options}"


# A client that has just seen a change soon asks again; to be sure to find a look that
# believes it, it believes for a minute. Later it does so by itself.
_SETTINGS = [
    Setting(seconds, options, way)
    for seconds, mount_options in ((6.0, mounts.BELIEVING), (35.0, mounts.DEFAULT))
    for options in mount_options
    for way in ("file", "tree")
]
_INTERVAL_SECONDS = 0.5


@attrs.frozen
class Watched:
    """A file for each kind of change, with directories of its own, and a source.

    :ivar change: the hints that followed the change.
    :ivar edit: those that followed an edit after that.
    """

    setting: Setting
    share: mounts.Share
    observer: Observer
    change: list[Hint] = attrs.field(factory=list)
    edit: list[Hint] = attrs.field(factory=list)

    def path(self, kind: str) -> Path:
        """The file for a kind of change."""
        return self.share.client / "tree" / kind / "above" / "package" / "module.py"

    def begin(self) -> None:
        """Make the files and watch them."""
        for name, kind in KINDS.items():
            server = self.share.on_server(self.path(name))
            if name == "retarget-link-above":  # to outside of the tree
                (self.share.server / "one").mkdir()
                server.parents[2].mkdir(parents=True)
                server.parents[1].symlink_to("../../one")
            if name != "appear-with-directories":
                server.parent.mkdir(parents=True, exist_ok=True)
            if not kind.is_absent:
                server.write_text("x = 1\n")
        self.share.tick()
        if self.setting.way == "file":
            self.observer.watch(*map(self.path, KINDS))
        else:
            self.observer.watch(trees=[self.share.client / "tree"])

    def look(self) -> None:
        """Have the client look at everything, as programs do; nothing must have changed."""
        for name in KINDS:
            path = self.path(name)
            for place in [path, *path.parents[:3]]:
                with contextlib.suppress(FileNotFoundError):
                    place.stat()
                    os.listdir(place if place.is_dir() else place.parent)
        assert self.observer.wait(0) == []

    def make(self, change: Callable[[str, Path], object]) -> None:
        """Change each file on the server."""
        for name in KINDS:
            change(name, self.share.on_server(self.path(name)))

    def hear(self, hints: list[Hint]) -> None:
        """Take the hints, until there is one of each file, or no more comes."""
        deadline = time.monotonic() + TRAITS.deadline_seconds
        while time.monotonic() < deadline and not all(
            any(covers(hint, self.path(name)) for hint in hints) for name in KINDS
        ):
            hints += self.observer.wait(0.1)


@pytest.fixture(scope="module")
def all_watched(mount: Callable[[str], Path]) -> dict[Setting, Watched]:
    """All settings side by side, when everything has happened."""
    longest = max(setting.seconds for setting in _SETTINGS)
    with contextlib.ExitStack() as stack:
        found: dict[Setting, Watched] = {}
        started = time.monotonic()
        while time.monotonic() < started + longest:
            for setting in _SETTINGS:
                if setting in found:
                    found[setting].look()
                elif time.monotonic() >= started + longest - setting.seconds:
                    share = stack.enter_context(
                        mounts.shared(setting.options, mount(setting.options))
                    )
                    source = open_source(interval=_INTERVAL_SECONDS)
                    stack.enter_context(contextlib.closing(source))
                    found[setting] = Watched(setting, share, Observer(source, TRAITS))
                    found[setting].begin()
            time.sleep(0.5)  # between two looks, while the caches age
        for watched in found.values():
            watched.make(lambda name, path: KINDS[name].change(path))
        for watched in found.values():
            watched.hear(watched.change)
        time.sleep(3 * _INTERVAL_SECONDS)  # a look that is under way may hint once more
        for watched in found.values():
            watched.observer.drain()
            watched.make(edit_again)
        for watched in found.values():
            watched.hear(watched.edit)
    return found


def edit_again(_: str, path: Path) -> None:
    make(path)
    with path.open("a") as file:
        file.write("y = 3\n")


@pytest.fixture(params=_SETTINGS, ids=str)
def watched(request: pytest.FixtureRequest, all_watched: dict[Setting, Watched]) -> Watched:
    """One of the settings."""
    return all_watched[request.param]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_seen_however_long_nothing_changed(watched: Watched, kind: str) -> None:
    path = watched.path(kind)
    assert any(covers(hint, path) for hint in watched.change), watched.change


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_after_the_change_is_seen(watched: Watched, kind: str) -> None:
    path = watched.path(kind)
    assert any(covers(hint, path) for hint in watched.edit), watched.edit
