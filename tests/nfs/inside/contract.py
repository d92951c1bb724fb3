"""The contract's rules, with changes that are made by another way than the watched one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reloader_core.testing import RULES, RuleNotCheckedError
from reloader_core.testing.disk import Disk
from reloader_core.testing.rules import saves
from tests.nfs.inside.sources import TRAITS, open_source

if TYPE_CHECKING:
    from reloader_core.testing import Rule

#: All ways of writing a file.
SAVES = [rule for rule in RULES if rule in vars(saves).values()]


def check_from_elsewhere(rule: Rule, watched: Path, changed: Path) -> None:
    """Check a rule on a source that watches a directory which is changed by another way.

    :param watched: the directory as the source sees it.
    :param changed: the same one, as whoever changes it sees it.
    """
    if reason := rule.why_not(watched, TRAITS):
        raise RuleNotCheckedError(f"{rule.name}: {reason}")
    place = Path(tempfile.mkdtemp(prefix="rule-", dir=changed))
    # A rule makes its own disk; that it is one of the server is this test bed's.
    rule._check(open_source, Disk(watched / place.name, changed_in=place), TRAITS)
