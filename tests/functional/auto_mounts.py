"""What ``auto`` does on real mounts, each told by a function that runs in a namespace of its own.

``python -m tests.functional.auto_mounts NAME DIRECTORY`` runs one, in a mount namespace
where this process may mount; :func:`run_scenario` starts that. The network file system is
an sshfs whose server is a pipe away. Another machine's edits are made behind its back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_backends import auto, inotify, nfs, stat
from reloader_core.testing import open_backend
from tests.functional.change_sources import INTERVAL_SECONDS, Watching, retarget
from tests.functional.harness import Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reloader_core.model import ChangeSource, Hint

__all__ = ["SCENARIOS", "run_scenario"]

ROOT = Path(__file__).parents[2]
SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")
CANNOT_MOUNT = 77


class Stage:
    """A directory in which file systems are mounted, and an ``auto`` that watches."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []
        self.opened: list[str] = []
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self.stack = contextlib.ExitStack()

    def open(self) -> Watching:
        """Open ``auto`` with what is mounted now."""
        source = open_backend(
            auto,
            interval=INTERVAL_SECONDS,
            notify=self.lines.append,
            backends={
                name: partial(self._open, name, module)
                for name, module in {"inotify": inotify, "nfs": nfs, "stat": stat}.items()
            },
        )
        self.stack.callback(source.close)
        return Watching(source)

    def directory(self, name: str) -> Path:
        """A directory; it is made if need be."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def share(self, name: str, point: Path) -> Path:
        """Mount a network file system.

        :returns: the directory on its server.
        """
        behind = self.directory(f"server/{name}")
        point.mkdir(parents=True, exist_ok=True)
        near, far = socket.socketpair()
        server = next(filter(os.path.exists, SFTP_SERVERS))
        options = "passive,dir_cache=no"
        command = ["sshfs", "-f", "-o", options, f"me@host:{behind}", str(point)]
        for argv, end in (([server], far), (command, near)):
            process = subprocess.Popen(argv, stdin=end.fileno(), stdout=end.fileno())
            self.servers.setdefault(name, process)
            self.stack.callback(process.wait)
            end.close()
        wait_until(lambda: process.poll() is not None or os.path.ismount(point), "the mount")
        if process.poll() is not None:
            sys.exit(CANNOT_MOUNT)
        self.stack.callback(subprocess.run, ["umount", "-l", str(point)], check=False)
        return behind

    def mount(self, point: Path) -> None:
        """Mount an empty local file system."""
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(point)], check=True)
        self.stack.callback(
            subprocess.run, ["umount", "-l", str(point)], check=False, capture_output=True
        )

    def unmount(self, point: Path) -> None:
        """Unmount what was mounted last."""
        subprocess.run(["umount", "-l", str(point)], check=True)

    def _open(self, name: str, module: object) -> ChangeSource:
        self.opened.append(name)
        return open_backend(module, interval=INTERVAL_SECONDS, notify=self.lines.append)


def edit(path: Path, watching: Watching, *hinted: Path) -> list[Hint]:
    """Write a file, and wait until it is hinted at, be it by another name."""
    with path.open("a") as file:
        file.write("x = 1\n")
    return watching.until(*(hinted or (path,)))


def tick(directory: Path) -> None:
    """Wait until a change of a directory would show in its time: sftp tells whole seconds."""
    # The clock of a file system is some milliseconds behind.
    wait_until(lambda: time.time() > int(directory.stat().st_mtime) + 1.1, "the next second")


# The scenarios


def files_on_both_are_heard_of_and_one_line_says_by_what(stage: Stage) -> None:
    local, point = stage.directory("project"), stage.root / "code"
    behind = stage.share("code", point)
    for path in (local / "near.py", behind / "far.py"):
        path.write_text("")
    watching = stage.open()
    watching.watch(local / "near.py", point / "far.py")
    watching.drain()
    edit(local / "near.py", watching)
    edit(behind / "far.py", watching, point / "far.py")
    watching.watch(local / "near.py", point / "far.py", point / "more.py")
    (behind / "more.py").write_text("")
    watching.until(point / "more.py")
    (line,) = stage.lines
    remote = f"watching {point} with nfs (fuse.sshfs from me@host:{behind})"
    assert line == f"{remote}, everything else with inotify"
    assert set(stage.opened) == {"inotify", "nfs"}


def a_share_mounted_over_a_watched_directory_is_watched_from_then_on(stage: Stage) -> None:
    local = stage.directory("project")
    path = local / "package" / "module.py"
    path.parent.mkdir()
    path.write_text("old\n")
    watching = stage.open()
    watching.watch(path, local / "app.py")
    watching.drain()
    assert stage.lines == []
    stage.directory("server/late").joinpath("module.py").write_text("another\n")
    behind = stage.share("late", path.parent)
    watching.until(path)
    watching.drain()
    edit(behind / "module.py", watching, path)
    assert [line.split(" (")[0] for line in stage.lines] == [f"watching {path.parent} with nfs"]
    watching.drain()
    stage.unmount(path.parent)
    watching.until(path)
    watching.drain()
    edit(path, watching)


def a_local_file_system_mounted_over_a_watched_directory_is_watched(stage: Stage) -> None:
    path = stage.directory("project/package") / "module.py"
    path.write_text("")
    tree = stage.directory("templates/inner")
    watching = stage.open()
    watching.watch(path, trees=[tree.parent])
    watching.drain()
    for point in (path.parent, tree):
        stage.mount(point)
    watching.until(path, tree / "x.py")
    watching.drain()
    edit(path, watching)
    edit(tree / "new.py", watching)
    watching.drain()
    for point in (path.parent, tree):
        stage.unmount(point)
    watching.until(path, tree / "x.py")
    watching.drain()
    edit(path, watching)
    edit(tree / "new.py", watching)
    assert set(stage.opened) == {"inotify"}
    assert stage.lines == []


def a_link_to_a_share_is_heard_of_and_so_is_where_it_leads(stage: Stage) -> None:
    point, project = stage.root / "share", stage.directory("home") / "project"
    behind = stage.share("share", point)
    for name in ("one", "two"):
        (behind / name).mkdir()
        (behind / name / "module.py").write_text(f"{name}\n")
    here = stage.directory("here")
    (here / "module.py").write_text("here\n")
    project.symlink_to(point / "one")
    (project.parent / "single.py").symlink_to(point / "two" / "module.py")
    module, single = project / "module.py", project.parent / "single.py"
    watching = stage.open()
    watching.watch(module, single)
    watching.drain()
    edit(behind / "one" / "module.py", watching, module)
    edit(behind / "two" / "module.py", watching, single)
    for target in (point / "two", here, point / "one"):
        watching.drain()
        retarget(project, target)
        watching.until(module)
        watching.drain()
        edited = here if target == here else behind / target.name
        edit(edited / "module.py", watching, module)
    assert len(stage.lines) == 1, stage.lines


def a_link_to_a_share_that_appears_later_is_followed(stage: Stage) -> None:
    point, project = stage.root / "share", stage.directory("project")
    behind = stage.share("share", point)
    (behind / "module.py").write_text("")
    watching = stage.open()
    watching.watch(project / "package" / "module.py")
    watching.drain()
    assert "nfs" not in stage.opened
    (project / "package").symlink_to(point)
    watching.until(project / "package" / "module.py")
    wait_until(lambda: "nfs" in stage.opened, "the share to be watched")
    watching.drain()
    edit(behind / "module.py", watching, project / "package" / "module.py")


def a_tree_with_a_share_in_it_is_watched_by_both(stage: Stage) -> None:
    tree, point = stage.directory("tree"), stage.root / "tree" / "share"
    unwanted = tree / "node_modules"
    behind = stage.share("share", point)
    stage.share("unwanted", unwanted)
    (tree / "linked").symlink_to("share")
    watching = stage.open()
    watching.watch(trees=[tree])
    watching.drain()
    edit(tree / "near.py", watching)
    tick(behind)
    edit(behind / "far.py", watching, point / "far.py")
    tick(behind)
    (behind / "package").mkdir()
    watching.until(point / "package")
    tick(behind / "package")
    edit(behind / "package" / "deep.py", watching, point / "package" / "deep.py")
    assert [line.split(" (")[0] for line in stage.lines] == [f"watching {point} with nfs"]


def a_server_that_is_away_keeps_no_local_file_from_being_watched(stage: Stage) -> None:
    point, project = stage.root / "share", stage.directory("project")
    behind = stage.share("share", point)
    for name in ("one", "two"):
        (behind / name).mkdir()
        (behind / name / "module.py").write_text(f"{name}\n")
    link, near, later = project / "link", project / "near.py", project / "later.py"
    link.symlink_to(point / "one")
    watching = stage.open()
    watching.watch(near, link / "module.py", point / "two" / "module.py")
    watching.drain()
    server = stage.servers["share"]
    server.send_signal(signal.SIGSTOP)
    try:
        edit(near, watching)
        # The part for links hangs from here on.
        retarget(link, point / "two")
        edit(near, watching)
        watching.watch(near, later, link / "module.py", point / "two" / "module.py")
        for path in (later, near):
            watching.drain()
            edit(path, watching)
    finally:
        server.send_signal(signal.SIGCONT)
    watching.until(link / "module.py")
    watching.drain()
    edit(behind / "two" / "module.py", watching, link / "module.py")


def a_program_on_both_is_restarted_by_edits_of_both(stage: Stage) -> None:
    point = stage.root / "code"
    behind = stage.share("code", point)
    workshop = Workshop(stage.directory("project"))
    stage.stack.callback(workshop.close)
    workshop.write("near.py", "VALUE = 1\n")
    (behind / "far.py").write_text("VALUE = 1\n")
    workshop.write(
        "app.py",
        "import signal, near, far\nprint('value', near.VALUE, far.VALUE, flush=True)\n"
        "signal.pause()\n",
    )
    running = workshop.reloader(
        "run", "--interval", "0.05", "app.py", env={"PYTHONPATH": str(point)}
    )
    running.out.wait_for("value 1 1")
    running.err.wait_for(f"watching {point} with nfs")
    workshop.write("near.py", "VALUE = 2\n")
    running.out.wait_for("value 2 1")
    (behind / "far.py").write_text("VALUE = 22\n")
    running.out.wait_for("value 2 22")
    assert running.stop() == 143
    assert running.err.text.count("watching") == 1, running.err.text


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        files_on_both_are_heard_of_and_one_line_says_by_what,
        a_share_mounted_over_a_watched_directory_is_watched_from_then_on,
        a_local_file_system_mounted_over_a_watched_directory_is_watched,
        a_link_to_a_share_is_heard_of_and_so_is_where_it_leads,
        a_link_to_a_share_that_appears_later_is_followed,
        a_tree_with_a_share_in_it_is_watched_by_both,
        a_server_that_is_away_keeps_no_local_file_from_being_watched,
        a_program_on_both_is_restarted_by_edits_of_both,
    )
}


def run_scenario(name: str, directory: Path) -> None:
    """Run one in a namespace of its own; what it does not find there, it skips."""
    if not any(map(os.path.exists, SFTP_SERVERS)):
        pytest.skip("no sftp-server is installed")
    module = [sys.executable, "-m", "tests.functional.auto_mounts", name, str(directory)]
    try:
        done = subprocess.run(
            ["unshare", "-rm", *module],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    map(str, (ROOT, ROOT / "tests/plugins/reloader-toy"))
                ),
                "XDG_CACHE_HOME": str(directory / "cache"),
            },
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode == CANNOT_MOUNT:
        pytest.skip(f"no sshfs can be mounted here: {done.stderr.strip()}")
    if done.returncode != 0 and "Traceback" not in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _stage(directory: Path) -> Iterator[Stage]:
    stage = Stage(directory)
    with stage.stack:
        yield stage


def main(name: str, directory: str) -> None:
    """Run one here."""
    with _stage(Path(directory)) as stage:
        SCENARIOS[name](stage)


if __name__ == "__main__":
    main(*sys.argv[1:])
