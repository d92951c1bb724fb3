"""Rules of the contract, on files that are edited through another mount.

What the watching client can know does not depend on who changed a file on the server, and
for changes on the server every rule is checked. So these are the rules about how a file
comes, changes and goes: the other client has its own way with files that it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.rules import absent, directories, saves
from tests.nfs.inside import mounts
from tests.nfs.inside.contract import check_from_elsewhere, rules_of

if TYPE_CHECKING:
    from pathlib import Path

    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


@pytest.mark.parametrize("options", mounts.BELIEVING)
@pytest.mark.parametrize("rule", rules_of(saves, absent, directories))
def test_the_backend_keeps_the_contract(rule: Rule, share: Share, other_client: Path) -> None:
    check_from_elsewhere(rule, share, other_client)
