"""What can be wrong in the documentation, held against the code."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import reloader_core
from reloader_core import errors, hookspecs, model
from reloader_core.cli.options import parse_run_arguments
from reloader_core.config.schema import Configuration
from reloader_core.config.settings import SETTINGS
from reloader_core.model import ChangeSource, Hint, OpenRequest
from reloader_core.patterns import DEFAULT_EXCLUDES, PathFilter
from reloader_core.policy import lifecycle as lc
from reloader_core.policy.settle import Burst
from tests.functional.harness import WAITING_PROGRAM, Workshop, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOOKS = DOCS / "reference/hooks.md"
CONFIGURATION = DOCS / "reference/configuration.md"
COMMAND_LINE = DOCS / "reference/command-line.md"
PYTHON_API = DOCS / "reference/python-api.md"
BACKENDS = DOCS / "reference/backends.md"
DESIGN = DOCS / "explanation/design.md"
WRITE_A_BACKEND = DOCS / "how-to/write-a-backend.md"
WRITE_A_PLUGIN = DOCS / "how-to/write-a-plugin.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

HINT_SECONDS = 10.0

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def snippets(page: Path, language: str) -> list[str]:
    """The fenced code of one language."""
    return [code for kind, code in _FENCE.findall(page.read_text()) if kind == language]


def marked(page: Path, marker: str, language: str = "") -> str:
    """The fenced code right behind a marker."""
    text = page.read_text()
    start = text.index(f"<!-- {marker} -->\n") + len(f"<!-- {marker} -->\n")
    found = _FENCE.match(text, start)
    assert found is not None, f"{name_of(page)}: no code behind {marker!r}"
    assert found[1] == language
    return str(found[2])


def prose(page: Path) -> str:
    """A page without its fenced code."""
    return _FENCE.sub("", page.read_text())


def headings(page: Path) -> list[str]:
    return [text.replace("`", "") for _, text in _HEADING.findall(prose(page))]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(
        rf"^#+ `?{re.escape(heading)}`?$(.*?)(?=^#+ |\Z)",
        page.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, f"{name_of(page)} has no heading {heading!r}"
    return found[1]


def anchors(page: Path) -> set[str]:
    """The fragments that lead to headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings(page)}


def hook_signatures() -> dict[str, str]:
    """Each hook's definition in one line, as the source spells it."""
    tree = ast.parse(Path(hookspecs.__file__).read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and "hookspec" in ast.dump(node.decorator_list[0]):
            assert node.returns is not None
            returns = ast.unparse(node.returns)
            found[node.name] = f"def {node.name}({ast.unparse(node.args)}) -> {returns}: ..."
    return found


# Hooks


@pytest.mark.parametrize(("hook", "signature"), hook_signatures().items())
def test_every_hook_has_its_heading_and_its_exact_signature(hook: str, signature: str) -> None:
    text = section(HOOKS, hook)
    assert f"```python\n{signature}\n```" in text
    assert "Returns:" in text


@pytest.mark.parametrize("hook", hook_signatures())
def test_every_hook_has_an_example_that_implements_it(hook: str) -> None:
    assert f"@hookimpl\ndef {hook}(" in section(HOOKS, hook)


@pytest.mark.parametrize("name", model.__all__)
def test_every_value_object_has_its_heading_with_all_it_holds(name: str) -> None:
    text = section(HOOKS, name)
    value = getattr(model, name)
    fields = attrs.fields(value) if attrs.has(value) else ()
    held = [field.name for field in fields]
    held += getattr(value, "__members__", ())
    held += getattr(value, "_fields", ())
    held += [part for part, what in vars(value).items() if isinstance(what, property)]
    if value is ChangeSource:
        held += ["watch(files, trees)", "wait(timeout)", "close()"]
    for part in held:
        assert f"`{part}`" in text, f"{name} holds {part}"


# Configuration


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_has_its_heading_variable_option_and_default(key: str) -> None:
    text = section(CONFIGURATION, key)
    setting = SETTINGS[key]
    default = Configuration._field_defaults[key]
    # JSON spells these as TOML does.
    spelled = json.dumps(default)
    option = f"`{setting.option} {setting.metavar}".rstrip() + "`" if setting.option else "none"
    assert f"| Variable | `{setting.variable}`" in text
    assert f"| Option | {option}" in text
    assert f"| Default | `{spelled}` |" in text
    assert ("| Unit | seconds |" in text) == (setting.kind == "seconds")


def test_the_default_exclusions_are_listed() -> None:
    assert marked(CONFIGURATION, "default excludes").split() == list(DEFAULT_EXCLUDES)


def glob_examples() -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """The rows of the dialect's table: patterns, a path, and whether they select it."""
    for line in section(CONFIGURATION, "The glob dialect").splitlines():
        if line.startswith("| `"):
            patterns, selected, others = (
                re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")
            )
            for path in selected:
                yield tuple(patterns), path, True
            for path in others:
                yield tuple(patterns), path, False


@pytest.mark.parametrize(("patterns", "path", "is_selected"), list(glob_examples()))
@pytest.mark.skipif(os.sep != "/", reason="the examples are spelled as on POSIX")
def test_the_glob_dialect_selects_what_its_table_says(
    patterns: tuple[str, ...], path: str, is_selected: bool
) -> None:
    filter_ = PathFilter(root="/project", exclude=patterns)
    assert filter_.wants_file(os.path.join("/project", path)) is not is_selected


# Command line


def test_the_help_is_the_one_that_the_command_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "reloader_core", "run", "--help"],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert marked(COMMAND_LINE, "help: run") == printed.stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_the_docs_has_options_that_exist(page: Path) -> None:
    for line in "".join(snippets(page, "sh")).splitlines():
        _, found, words = line.partition("reloader run")
        if found and not parse_run_arguments(shlex.split(words, comments=True)).program:
            assert not words.strip(), line  # the configured command


# Python API


@pytest.mark.parametrize("name", reloader_core.__all__)
def test_every_public_name_has_its_heading(name: str) -> None:
    assert name in headings(PYTHON_API)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_listed_with_its_base_and_exit_code(name: str) -> None:
    error = getattr(errors, name)
    base = error.__base__.__name__
    row = f"| [`{name}`](#{name.lower()}) | `{base}` | {error.exit_code} |"
    assert row in section(PYTHON_API, "Errors")


# Backends


def test_every_built_in_backend_has_its_heading() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["entry-points"]["reloader.backends"]) <= set(headings(BACKENDS))


# Design


def lifecycle_arrows() -> set[tuple[str, str, str]]:
    """Every transition of the table to another state, found by taking the steps."""
    early, late = Burst.begin(0.0), Burst.begin(100.0)
    reload_wanted = lc.ReloadWanted(now=100.0, grace_seconds=5.0)
    quit_wanted = lc.QuitWanted(now=100.0, grace_seconds=5.0, exit_code=143, was_delivered=False)
    states: list[lc.State] = [
        lc.Idle(),
        lc.Starting(),
        lc.Starting(pending=reload_wanted),
        lc.Starting(pending=quit_wanted),
        *(
            lc.Running(pid=1, since=since, starts=starts, quick_restarts=quick_restarts)
            for since, starts, quick_restarts in itertools.product((0, 100), (1, 2), range(4))
        ),
        lc.Stopping(pid=1, starts=1, kill_at=105.0, burst=early),
        lc.Stopping(pid=1, starts=1, kill_at=105.0, burst=late),
        lc.Settling(starts=1, burst=early),
        lc.Delaying(starts=1, quick_restarts=1, until=50.0),
        lc.Waiting(starts=1),
        lc.Checking(starts=2, exit_code=0, until=50.0),
        lc.Quitting(pid=1, exit_code=143, terminate_at=None, kill_at=105.0),
    ]
    events: list[lc.Event] = [
        lc.Begin(),
        lc.Spawned(pid=1, now=100.0),
        lc.SpawnFailed(),
        reload_wanted,
        quit_wanted,
        *(
            lc.Exited(pid=1, now=100.0, returncode=code, has_crashed=has_crashed)
            for code, has_crashed in itertools.product((0, 1, 3, -11), (False, True))
        ),
        lc.Verified(can_start=True),
        lc.Verified(can_start=False),
        lc.TimePassed(now=100.0),
    ]
    arrows = set()
    for state, event in itertools.product(states, events):
        try:
            after, _ = lc.step(state, event)
        except lc.IllegalEventError:
            continue
        if type(after) is not type(state):
            arrows.add((type(state).__name__, type(after).__name__, type(event).__name__))
    return arrows


def test_the_lifecycle_diagram_has_exactly_the_tables_arrows() -> None:
    (diagram,) = snippets(DESIGN, "mermaid")
    drawn = set(re.findall(r"^ *(\w+) --> (\w+): (\w+)$", diagram, re.MULTILINE))
    assert drawn == lifecycle_arrows()


@pytest.mark.parametrize("state", lc.State.__args__)
def test_every_lifecycle_state_is_explained_and_drawn(state: type) -> None:
    (diagram,) = snippets(DESIGN, "mermaid")
    assert f"| `{state.__name__}` | " in section(DESIGN, "Lifecycle")
    assert re.search(rf"\b{state.__name__}\b", diagram)


# All pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"\w+://", target):
            continue
        path, _, fragment = target.partition("#")
        where = page.parent / path if path else page
        assert where.exists(), f"{name_of(page)}: {target}"
        assert not fragment or fragment in anchors(where), f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_python_snippet_compiles(page: Path) -> None:
    for code in snippets(page, "python"):
        compile(code, name_of(page), "exec", dont_inherit=True)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_toml_snippet_parses_and_its_settings_exist(page: Path) -> None:
    for code in snippets(page, "toml"):
        table = tomllib.loads(code).get("tool", {}).get("reloader", {})
        for key, value in table.items():
            assert key in SETTINGS or isinstance(value, dict), f"{name_of(page)}: {key}"


@pytest.mark.parametrize("marker", ["try-command", "test-command"])
def test_the_readme_has_the_commands_that_others_run_word_for_word(marker: str) -> None:
    assert marked(ROOT / "README.md", marker, "sh").strip()


def test_contributing_has_the_readmes_test_command() -> None:
    command = marked(ROOT / "README.md", "test-command", "sh")
    assert command in snippets(ROOT / "CONTRIBUTING.md", "sh")


# The how-tos, followed


def load_backend_snippet(directory: Path) -> ModuleType:
    path = directory / "reloader_looking.py"
    path.write_text(marked(WRITE_A_BACKEND, "snippet: backend", "python"))
    spec = importlib.util.spec_from_file_location("reloader_looking", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wait_for_hints(source: ChangeSource, count: int) -> list[Hint]:
    deadline = time.monotonic() + HINT_SECONDS
    hints: list[Hint] = []
    while len(hints) < count:
        left = deadline - time.monotonic()
        assert left > 0, f"only {hints}"
        hints += source.wait(left)
    return hints


def refuse_other_backends(name: str) -> ChangeSource:
    raise AssertionError(f"asked for {name}")


def test_the_backend_of_the_how_to_hints_at_a_real_edit(tmp_path: Path) -> None:
    module = load_backend_snippet(tmp_path)
    edited, absent = tmp_path / "edited.py", tmp_path / "absent.py"
    edited.write_text("one")
    request = OpenRequest(
        interval=1.0,
        options=module.Options(pause_seconds=0.01),
        notify=print,
        open_backend=refuse_other_backends,
    )
    source: ChangeSource = module.open_change_source(request)
    source.watch(frozenset({str(edited), str(absent)}), frozenset())
    assert not list(source.wait(0.05))
    edited.write_text("two!")
    assert wait_for_hints(source, 1) == [Hint(path=str(edited))]
    absent.write_text("made")
    assert wait_for_hints(source, 1) == [Hint(path=str(absent))]
    source.close()
    assert not list(source.wait(None))


def test_the_backend_of_the_how_to_serves_when_it_is_installed(workshop: Workshop) -> None:
    packaging = next(text for text in snippets(WRITE_A_BACKEND, "toml") if "[project]" in text)
    project = tomllib.loads(packaging)["project"]
    ((group, entries),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    folder = f"site/{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    workshop.write(f"{folder}/entry_points.txt", "\n".join(lines))
    load_backend_snippet(workshop.directory / "site")
    options = next(text for text in snippets(WRITE_A_BACKEND, "toml") if "pause_seconds" in text)
    workshop.write("pyproject.toml", options)
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'one'\n")
    environment = {"PYTHONPATH": str(workshop.directory / "site")}
    (name,) = entries
    running = workshop.reloader("run", "--reloader-type", name, "app.py", env=environment)
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_the_plugin_of_the_how_to_does_what_it_says(workshop: Workshop) -> None:
    workshop.write("reload_hooks.py", marked(WRITE_A_PLUGIN, "snippet: plugin", "python"))
    table = next(text for text in snippets(WRITE_A_PLUGIN, "toml") if "plugins" in text)
    workshop.write("pyproject.toml", table)
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'one'\n")
    running = workshop.reloader("run", "--interval", "0.1", "app.py")
    running.out.wait_for("value one")
    workshop.write("settings.toml", "")
    running.err.wait_for("settings.toml created: restarted")
    # Before it has loaded the module, an edit of it is no change.
    wait_until(lambda: running.out.text.count("value one") == 2, "the second start")
    lock = workshop.write(".git/index.lock", "")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.err.wait_for(r"value.py changed: restart put off: git is at work \(reload_hooks\)")
    lock.unlink()
    running.out.wait_for("value two")
    log = workshop.directory / "reloads.log"
    wait_until(lambda: log.read_text().count("\n") == 2, "both restarts to be logged")
    assert log.read_text().startswith("settings.toml created: 0.")


def told_events() -> set[str]:
    """The events of all notices in the code."""
    source = "\n".join(path.read_text() for path in (ROOT / "reloader_core").rglob("*.py"))
    told = re.findall(r'tell(?:\(|,)\s*Level\.[A-Z]+,\s*"([a-z_-]+)"', source)
    return {*told, *re.findall(r'event="([a-z_-]+)"', source)}


def test_every_event_is_listed_and_no_other() -> None:
    text = (ROOT / "docs/reference/events.md").read_text()
    assert set(
        re.findall(r"^\| `([a-z_-]+)` \|", text.partition("| event | more")[2], re.MULTILINE)
    ) == (told_events())
