"""The plugin harness: it calls plugins as the supervisor does, and answers in types."""

from __future__ import annotations

import re
import threading
import types
from typing import TYPE_CHECKING

import attrs
import pytest
import reloader_toy.backend
import reloader_toy.journal

from reloader_core import ConfigurationError, PluginError, hookimpl
from reloader_core.model import Command, Decision, Verdict
from reloader_core.supervisor.hooks import Hooks
from reloader_core.testing import (
    FakeSpawn,
    PluginHarness,
    fake_batch,
    fake_child,
    fake_command,
    fake_exit,
    fake_plan,
    fake_report,
    open_backend,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reloader_core.model import (
        ChangeBatch,
        Child,
        ChildExit,
        ReloadReport,
        RestartPlan,
        WatchRequest,
    )


class Everything:
    """Implements every hook, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    @hookimpl
    def iter_watched_files(self, request: WatchRequest) -> Iterator[str]:
        yield f"{request.root}/settings.toml"

    @hookimpl
    def should_reload(self, batch: ChangeBatch) -> Verdict | None:
        pages = [path for path in batch.paths if path.endswith(".html")]
        if not pages:
            return None
        return Verdict(decision=Decision.VETO, reason="read anew", paths=frozenset(pages))

    @hookimpl
    def restart_child(self, plan: RestartPlan) -> Child:
        return plan.spawn(command=attrs.evolve(plan.command, title="mine"))

    @hookimpl
    def adapt_command(self, command: Command) -> Command | None:
        if "runserver" not in command.argv:
            return None
        return attrs.evolve(command, argv=(*command.argv, "--noreload"))

    @hookimpl
    def child_started(self, child: Child) -> None:
        self.told.append(child)

    @hookimpl
    def child_ready(self, child: Child) -> None:
        self.told.append(child)

    @hookimpl
    def child_exited(self, ended: ChildExit) -> None:
        self.told.append(ended)

    @hookimpl
    def reload_finished(self, report: ReloadReport) -> None:
        self.told.append(report)


def test_every_hook_is_called_and_answers() -> None:
    plugin = Everything()
    harness = PluginHarness(plugin)
    assert harness.watched_files()[0].endswith("settings.toml")
    assert harness.verdicts() == []
    page = fake_batch("index.html")
    ((name, verdict),) = harness.verdicts(page)
    assert (name, verdict.decision) == ("Everything", Decision.VETO)
    assert harness.outcome(page).reasons == (("Everything", "read anew"),)
    assert harness.outcome(fake_batch("index.html", "app.py")).decision is Decision.RELOAD
    assert harness.outcome().decision is Decision.RELOAD
    spawn = FakeSpawn(fake_child())
    assert harness.start(fake_plan(spawn=spawn)) == fake_child()
    assert [command.title for command in spawn.commands if command] == ["mine"]
    assert harness.adapt() == fake_command()
    assert harness.adapt(fake_command("manage.py", "runserver")).argv[-1] == "--noreload"
    harness.child_started()
    harness.child_ready()
    harness.child_exited()
    harness.reload_finished()
    assert plugin.told == [fake_child(), fake_child(), fake_exit(), fake_report()]
    assert harness.warnings == []


def test_what_the_supervisor_calls_the_harness_calls() -> None:
    calls = {name for name in vars(Hooks) if not name.startswith("_")}
    assert calls - {"names_watched_files"} <= vars(PluginHarness).keys()


def test_the_core_starts_a_program_that_no_plugin_starts() -> None:
    harness = PluginHarness()
    assert harness.start() == fake_child()
    assert harness.start(fake_plan(spawn=FakeSpawn(fake_child(), OSError("no")))) is None
    assert harness.warnings == []


class Failing:
    @hookimpl
    def iter_watched_files(self) -> Iterator[str]:
        yield "a"
        raise LookupError("no more")

    @hookimpl
    def should_reload(self) -> str:
        return "yes"

    @hookimpl
    def child_started(self) -> None:
        raise SystemExit("enough")

    @hookimpl
    def chidl_ready(self) -> None:
        """A slip of the pen."""


def test_what_a_plugin_does_wrong_is_a_warning_with_its_name() -> None:
    harness = PluginHarness(Failing(), Everything())
    assert len(harness.watched_files()) == 1
    assert harness.verdicts() == []
    harness.child_started()
    place = re.compile(r" \(tests/unit/test_testing_harness\.py:\d+\)$")
    assert [place.sub(" (HERE)", warning) for warning in harness.warnings] == [
        "plugin 'Failing' implements an unknown hook 'chidl_ready'",
        "plugin 'Failing' failed in iter_watched_files: LookupError: no more (HERE)",
        (
            "plugin 'Failing' failed in should_reload:"
            " TypeError: expected a Verdict or None, got 'yes'"
        ),
        "plugin 'Failing' failed in child_started: SystemExit: enough (HERE)",
    ]


def test_each_plugin_has_a_thread_of_its_own_that_ends_with_the_harness() -> None:
    threads = []

    class Curious:
        @hookimpl
        def should_reload(self) -> None:
            threads.append(threading.current_thread())

        @hookimpl
        def child_started(self) -> None:
            threads.append(threading.current_thread())

    with PluginHarness(Curious(), Curious()) as harness:
        assert threads == []
        harness.verdicts()
        harness.child_started()
        names = ["reloader-plugin Curious", "reloader-plugin Curious-2"]
        assert sorted(thread.name for thread in threads) == sorted(names * 2)
        assert len(set(threads)) == 2
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()


def test_a_plugin_that_does_not_fit_is_refused() -> None:
    class Misfit:
        @hookimpl
        def child_started(self, process: object) -> None: ...

    with pytest.raises(PluginError, match="plugin 'Misfit' cannot be used"):
        PluginHarness(Misfit())


def test_two_plugins_of_one_kind_have_names_of_their_own() -> None:
    harness = PluginHarness(Everything(), Everything())
    names = [name for name, _ in harness.verdicts(fake_batch("a.html"))]
    assert names == ["Everything-2", "Everything"]


def test_a_module_is_a_plugin_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_VERDICT", "veto .html")
    monkeypatch.setenv("TOY_JOURNAL", str(tmp_path / "journal"))
    harness = PluginHarness(reloader_toy.journal)
    assert harness.outcome(fake_batch("a.html")).reasons == (
        ("reloader_toy.journal", "toy says veto"),
    )
    harness.child_exited(fake_exit(3))
    assert (tmp_path / "journal").read_text() == "exited 1 3\n"


def test_a_backend_is_opened_with_its_options_checked() -> None:
    source = open_backend(reloader_toy.backend, {"pause_seconds": 1})
    assert isinstance(source, reloader_toy.backend.ToySource)
    assert source.pause_seconds == 1.0
    with pytest.raises(ConfigurationError, match=r"pause_secs is not an option.*pause_seconds"):
        open_backend(reloader_toy.backend, {"pause_secs": 1})
    with pytest.raises(PluginError, match="does not implement open_change_source"):
        open_backend(types.ModuleType("empty"))
