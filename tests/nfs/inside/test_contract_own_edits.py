"""Every rule of the contract, on files that are edited through the mount that is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.pytest import change_source_rules
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract(rule: Rule, share: Share) -> None:
    rule.check(open_source, share.client, TRAITS)
