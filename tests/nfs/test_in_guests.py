"""The tests of ``inside``, a guest for each group of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.nfs.guest.packages import why_not

INSIDE = Path(__file__).with_name("inside")
ROOT = INSIDE.parents[2]

#: With this in the environment a guest that cannot be booted is a failure.
REQUIRED = "REQUIRE_NFS_GUEST"

#: So long may a group take, on a machine that has much else to do.
_MOST_SECONDS = 420


@attrs.frozen
class Group:
    """Tests that share a guest.

    :ivar modules: which of ``inside``.
    :ivar options: how the guest is booted.
    """

    modules: tuple[str, ...]
    options: tuple[str, ...] = ()


GROUPS = {
    "own-edits": Group(("test_contract_own_edits",)),
    "server-edits": Group(("test_contract_server_edits",), ("--export-fs", "ext4")),
    "clients": Group(
        ("test_contract_other_client", "test_contract_kinds_of_mount"),
        ("--export-fs", "ext4", "--no-delegations"),
    ),
    "whole-seconds": Group(("test_whole_seconds",), ("--export-fs", "ext4-whole-seconds")),
    "caches": Group(
        ("test_facts", "test_moments", "test_caches", "test_many_files"), ("--export-fs", "ext4")
    ),
    "without-server": Group(("test_without_server",), ("--export-fs", "ext4")),
    "programs": Group(("test_programs", "test_clock_jumps"), ("--export-fs", "ext4")),
}


def test_every_module_is_in_a_group() -> None:
    grouped = {module for group in GROUPS.values() for module in group.modules}
    assert grouped == {path.stem for path in INSIDE.glob("test_*.py")}


@pytest.mark.guest
@pytest.mark.parametrize("name", GROUPS)
def test_the_group_passes_in_a_guest(name: str) -> None:
    if reason := why_not():
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set: {reason}", pytrace=False)
        pytest.skip(reason)
    group = GROUPS[name]
    modules = [f"{INSIDE.relative_to(ROOT)}/{module}.py" for module in group.modules]
    boot = [sys.executable, "-m", "tests.nfs.guest", "--timeout", str(_MOST_SECONDS)]
    run = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "-ra", *modules]
    done = subprocess.run(
        [*boot, *group.options, "--", *run],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout)
    if done.returncode:
        pytest.fail(f"pytest in the guest ended with {done.returncode}", pytrace=False)
