"""A plugin that misbehaves: what is told of it, and what goes on all the same."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from reloader_core import PluginError, hookimpl
from reloader_core.model import Decision, Verdict
from reloader_core.plugins import guarded, manager
from reloader_core.plugins.manager import Plugins
from reloader_core.supervisor.hooks import Hooks
from reloader_core.testing import (
    FakeSpawn,
    fake_batch,
    fake_child,
    fake_command,
    fake_exit,
    fake_plan,
    fake_report,
    fake_watch_request,
)
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Long enough for a thread to answer on a busy machine; short for a test.
PATIENCE_SECONDS = 0.3

HOOKS_THAT_ANSWER = ["iter_watched_files", "should_reload", "restart_child", "adapt_command"]
OBSERVERS = ["child_started", "child_ready", "child_exited", "reload_finished"]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(guarded, "OBSERVER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(guarded, "_PATIENCE_SECONDS", {"restart_child": PATIENCE_SECONDS})
    monkeypatch.setattr(manager, "END_SECONDS", PATIENCE_SECONDS)


class Fixture:
    """Plugins, and what was told of them."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.details: list[str] = []
        self.plugins = Plugins(self.told.append, detail=self.details.append)
        self.hooks = Hooks(self.plugins)

    def add(self, plugin: object, name: str = "bad") -> None:
        self.plugins.register(plugin, name)

    def call(self, hook: str) -> object:
        """Call any hook, and wait for observers."""
        calls: dict[str, Callable[[], object]] = {
            "iter_watched_files": lambda: self.hooks.watched_files(fake_watch_request()),
            "should_reload": lambda: self.hooks.verdicts(fake_batch()),
            "restart_child": lambda: self.hooks.start(fake_plan()),
            "adapt_command": lambda: self.hooks.adapt(fake_command()),
            "child_started": lambda: self.hooks.child_started(fake_child()),
            "child_ready": lambda: self.hooks.child_ready(fake_child()),
            "child_exited": lambda: self.hooks.child_exited(fake_exit()),
            "reload_finished": lambda: self.hooks.reload_finished(fake_report()),
        }
        answer = calls[hook]()
        if hook in OBSERVERS:
            self.plugins.settle(10 * PATIENCE_SECONDS)
        return answer


#: What a hook leads to without a plugin.
WITHOUT = {
    "iter_watched_files": [],
    "should_reload": [],
    "restart_child": fake_child(),
    "adapt_command": fake_command(),
}


@pytest.fixture
def made() -> Iterator[Fixture]:
    made = Fixture()
    yield made
    made.plugins.end_threads()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def plugin_with(**hooks: Callable[[], object]) -> object:
    """A plugin with these hooks, without arguments."""

    def mark(function: Callable[[], object]) -> object:
        def hook() -> object:
            return function()

        return staticmethod(hookimpl(hook))

    return type("Made", (), {name: mark(function) for name, function in hooks.items()})()


def fail() -> None:
    raise LookupError("no such thing\nand more")


def leave() -> None:
    raise SystemExit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


class Silent(Exception):  # noqa: N818  # what plugins raise has any name
    def __str__(self) -> str:
        raise RuntimeError


def fail_without_words() -> None:
    raise Silent


@pytest.mark.parametrize("hook", HOOKS_THAT_ANSWER + OBSERVERS)
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fail, "LookupError: no such thing (tests/unit/test_plugin_guard.py:"),
        (leave, "SystemExit: 3 (tests/unit/test_plugin_guard.py:"),
        (interrupt, "KeyboardInterrupt (tests/unit/test_plugin_guard.py:"),
        (fail_without_words, "Silent: what it says cannot be shown (tests/unit/test_plugin_guard"),
    ],
)
def test_whatever_a_hook_raises_is_one_line_with_its_place_until_it_is_disabled(
    made: Fixture, hook: str, function: Callable[[], object], words: str
) -> None:
    calls: list[None] = []

    def misbehave() -> object:
        calls.append(None)
        return function()

    made.add(plugin_with(**{hook: misbehave}))
    for _ in range(5):
        assert made.call(hook) == WITHOUT.get(hook)
    assert len(calls) == 3
    *failures, last = made.told
    assert len(failures) == 3
    for line in failures:
        assert line.startswith(f"plugin 'bad' failed in {hook}: {words}")
        assert "\n" not in line
    assert last == (
        f"plugin 'bad' failed 3 times in a row in {hook}, which is not called any more;"
        " mend it and start reloader again"
    )
    assert all("Traceback" in lines and "in misbehave" in lines for lines in made.details)


@pytest.mark.parametrize("hook", HOOKS_THAT_ANSWER)
@pytest.mark.parametrize("nonsense", [42, "nonsense", object()])
def test_nonsense_is_a_failure_like_any_other(made: Fixture, hook: str, nonsense: object) -> None:
    made.add(plugin_with(**{hook: lambda: nonsense}))
    for _ in range(4):
        assert made.call(hook) == WITHOUT.get(hook)
    assert len(made.told) == 4
    assert made.told[0].startswith(f"plugin 'bad' failed in {hook}: TypeError: expected ")
    assert "not called any more" in made.told[-1]


@pytest.mark.parametrize("hook", HOOKS_THAT_ANSWER)
def test_a_hook_that_blocks_is_waited_for_once_and_used_again_when_it_is_back(
    made: Fixture, gate: threading.Event, hook: str
) -> None:
    calls: list[None] = []

    def block() -> None:
        calls.append(None)
        gate.wait()

    made.add(plugin_with(**{hook: block}))
    assert made.call(hook) == WITHOUT.get(hook)
    began = time.monotonic()
    for _ in range(20):
        assert made.call(hook) == WITHOUT.get(hook)
    assert time.monotonic() - began < 20 * PATIENCE_SECONDS
    assert len(calls) == 1
    assert made.told == [f"plugin 'bad' did not answer {hook} within 0.3 s: going on without it"]
    gate.set()
    wait_until(lambda: made.call(hook) == WITHOUT.get(hook) and len(calls) == 2)
    assert len(made.told) == 1


def test_a_hook_that_blocks_each_time_is_disabled(made: Fixture) -> None:
    gates = [threading.Event() for _ in range(3)]
    calls: list[threading.Event] = []

    def block() -> None:
        calls.append(gates[len(calls)])
        calls[-1].wait()

    made.add(plugin_with(should_reload=block))

    def ask_until_called(count: int) -> None:
        wait_until(lambda: made.call("should_reload") == [] and len(calls) == count)

    for count, gate in enumerate(gates, 1):
        ask_until_called(count)
        gate.set()
    wait_until(lambda: made.told[-1:] != [] and "not called any more" in made.told[-1])
    made.call("should_reload")
    assert len(calls) == 3
    assert [line for line in made.told if "did not answer" not in line] == made.told[-1:]


def test_a_right_answer_forgives_what_was_before(made: Fixture) -> None:
    calls: list[None] = []

    def fail_twice() -> None:
        calls.append(None)
        if len(calls) % 3:
            fail()

    made.add(plugin_with(should_reload=fail_twice))
    for _ in range(12):
        made.call("should_reload")
    assert len(made.told) == 8
    assert not [line for line in made.told if "not called any more" in line]


def test_one_hook_is_disabled_and_the_plugins_others_go_on(made: Fixture) -> None:
    heard: list[str] = []
    made.add(plugin_with(should_reload=fail, child_started=lambda: heard.append("started")))
    for _ in range(4):
        made.call("should_reload")
    made.call("child_started")
    assert heard == ["started"]


def test_one_plugin_that_misbehaves_is_no_matter_to_another(
    made: Fixture, gate: threading.Event
) -> None:
    verdict = Verdict(decision=Decision.VETO, reason="fine")
    made.add(plugin_with(should_reload=lambda: verdict), "good")
    made.add(plugin_with(should_reload=gate.wait), "stuck")
    made.add(plugin_with(should_reload=leave), "leaving")
    for _ in range(5):
        assert made.call("should_reload") == [("good", verdict)]


@pytest.mark.parametrize("hook", OBSERVERS)
def test_an_observer_that_takes_long_keeps_nobody_waiting_and_is_named(
    made: Fixture, gate: threading.Event, hook: str
) -> None:
    made.add(plugin_with(**{hook: gate.wait}))
    tell = getattr(made.hooks, hook)
    began = time.monotonic()
    tell(None)
    assert time.monotonic() - began < PATIENCE_SECONDS
    time.sleep(1.5 * PATIENCE_SECONDS)  # it takes too long, and nobody waits for it
    gate.set()
    wait_until(lambda: made.told)
    assert re.match(r"plugin 'bad' took \d\.\d s for ", made.told[0])
    assert made.told[0].endswith(f" s for {hook}; more than 0.3 s are too many")


def test_an_observer_that_never_returns_is_named_at_the_next_call(
    made: Fixture, gate: threading.Event
) -> None:
    made.add(plugin_with(child_started=gate.wait, child_exited=lambda: None))
    made.hooks.child_started(fake_child())
    time.sleep(1.5 * PATIENCE_SECONDS)  # nobody waits for it, and it does not return
    made.hooks.child_exited(fake_exit())
    made.hooks.child_exited(fake_exit())
    (line,) = made.told
    assert line.startswith("plugin 'bad' has not returned from child_started for ")


def test_an_observer_in_the_way_of_a_question_is_the_one_to_blame(
    made: Fixture, gate: threading.Event
) -> None:
    asked: list[None] = []
    made.add(plugin_with(child_started=gate.wait, should_reload=lambda: asked.append(None)))
    made.hooks.child_started(fake_child())
    for _ in range(3):
        assert made.call("should_reload") == []
    (line,) = made.told
    assert line.startswith("plugin 'bad' has not returned from child_started for 0.")
    assert line.endswith(" s; going on without its should_reload")
    gate.set()
    wait_until(lambda: made.call("should_reload") == [] and asked)
    assert len(asked) == 1  # what was asked in vain is not asked late


def test_what_is_observed_comes_in_order_and_only_so_much_is_kept(
    made: Fixture, gate: threading.Event
) -> None:
    heard: list[int] = []

    class Slow:
        @hookimpl
        def child_started(self, child: object) -> None:
            gate.wait()
            assert isinstance(child, int)
            heard.append(child)

    made.add(Slow())
    for number in range(200):
        made.hooks.child_started(number)  # type: ignore[arg-type]  # any value will do
    assert [line for line in made.told if "behind" in line] == [
        "plugin 'bad' is 100 calls behind: it is not told of more"
    ]
    gate.set()
    wait_until(lambda: len(heard) >= 100)
    assert heard == list(range(len(heard)))
    assert len(heard) <= 101


def test_the_end_waits_for_what_was_observed_but_not_for_ever(
    made: Fixture, gate: threading.Event
) -> None:
    heard: list[str] = []

    def hear() -> None:
        time.sleep(PATIENCE_SECONDS / 4)  # it takes its time
        heard.append("exited")

    made.add(plugin_with(child_exited=gate.wait), "stuck")
    made.add(plugin_with(child_exited=hear), "slow")
    made.hooks.child_exited(fake_exit())
    began = time.monotonic()
    made.hooks.close()
    assert time.monotonic() - began < 10 * PATIENCE_SECONDS
    assert heard == ["exited"]
    (line,) = made.told
    assert line.startswith("plugin 'stuck' has not returned from child_exited for ")


def test_no_thread_is_made_without_plugins_or_before_they_are_called(made: Fixture) -> None:
    before = set(threading.enumerate())
    made.call("restart_child")
    made.add(plugin_with(child_started=lambda: None))
    for hook in [*HOOKS_THAT_ANSWER, "child_exited"]:
        made.call(hook)
    assert set(threading.enumerate()) == before
    made.call("child_started")
    assert len(set(threading.enumerate()) - before) == 1


def test_a_plugin_that_spawns_and_then_fails_has_spawned(made: Fixture) -> None:
    class Half:
        @hookimpl
        def restart_child(self, plan: object) -> None:
            plan.spawn()  # type: ignore[attr-defined]
            raise RuntimeError("too much")

    made.add(Half())
    spawn = FakeSpawn(fake_child())
    assert made.hooks.start(fake_plan(spawn=spawn)) == fake_child()
    assert "RuntimeError: too much" in made.told[0]


def test_what_a_call_that_was_given_up_raises_is_a_detail(
    made: Fixture, gate: threading.Event
) -> None:
    def fail_late() -> None:
        gate.wait()
        fail()

    made.add(plugin_with(should_reload=fail_late))
    made.call("should_reload")
    gate.set()
    wait_until(lambda: made.details)
    assert made.details[0].startswith("plugin 'bad' failed late in should_reload: LookupError")
    assert len(made.told) == 1


class HashesBadly:
    def __hash__(self) -> int:
        raise SystemExit(4)


def test_a_plugin_that_cannot_even_be_registered_is_refused(made: Fixture) -> None:
    with pytest.raises(PluginError, match="plugin 'bad' cannot be used: SystemExit: 4"):
        made.add(HashesBadly())


def test_a_plugin_that_is_refused_is_not_called(made: Fixture) -> None:
    heard: list[str] = []

    class Misfit:
        @hookimpl
        def child_started(self) -> None:
            heard.append("started")

        @hookimpl
        def reload_finished(self, wrong: object) -> None: ...

    with pytest.raises(PluginError, match="plugin 'bad' cannot be used"):
        made.add(Misfit())
    made.hooks.child_started(fake_child())
    assert heard == []
