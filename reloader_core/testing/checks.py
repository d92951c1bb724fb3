"""All rules, one after the other."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from reloader_core.testing.rule import RuleNotCheckedError
from reloader_core.testing.rules import RULES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from reloader_core.testing.traits import MakeSource, SourceTraits


def check_change_source(
    make_source: MakeSource,
    directory: str | os.PathLike[str],
    traits: SourceTraits | None = None,
    *,
    report: Callable[[str], None] = warnings.warn,
) -> None:
    """Check a backend's change source against every rule, up to the first that is broken.

    :param make_source: opens a new source; it is called for each rule.
    :param directory: exists; all files are made below it, and removed.
    :param traits: what to expect of the source.
    :param report: takes one line for each rule that could not be checked here.
    :raises AssertionError: a rule is broken; the message names it and says how.
    """
    for rule in RULES:
        try:
            rule.check(make_source, directory, traits)
        except RuleNotCheckedError as skip:
            report(f"not checked: {skip}")
