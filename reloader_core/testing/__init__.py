"""For authors of backends and plugins: the contract as checks, and fakes to test hooks with.

Nothing here needs a test runner; ``reloader_core.testing.pytest`` is a thin layer for one.
"""

from __future__ import annotations

from reloader_core.testing.checks import check_change_source
from reloader_core.testing.clock import FakeClock
from reloader_core.testing.fakes import (
    FakeSpawn,
    fake_batch,
    fake_changes,
    fake_child,
    fake_command,
    fake_exit,
    fake_open_request,
    fake_plan,
    fake_report,
    fake_watch_request,
)
from reloader_core.testing.harness import PluginHarness, open_backend
from reloader_core.testing.observer import Observer, covers, python_tree
from reloader_core.testing.rule import Rule, RuleNotCheckedError
from reloader_core.testing.rules import RULES, iter_rules
from reloader_core.testing.scripted_source import ScriptedSource
from reloader_core.testing.traits import MakeSource, SourceTraits

__all__ = [
    "RULES",
    "FakeClock",
    "FakeSpawn",
    "MakeSource",
    "Observer",
    "PluginHarness",
    "Rule",
    "RuleNotCheckedError",
    "ScriptedSource",
    "SourceTraits",
    "check_change_source",
    "covers",
    "fake_batch",
    "fake_changes",
    "fake_child",
    "fake_command",
    "fake_exit",
    "fake_open_request",
    "fake_plan",
    "fake_report",
    "fake_watch_request",
    "iter_rules",
    "open_backend",
    "python_tree",
]
