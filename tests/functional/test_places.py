"""Wherever code lies, behind links and under whatever name, an edit of it is answered."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import wait_until
from tests.functional.live import assign
from tests.functional.saves import retarget, save_by_atomic_replace, save_in_place

if TYPE_CHECKING:
    from tests.functional.live import Live

#: Loads every file of the directory `odd` by its path, and prints their values.
LOADING_BY_PATH = """\
import importlib.util, os, signal
values = []
for name in sorted(os.listdir("odd")):
    spec = importlib.util.spec_from_file_location("odd", os.path.join("odd", name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    values.append(module.VALUE)
print("value", "-".join(values), flush=True)
signal.pause()
"""

ODD_NAMES = [
    b"two words.py",
    b"[brackets] {braces}.py",
    b"star*question?.py",
    b"new\nline.py",
    b"not \xff utf-8.py",
    "grüße.py".encode(),
    b"!bang #hash ~.py",
    b"back\\slash.py",
]


def test_code_loaded_by_path_is_watched_under_any_name(live: Live) -> None:
    odd = live.directory / "odd"
    odd.mkdir()
    names = sorted(map(os.fsdecode, ODD_NAMES))
    for name in names:
        (odd / name).write_text(assign("a"))
    live.write("app.py", LOADING_BY_PATH)
    live.start()
    values = ["a"] * len(names)
    live.expect("-".join(values))
    for number, name in enumerate(names):
        save = save_by_atomic_replace if number % 2 else save_in_place
        save(odd / name, assign("b"))
        values[number] = "b"
        live.expect("-".join(values), after=repr(name))
    live.finish()
    assert live.restarts == len(names)
    # A name with a line break does not break a line of ours.
    assert all(line.startswith("[reloader] odd/") for line in live.err.lines)


@pytest.mark.parametrize("name", [b"my [project] 1", b"n\xf6n utf-8\n!"])
def test_a_project_may_be_called_anything(live: Live, name: bytes) -> None:
    live.directory /= os.fsdecode(name)
    live.directory.mkdir()
    (live.directory / "value.py").write_text(assign("one"))
    (live.directory / "data").mkdir()
    (live.directory / "app.py").write_text(
        "import os, signal, value\n"
        "print('value', value.VALUE + ''.join(sorted(os.listdir('data'))), flush=True)\n"
        "signal.pause()\n"
    )
    live.start("--extra-file", "data/*.txt", cwd=live.directory)
    live.expect("one")
    (live.directory / "value.py").write_text(assign("two"))
    live.expect("two")
    (live.directory / "data" / "a.txt").touch()
    live.expect("twoa.txt")
    assert live.finish() == ["one", "two", "twoa.txt"]


def test_a_module_outside_of_the_project_is_watched(live: Live) -> None:
    project = live.write(
        "project/app.py",
        "import signal, value; print('value', value.VALUE, flush=True); signal.pause()\n",
    ).parent
    live.edit("one", "elsewhere/value.py")
    live.start(cwd=project, env={"PYTHONPATH": str(live.directory / "elsewhere")})
    live.expect("one")
    live.edit("two", "elsewhere/value.py")
    live.expect("two")


def test_a_linked_file_is_watched_where_it_is_and_where_the_link_is(live: Live) -> None:
    live.edit("one", "real/a.py")
    live.edit("six", "real/b.py")
    live.value_file.symlink_to("real/a.py")
    live.start()
    live.expect("one")
    live.edit("two", "real/a.py")
    live.expect("two")
    retarget(live.value_file, "real/b.py")
    live.expect("six")
    save_by_atomic_replace(live.directory / "real" / "b.py", assign("ten"))
    live.expect("ten")
    save_by_atomic_replace(live.value_file, assign("own"))  # no link any more
    live.expect("own")
    assert live.finish() == ["one", "two", "six", "ten", "own"]


def test_a_linked_directory_is_watched_where_it_is_and_where_the_link_is(live: Live) -> None:
    live.edit("one", "releases/1/code.py")
    live.edit("six", "releases/2/code.py")
    (live.directory / "current").symlink_to("releases/1")
    live.write("value.py", "from current.code import VALUE\n")
    live.start()
    live.expect("one")
    live.edit("two", "releases/1/code.py")
    live.expect("two")
    retarget(live.directory / "current", "releases/2")
    live.expect("six")
    live.edit("ten", "releases/2/code.py")
    live.expect("ten")
    live.edit("off", "releases/1/code.py")  # it is not in use any more
    live.edit("end", "current/code.py")
    live.expect("end")
    assert live.finish() == ["one", "two", "six", "ten", "end"]


def test_every_link_of_a_chain_counts(live: Live) -> None:
    """value.py -> links/a -> links/b -> target 0; then each link gets a target of its own."""
    for number in range(4):
        live.edit(f"v{number}", f"targets/{number}.py")
    links = live.directory / "links"
    links.mkdir()
    (links / "b").symlink_to("../targets/0.py")
    (links / "a").symlink_to(links / "b")
    live.value_file.symlink_to("links/a")
    live.start()
    live.expect("v0")
    retarget(links / "b", "../targets/1.py")
    live.expect("v1", after="the last link")
    retarget(links / "a", live.directory / "targets" / "2.py")
    live.expect("v2", after="the link in the middle")
    retarget(live.value_file, "targets/3.py")
    live.expect("v3", after="the first link")
    live.edit("end", "targets/3.py")
    live.expect("end")


def test_a_kubernetes_volume_swap_is_answered(live: Live) -> None:
    """Its files lead through `..data`, which is swapped to another directory at one stroke."""
    volume = live.directory / "volume"
    live.edit("one", "volume/..2024_01/settings.py")
    (volume / "..data").symlink_to("..2024_01")
    (volume / "settings.py").symlink_to("..data/settings.py")
    live.write("value.py", "from volume.settings import VALUE\n")
    live.start()
    live.expect("one")
    for value, fresh, old in (("two", "..2024_02", "..2024_01"), ("six", "..2024_03", "..2024_02")):
        live.edit(value, f"volume/{fresh}/settings.py")
        retarget(volume / "..data", fresh)
        (volume / old / "settings.py").unlink()
        live.expect(value)
    assert live.finish() == ["one", "two", "six"]


def watched_inodes(pid: int) -> set[int]:
    """The inodes that inotify watches for a process, whatever library asked for it."""
    inodes = set()
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        text = ""
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            text = path.read_text()
        for line in text.splitlines():
            if line.startswith("inotify "):
                fields = dict(field.split(":") for field in line.split()[1:])
                inodes.add(int(fields["ino"], 16))
    return inodes


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_in_an_excluded_directory_is_watched(live: Live) -> None:
    """The whole project is named by extra_files; nearly all of it is installed packages."""
    if live.backend in ("stat", "nfs"):
        pytest.skip("has no watches in the kernel")
    excluded = set()
    for top in ("node_modules", ".venv/lib", ".git/objects", "build"):
        for number in range(50):
            directory = live.directory / top / f"package{number}" / "lib"
            directory.mkdir(parents=True)
            excluded |= {directory.stat().st_ino, directory.parent.stat().st_ino}
            for file in range(20):
                (directory / f"{file}.py").touch()
    live.write("templates/deep/page.html", "a")
    live.start("--extra-file", ".", "--exclude", "build/")
    live.expect("one")
    live.write("templates/deep/page.html", "b")
    live.expect("one")
    deep = (live.directory / "templates" / "deep").stat().st_ino
    wait_until(lambda: deep in watched_inodes(live.running.process.pid), "the watches to be up")
    assert not watched_inodes(live.running.process.pid) & excluded
