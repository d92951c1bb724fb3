"""Many changes that belong together are one restart, and a lone one is not waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.functional.git import Repository, needs_git
from tests.functional.live import assign

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.live import Live


def test_the_last_of_twenty_quick_edits_wins_after_few_restarts(live: Live) -> None:
    live.start()
    live.expect("one")
    for number in range(20):
        live.edit(f"v{number:02}")
        time.sleep(0.05)  # the pace of the edits
    live.expect("v19")
    live.finish()
    assert live.values[-1] == "v19"
    assert live.restarts <= 4


def many_modules(live: Live, count: int) -> list[Path]:
    """Have ``value.py`` import many modules, which agree about VALUE if all are of one state."""
    live.write("modules/__init__.py", "")
    paths = [live.write(f"modules/m{number:03}.py", assign("one")) for number in range(count)]
    live.write(
        "value.py",
        "import importlib\n"
        f"names = [f'modules.m{{number:03}}' for number in range({count})]\n"
        "values = {importlib.import_module(name).VALUE for name in names}\n"
        "VALUE = '/'.join(sorted(values))\n",
    )
    return paths


@needs_git
def test_a_branch_switch_is_one_restart(live: Live) -> None:
    paths = many_modules(live, 400)
    repository = Repository(live.directory)
    repository("checkout", "--quiet", "-b", "other")
    for path in paths:
        path.write_text(assign("two"))
    repository.commit("second")
    repository("checkout", "--quiet", "main")
    live.start()
    live.expect("one")
    repository("checkout", "--quiet", "other")
    live.expect("two")
    repository("checkout", "--quiet", "main")
    live.expect("one")
    assert live.finish() == ["one", "two", "one"]
    assert live.restarts == 2


def test_a_lone_save_is_not_waited_for(live: Live) -> None:
    live.start()
    live.expect("one")
    fastest = 1000.0
    for number in range(3):
        time.sleep(0.7)  # a save this much later has nothing to do with the one before
        saved_at = time.monotonic()
        live.edit(f"v{number}")
        live.expect(f"v{number}")
        fastest = min(fastest, time.monotonic() - saved_at)
    # Not the 150 ms that the end of a burst is waited for, besides the start itself.
    assert fastest < 0.15 + 0.2
