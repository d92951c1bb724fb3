"""The fakes of the test-kit: they stand for the real thing, and say so when they cannot."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_backends import auto
from reloader_core import BackendUnavailableError
from reloader_core.model import (
    Change,
    ChangeKind,
    Hint,
    HintScope,
)
from reloader_core.testing import (
    RULES,
    FakeClock,
    FakeSpawn,
    ScriptedSource,
    SourceTraits,
    fake_batch,
    fake_changes,
    fake_child,
    fake_command,
    fake_exit,
    fake_open_request,
    fake_plan,
    fake_report,
    fake_watch_request,
    open_backend,
    python_tree,
)
from reloader_core.testing.fakes import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

#: Those that no file has to change for.
RULES_WITHOUT_CHANGES = [
    "wait returns in time when there is nothing",
    "close wakes a blocked wait",
    "close may be called again",
    "a source that watched nothing may be closed",
    "wait returns at once when the source is closed",
]


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource()


def watch(source: ScriptedSource, *files: str) -> None:
    source.watch(frozenset(files), frozenset())


# The scripted source


def test_a_scripted_source_says_what_it_is_told_in_order(source: ScriptedSource) -> None:
    source.hint("/a.py")
    source.hint("/b", HintScope.TREE)
    source.say(Hint(path="/c.py", is_being_written=True), Hint.everything())
    assert list(source.wait(None)) == [Hint(path="/a.py")]
    assert list(source.wait(None)) == [Hint(path="/b", scope=HintScope.TREE)]
    assert list(source.wait(None)) == [
        Hint(path="/c.py", is_being_written=True),
        Hint.everything(),
    ]
    assert list(source.wait(0)) == []


def test_a_scripted_source_fails_when_its_script_says_so(source: ScriptedSource) -> None:
    source.hint("/a.py")
    source.fail(BackendUnavailableError("no more watches"))
    source.fail_watch(BackendUnavailableError("not even one"))
    with pytest.raises(BackendUnavailableError, match="not even one"):
        watch(source, "/a.py")
    watch(source, "/a.py")
    assert list(source.wait(None)) == [Hint(path="/a.py")]
    with pytest.raises(BackendUnavailableError, match="no more watches"):
        source.wait(None)


def test_a_scripted_source_remembers_what_was_watched(source: ScriptedSource) -> None:
    assert not source.files | source.trees
    tree = python_tree("/project")
    source.watch(frozenset({"/a.py"}), frozenset({tree}))
    watch(source, "/b.py")
    assert [call.files for call in source.calls] == [{"/a.py"}, {"/b.py"}]
    assert source.calls[0].trees == {tree}
    assert source.files == {"/b.py"}
    assert not source.trees


def test_a_test_can_wait_for_what_another_thread_watches(source: ScriptedSource) -> None:
    thread = threading.Thread(
        target=lambda: source.watch(frozenset({"/a.py"}), frozenset({python_tree("/tree")}))
    )
    thread.start()
    source.until_watched("/a.py")
    source.until_watched("/tree")
    thread.join()
    with pytest.raises(AssertionError, match=r"'/b.py' is not watched, only \['/a.py'\]"):
        source.until_watched("/b.py", timeout=0.01)


@pytest.mark.parametrize("name", RULES_WITHOUT_CHANGES)
def test_a_scripted_source_keeps_the_rules_for_threads(name: str, tmp_path: Path) -> None:
    (rule,) = [rule for rule in RULES if rule.name == name]
    rule.check(ScriptedSource, tmp_path, SourceTraits(quiet_seconds=0.01))


def test_a_backend_that_chooses_is_opened_with_scripted_ones(source: ScriptedSource) -> None:
    opened = open_backend(auto, backends={"inotify": lambda: source, "stat": lambda: source})
    source.hint("app.py")
    assert list(opened.wait(10)) == [Hint(path="app.py")]
    opened.close()
    assert source.is_closed
    with pytest.raises(AssertionError, match=r"asked for the backend '\w+'; it was given \[\]"):
        open_backend(auto)


# Values


def test_each_fake_is_a_value_without_further_ado() -> None:
    child = fake_child()
    assert child.generation == 1
    assert fake_batch().changes == fake_changes("app.py")
    assert fake_report().reason == "app.py changed"
    assert fake_report().child.generation == 2
    assert fake_exit().child == child
    assert fake_command().argv[1:] == ("app.py",)
    assert fake_command().title == "app.py"
    assert fake_watch_request().command == fake_command()
    assert fake_open_request().options is None
    first = fake_plan()
    assert (first.generation, first.changes) == (1, ())
    assert fake_plan("app.py").generation == 2


def test_fakes_hold_what_they_are_given() -> None:
    changes = fake_changes("b.py", "/a.py", kind=ChangeKind.DELETED, root="/x")
    assert changes == (
        Change(path="/a.py", kind=ChangeKind.DELETED),
        Change(path="/x/b.py", kind=ChangeKind.DELETED),
    )
    assert fake_batch(*changes, "c.py", noticed_at=7.0).paths == (
        "/a.py",
        f"{PROJECT}/c.py",
        "/x/b.py",
    )
    child = fake_child(99, generation=4)
    assert fake_exit(-9, child=child, error="OSError: no", is_expected=True).child.pid == 99
    command = fake_command("-m", "shop", cwd="/x", environment={"A": "b"}, notes=("noted",))
    assert (command.title, command.cwd, command.notes) == ("-m shop", "/x", ("noted",))
    assert fake_command("./serve", is_python=False).argv == ("./serve",)
    assert fake_watch_request("/x").command.cwd == "/x"
    assert fake_report(*changes).reason == "a.py deleted"


def test_a_fake_plan_starts_one_fake_program() -> None:
    spawn = FakeSpawn(fake_child(7))
    plan = fake_plan(spawn=spawn)
    other = attrs.evolve(plan.command, argv=("other",))
    assert plan.spawn() == plan.spawn(command=other) == fake_child(7)
    assert spawn.commands == [None, other]
    spawn.error = FileNotFoundError("no such program")
    with pytest.raises(FileNotFoundError):
        plan.spawn()


def test_time_passes_when_it_is_told_to_and_never_back() -> None:
    clock = FakeClock()
    before = clock()
    clock.advance(1.5)
    assert clock() - before == 1.5
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)
