"""Random operations on a small project full of links: whatever happens, nothing goes unhinted."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.change_sources import BACKENDS, DEADLINE_SECONDS, covers, python_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.model import ChangeSource

DIRECTORIES = ["a", "b", "a/c", "b/c", "a/c/d", "link", "a/link", "b/c/link", "link/c"]
FILES = ["x.py", "y.py"]
LONGEST_LOOK_SECONDS = 0.02


def read(path: str) -> object:
    """What a program would find at ``path``."""
    try:
        status = os.stat(path)
        content = None if os.path.isdir(path) else Path(path).read_text()
    except OSError:
        return None
    return status.st_ino, content


class Vandal:
    """Does one random thing after another to the files below ``root``."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.log: list[tuple[str, str, str]] = []

    def act(self) -> None:
        pick = self.random.choice
        directory, file = self.root / pick(DIRECTORIES), self.root / pick(["", *DIRECTORIES])
        file /= pick(FILES)
        operation = pick([self.write, self.replace, self.make, self.remove, self.rename, self.link])
        operation = pick([operation, operation, operation, self.move_away_and_back])
        self.log.append((operation.__name__, str(directory), str(file)))
        with contextlib.suppress(OSError):
            operation(directory, file)

    def write(self, _: Path, file: Path) -> None:
        file.write_text("x" * len(self.log))

    def replace(self, _: Path, file: Path) -> None:
        other = file.with_name("new")
        other.write_text("x" * len(self.log))
        other.replace(file)

    def make(self, directory: Path, _: Path) -> None:
        directory.mkdir()

    def remove(self, directory: Path, file: Path) -> None:
        path = self.random.choice([directory, file])
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)

    def rename(self, directory: Path, file: Path) -> None:
        source = self.random.choice([directory, file])
        source.rename(self.root / self.random.choice(DIRECTORIES))

    def link(self, directory: Path, file: Path) -> None:
        link = self.random.choice([directory, file])
        target = self.random.choice(DIRECTORIES + FILES)
        other = self.root / "new"
        other.symlink_to(self.random.choice([target, f"../{target}", f"{self.root}/{target}"]))
        other.rename(link)

    def move_away_and_back(self, _: Path, __: Path) -> None:
        away = self.root.with_name("away")
        self.root.rename(away)
        away.rename(self.root)


@pytest.mark.endurance
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("open_at", BACKENDS)
def test_no_change_goes_without_a_hint(
    open_at: Callable[[float], ChangeSource], tmp_path: Path, seed: int
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    files = [str(root / directory / file) for directory in ["", *DIRECTORIES] for file in FILES]
    vandal = Vandal(root, seed)
    # Some backends look at some files in every fifth interval only.
    source = open_at(LONGEST_LOOK_SECONDS / 20)
    try:
        for step in range(40):
            if step % 8 == 0:
                watched = vandal.random.sample(files, 12)
                trees = [python_tree(root / "a")] if vandal.random.random() < 0.5 else []
                source.watch(frozenset(watched), frozenset(trees))
            before = {path: read(path) for path in watched}
            for _ in range(vandal.random.choice([1, 1, 2, 3])):
                vandal.act()
            missed = {path for path in watched if before[path] != read(path)}
            deadline = time.monotonic() + DEADLINE_SECONDS
            # A source that looks on a thread of its own may need longer than a look takes.
            while (hints := list(source.wait(LONGEST_LOOK_SECONDS))) or missed:
                missed = {path for path in missed if not any(covers(hint, path) for hint in hints)}
                assert not missed or time.monotonic() < deadline, (missed, vandal.log[-5:])
    finally:
        source.close()
