"""A server whose files have times of whole seconds: ext4 with small inodes, for one.

The rules are those about what comes, changes and goes, which the times have to tell.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.rules import absent, directories, linked_trees, saves, trees
from tests.nfs.inside.contract import check_from_elsewhere, rules_of

if TYPE_CHECKING:
    from reloader_core.testing import Observer, Rule
    from tests.nfs.inside.mounts import Share

#: What a client of NFSv3 cannot know here, whatever it asks.
_BEYOND_NFS_3 = {
    "a file deleted and made again later is hinted at each time": (
        "the directory has the same time after both, a second long; a client of NFSv3 that has"
        " seen the file go does not ask for the name again"
    )
}


def test_the_times_of_this_server_are_whole_seconds(share: Share) -> None:
    path = share.server / "file"
    path.write_text("")
    assert path.stat().st_mtime_ns % 1_000_000_000 == 0


@pytest.mark.parametrize("options", ["vers=4.2,actimeo=60"])
@pytest.mark.parametrize("rule", rules_of(saves, absent, directories, trees, linked_trees))
def test_the_backend_keeps_the_contract(rule: Rule, share: Share) -> None:
    check_from_elsewhere(rule, share, share.server)


# Names that come and go within a second are beyond NFSv3: no rules but those of one file.
@pytest.mark.parametrize("options", ["vers=3,actimeo=60"])
@pytest.mark.parametrize("rule", rules_of(saves))
def test_the_backend_sees_all_ways_of_writing_with_nfs_3(rule: Rule, share: Share) -> None:
    if rule.name in _BEYOND_NFS_3:
        pytest.skip(_BEYOND_NFS_3[rule.name])
    check_from_elsewhere(rule, share, share.server)


def test_another_content_of_the_same_size_is_seen_a_second_later(
    watching: Observer, share: Share
) -> None:
    path = share.client / "module.py"
    share.on_server(path).write_text("x = 1\n")
    watching.watch(path)
    for text in ("x = 2\n", "x = 3\n"):
        share.tick()
        mtime_ns = path.stat().st_mtime_ns
        share.on_server(path).write_text(text)
        os.utime(share.on_server(path), ns=(mtime_ns, mtime_ns))
        watching.until(path)
        watching.drain()
