"""Each backend is held against the contract; what ours do beyond it is below that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.pytest import change_source_rules
from tests.functional.change_sources import (
    BACKENDS,
    BUILT_IN,
    INTERVAL_SECONDS,
    TRAITS,
    Watching,
    replace,
    retarget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reloader_core.model import ChangeSource
    from reloader_core.testing import Rule


@pytest.mark.parametrize("open_at", BACKENDS)
@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract(
    rule: Rule, open_at: Callable[[float], ChangeSource], tmp_path: Path
) -> None:
    rule.check(lambda: open_at(INTERVAL_SECONDS), tmp_path, TRAITS)


@pytest.fixture(params=BUILT_IN)
def watching(request: pytest.FixtureRequest) -> Iterator[Watching]:
    source: ChangeSource = request.param(INTERVAL_SECONDS)
    yield Watching(source)
    source.close()


def test_another_name_is_forgotten_when_the_file_is_replaced(
    watching: Watching, tmp_path: Path
) -> None:
    path, other = tmp_path / "project" / "module.py", tmp_path / "elsewhere.py"
    path.parent.mkdir()
    path.write_text("x = 1\n")
    os.link(path, other)
    watching.watch(path)
    replace(path, "x = 3\n")
    watching.until(path)
    watching.drain()
    other.write_text("x = 4444\n")
    assert watching.hints() == []


def test_a_tree_enters_linked_directories_outside_of_it_once(
    watching: Watching, tmp_path: Path
) -> None:
    root, outside, other = tmp_path / "tree", tmp_path / "outside", tmp_path / "other"
    for directory in (root / "real", outside, other):
        directory.mkdir(parents=True)
        (directory / "a.py").write_text("")
    (root / "linked").symlink_to(outside)
    (root / "circle").symlink_to(tmp_path)
    (root / "real" / "circle").symlink_to("..")
    (root / "again").symlink_to("real")
    watching.watch(trees=[root])
    (root / "real" / "a.py").write_text("x")
    hints = watching.until(root / "real" / "a.py")
    assert {hint.path for hint in hints} == {str(root / "real" / "a.py")}
    watching.drain()
    retarget(root / "linked", other)
    watching.until(root / "linked" / "a.py")
    watching.drain()
    (other / "a.py").write_text("xy")
    hints = watching.until(root / "linked" / "a.py")
    assert {hint.path for hint in hints} == {str(root / "linked" / "a.py")}
