"""The rules of the test-kit, held against sources that are known to break them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core.model import Hint, HintScope
from reloader_core.testing import (
    RULES,
    Rule,
    RuleNotCheckedError,
    SourceTraits,
    check_change_source,
    covers,
)
from reloader_core.testing import checks as checks_module
from reloader_core.testing.abilities import Ability
from reloader_core.testing.pytest import change_source_rules
from reloader_core.testing.rule import rule
from tests.unit.breakages import BREAKAGES, Breakage
from tests.unit.broken_calls import HintsAtEverything
from tests.unit.broken_sources import Source

if TYPE_CHECKING:
    from pathlib import Path

    from reloader_core.testing.disk import Disk
    from reloader_core.testing.trial import Trial

#: For each missing hint the whole deadline passes, so it is a short one at first. On
#: a busy machine that finds other faults than the one that is looked for.
SHORT = SourceTraits(deadline_seconds=0.3, quiet_seconds=0.05, prompt_seconds=0.3)
PATIENT = SourceTraits(deadline_seconds=3.0, quiet_seconds=0.3, prompt_seconds=3.0)

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize(
    ("breakage", "name"),
    [
        pytest.param(breakage, name, id=f"{breakage.source.__name__}-{name.replace(' ', '-')}")
        for breakage in BREAKAGES
        for name in breakage.breaks
    ],
)
def test_a_broken_source_is_found_by_the_rule_it_breaks(
    breakage: Breakage, name: str, tmp_path: Path
) -> None:
    for traits in (SHORT, PATIENT):
        with pytest.raises(AssertionError) as caught:
            BY_NAME[name].check(breakage.source, tmp_path, traits)
        message = str(caught.value)
        if breakage.says in message:
            break
    assert message.startswith(f"the rule {name!r} is broken: ")
    assert breakage.says in message
    assert list(tmp_path.iterdir()) == []


def test_every_rule_is_broken_by_some_source() -> None:
    assert {name for breakage in BREAKAGES for name in breakage.breaks} == set(BY_NAME)


def test_a_right_source_passes_all_rules(tmp_path: Path) -> None:
    check_change_source(Source, tmp_path, SourceTraits(quiet_seconds=0.04))
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_not_calm_is_not_asked_for_silence(tmp_path: Path) -> None:
    skipped: list[str] = []
    traits = SourceTraits(quiet_seconds=0.02, is_calm=False)
    check_change_source(HintsAtEverything, tmp_path, traits, report=skipped.append)
    assert skipped == [
        f"not checked: {rule.name}: the source is not calm"
        for rule in RULES
        if rule.asks_for_silence
    ]


def test_a_fault_tells_what_was_done_and_what_was_heard(tmp_path: Path) -> None:
    class Mistaken(Source):
        def look(self) -> list[Hint]:
            return [Hint(path=f"{hint.path}.bak") for hint in super().look()]

    with pytest.raises(AssertionError) as caught:
        BY_NAME["a write in place is hinted at"].check(Mistaken, tmp_path, SHORT)
    first, where, *rest = str(caught.value).splitlines()
    assert first == (
        "the rule 'a write in place is hinted at' is broken:"
        " no hint of 'project/package/module.py' within 0.3 s"
    )
    assert where.startswith(f"what happened in {tmp_path}")
    assert rest[:4] == [
        "  wrote 'project/package/module.py'",
        "  watched 'project/package/module.py'",
        "  wrote 'project/package/module.py'",
        "  hints: path 'project/package/module.py.bak'",
    ]


def test_what_a_source_raises_is_a_broken_rule_and_its_cause(tmp_path: Path) -> None:
    class Failing(Source):
        def look(self) -> list[Hint]:
            raise OSError("no more watches")

    with pytest.raises(AssertionError, match="raised OSError: no more watches") as caught:
        BY_NAME["a write in place is hinted at"].check(Failing, tmp_path, SHORT)
    assert isinstance(caught.value.__cause__, OSError)


def test_what_is_no_hint_is_a_broken_rule(tmp_path: Path) -> None:
    class Sloppy(Source):
        def look(self) -> list[Hint]:
            return [hint.path for hint in super().look()]  # type: ignore[misc]  # that is its fault

    with pytest.raises(AssertionError, match=r"raised TypeError: .*module.py' is no hint"):
        BY_NAME["a write in place is hinted at"].check(Sloppy, tmp_path, SHORT)


def test_what_the_factory_raises_is_passed_on(tmp_path: Path) -> None:
    def make_source() -> Source:
        raise LookupError("no such backend")

    with pytest.raises(LookupError, match="no such backend"):
        RULES[0].check(make_source, tmp_path, SHORT)


def test_a_rule_that_cannot_be_checked_here_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @rule(Ability.SYMLINKS)
    def needs_much(trial: Trial, disk: Disk) -> None:
        raise AssertionError("was checked")

    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setattr(Ability, "is_there", lambda ability, directory: False)
    with pytest.raises(RuleNotCheckedError, match="no symbolic links can be made here"):
        needs_much.check(Source, tmp_path)
    monkeypatch.setattr(checks_module, "RULES", (needs_much,))
    with pytest.warns(UserWarning, match="not checked: needs much: no symbolic links"):
        check_change_source(Source, tmp_path)


def test_the_file_system_of_the_tests_can_do_all_that_rules_need(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere, some rules are not checked")
    assert all(ability.is_there(tmp_path) for ability in Ability)


@pytest.mark.parametrize("rule", change_source_rules())
def test_a_rule_says_what_must_hold(rule: Rule) -> None:
    assert rule.statement.endswith(".")
    assert rule.name.replace(" ", "").isascii()


def test_a_hint_covers_what_its_scope_says() -> None:
    assert covers(Hint.everything(), "/a")
    assert covers(Hint(path="/a"), "/a")
    assert not covers(Hint(path="/a"), "/a/b")
    assert covers(Hint(path="/a", scope=HintScope.TREE), "/a/b")
    assert not covers(Hint(path="/a", scope=HintScope.TREE), "/ab")
    assert covers(Hint(path="/", scope=HintScope.TREE), "/ab")


def test_the_kit_needs_no_test_runner() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import reloader_core.testing\n"
        "assert not [name for name in sys.modules if name.startswith('_pytest')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
