"""Every rule of the contract, on files that are edited through another mount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.pytest import change_source_rules
from tests.nfs.inside import mounts
from tests.nfs.inside.contract import check_from_elsewhere

if TYPE_CHECKING:
    from pathlib import Path

    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


@pytest.mark.parametrize("options", mounts.BELIEVING)
@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract(rule: Rule, share: Share, other_client: Path) -> None:
    check_from_elsewhere(rule, share, other_client)
