"""Every rule of the contract, on files that are edited on the server.

What the client has cached is believed for a minute, so that only a look which asks the
server is in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.pytest import change_source_rules
from tests.nfs.inside import mounts
from tests.nfs.inside.contract import check_from_elsewhere

if TYPE_CHECKING:
    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


@pytest.mark.parametrize("options", mounts.BELIEVING)
@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract(rule: Rule, share: Share) -> None:
    check_from_elsewhere(rule, share, share.server)
