"""All ways of writing, on the server, watched through mounts of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_core.testing.rules import saves
from tests.nfs.inside.contract import check_from_elsewhere, rules_of

if TYPE_CHECKING:
    from reloader_core.testing import Rule
    from tests.nfs.inside.mounts import Share


@pytest.mark.parametrize(
    "options",
    [
        "vers=3",
        "vers=4.2",
        "vers=3,nocto",
        "vers=4.2,nocto",
        "vers=3,noac",
        "vers=3,soft,timeo=50,retrans=2",
        "vers=4.2,softerr,timeo=50,retrans=2",
    ],
)
@pytest.mark.parametrize("rule", rules_of(saves))
def test_the_backend_keeps_the_contract(rule: Rule, share: Share) -> None:
    check_from_elsewhere(rule, share, share.server)
