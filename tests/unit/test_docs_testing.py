"""What the documentation says of the test-kit, held against the kit and run."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core import testing
from reloader_core.model import Stamp
from reloader_core.testing import RULES, SourceTraits
from tests.unit.broken_sources import Source
from tests.unit.test_docs import (
    DOCS,
    WRITE_A_BACKEND,
    WRITE_A_PLUGIN,
    headings,
    load_backend_snippet,
    marked,
    section,
    snippets,
)

if TYPE_CHECKING:
    from pathlib import Path

TESTING = DOCS / "reference/testing.md"


def test_every_rule_is_listed_with_what_it_is_about() -> None:
    _, _, listed = TESTING.read_text().partition("\n## Rules\n")
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in listed.splitlines()
        if line.startswith("| ") and line != "| rule | in detail |"
    ]
    assert rows == [
        (rule.name, " ".join(rule.statement.replace("``", "`").split())) for rule in RULES
    ]


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_of_the_kit_has_its_place(name: str) -> None:
    is_heading = any(name in heading.split() for heading in headings(TESTING))
    if not is_heading:
        row = re.search(rf"^\| `{name}\((.*)\)` \|", section(TESTING, "Fakes"), re.MULTILINE)
        assert row is not None, name
        listed = [word.lstrip("*") for word in row[1].split(", ") if word != "*"]
        assert listed == list(inspect.signature(getattr(testing, name)).parameters)


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("Rule", set()),
        ("Observer", {"name_all", "fail"}),  # for those who derive from it
        ("PluginHarness", set()),
        ("ScriptedSource", {"watch", "wait", "close"}),
        ("FakeClock", set()),
    ],
)
def test_every_method_is_named(name: str, contract: set[str]) -> None:
    methods = {method for method in vars(getattr(testing, name)) if not method.startswith("_")}
    named = set(re.findall(r"`(\w+)", section(TESTING, name)))
    assert methods - contract - named == set()


def test_the_traits_are_listed_with_their_defaults() -> None:
    traits = SourceTraits()
    for name in ("deadline_seconds", "quiet_seconds", "prompt_seconds", "is_calm"):
        row = re.search(
            rf"^\| `{name}` \| `?(\S+?)`? \|", section(TESTING, "SourceTraits"), re.MULTILINE
        )
        assert row is not None, name
        assert row[1] == str(getattr(traits, name))


@pytest.mark.parametrize("code", snippets(TESTING, "python"))
def test_the_snippets_of_the_reference_run(code: str) -> None:
    exec(compile(code, "testing.md", "exec", dont_inherit=True), {"__name__": "snippet"})


def run(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_backend_of_the_how_to_keeps_the_contract_as_the_how_to_says(tmp_path: Path) -> None:
    load_backend_snippet(tmp_path)
    test = marked(WRITE_A_BACKEND, "snippet: backend test", "python")
    (tmp_path / "test_looking.py").write_text(test)
    said = run(tmp_path, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider")
    assert f"{len(RULES)} passed" in said


def test_the_backend_of_the_how_to_is_checked_without_a_test_runner(tmp_path: Path) -> None:
    load_backend_snippet(tmp_path)
    check = marked(WRITE_A_BACKEND, "snippet: backend check", "python")
    (tmp_path / "check.py").write_text(check)
    assert run(tmp_path, "check.py") == ""


def test_a_broken_rule_reads_as_the_how_to_shows(tmp_path: Path) -> None:
    class BySize(Source):
        def stamp_of(self, path: str) -> Stamp | None:
            stamp = super().stamp_of(path)
            return stamp and Stamp(0, 0, stamp.size, 0, 0)

    def without_what_varies(text: str) -> str:
        return re.sub(r"in \S+/files:", "in …:", re.sub(r"within \S+ s", "within … s", text))

    (rule,) = (
        rule for rule in RULES if rule.name == "a write that keeps size and time is hinted at"
    )
    with pytest.raises(AssertionError) as caught:
        rule.check(BySize, tmp_path, SourceTraits(deadline_seconds=0.2))
    shown = without_what_varies(marked(WRITE_A_BACKEND, "broken rule"))
    told = without_what_varies(str(caught.value))
    # A source that looks again and again may be waited for more than once.
    assert told.splitlines()[: len(shown.splitlines())] == shown.splitlines()


def test_the_plugin_of_the_how_to_is_tested_as_the_how_to_says(tmp_path: Path) -> None:
    plugin = marked(WRITE_A_PLUGIN, "snippet: plugin", "python")
    (tmp_path / "reload_hooks.py").write_text(plugin)
    test = marked(WRITE_A_PLUGIN, "snippet: plugin test", "python")
    (tmp_path / "test_reload_hooks.py").write_text(test)
    said = run(tmp_path, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
    assert "3 passed" in said
