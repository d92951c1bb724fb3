"""Plugins as strangers write them: really installed, found by their entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.harness import WAITING_PROGRAM, Running, Workshop, wait_until
from tests.functional.processes import works_here

TOY = Path(__file__).parents[1] / "plugins" / "reloader-toy"


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the toy package is installed; on the path of those tests only that want it."""
    target = tmp_path_factory.mktemp("toy")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", str(target), str(TOY)], check=True)
    return str(target)


class Toy:
    """A workshop in which the toy package is installed."""

    def __init__(self, workshop: Workshop, path: str) -> None:
        self.workshop = workshop
        self.path = path
        self.journal = workshop.directory / "journal"

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> Running:
        self.workshop.write("app.py", WAITING_PROGRAM)
        self.workshop.write("value.py", "VALUE = 'one'\n")
        environment = {"PYTHONPATH": self.path, "TOY_JOURNAL": str(self.journal), **(env or {})}
        running = self.workshop.reloader(
            "run", "--interval", "0.1", *arguments, "app.py", env=environment
        )
        running.out.wait_for("value one")
        return running

    def notes(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []


@pytest.fixture
def toy(workshop: Workshop, toy_path: str) -> Toy:
    return Toy(workshop, toy_path)


def test_a_third_party_backend_is_selected_by_its_entry_point(toy: Toy) -> None:
    toy.workshop.write("pyproject.toml", "[tool.reloader.toy]\npause_seconds = 0.05\n")
    running = toy.start("--reloader-type", "toy")
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_a_backend_that_fails_is_opened_anew_and_then_replaced(toy: Toy) -> None:
    running = toy.start("--reloader-type", "toy", env={"TOY_RAISE": "wait"})
    running.err.wait_for(
        r"the toy backend failed: RuntimeError: I lost my way \(.*backend\.py:\d+\); opening it"
    )
    running.err.wait_for("the toy backend failed: .*; using stat instead")
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_only_the_selected_backend_is_imported(toy: Toy) -> None:
    running = toy.start("--reloader-type", "stat", "-v", env={"PYTHONVERBOSE": "1"})
    running.stop()
    assert "import 'reloader_backends.stat'" in running.err.text
    assert "import 'reloader_toy.backend'" not in running.err.text
    assert "import 'reloader_backends.inotify'" not in running.err.text


def test_a_plugin_that_cannot_be_imported_is_named_and_left_out(toy: Toy) -> None:
    running = toy.start()
    running.err.wait_for(
        "plugin 'toy-broken' of reloader_toy-1.0 is left out: RuntimeError: this plugin is broken"
    )


def test_observers_hear_of_the_whole_life(toy: Toy) -> None:
    running = toy.start()
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    wait_until(lambda: any(note.startswith("reloaded") for note in toy.notes()))
    running.stop()
    assert toy.notes() == [
        "adapt app.py",
        "plan 1 0",
        "started 1",
        "exited 1 -15",
        "plan 2 1",
        "started 2",
        "reloaded 2 value.py changed",
        "exited 2 -15",
    ]


def test_a_plugin_adds_files_to_watch(toy: Toy) -> None:
    running = toy.start(env={"TOY_WATCH": "words/*.txt"})
    toy.workshop.write("words/new.txt", "a word")
    running.err.wait_for("words/new.txt created: restarted")


def test_a_veto_keeps_the_program_running(toy: Toy) -> None:
    running = toy.start(env={"TOY_VERDICT": "veto value.py"})
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.err.wait_for(r"value.py changed: not restarted: toy says veto \(toy-journal\)")
    toy.workshop.write("app.py", "print('new')\n" + WAITING_PROGRAM)
    running.out.wait_for("value two")


def test_a_deferred_restart_is_asked_about_again(toy: Toy) -> None:
    running = toy.start(env={"TOY_VERDICT": "defer value.py"})
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.err.wait_for("restart put off: toy says defer")
    wait_until(lambda: running.err.text.count("restart put off") >= 2)
    assert running.stop() == 143


@pytest.mark.parametrize("hook", ["should_reload", "iter_watched_files"])
def test_a_hook_that_raises_is_named_and_skipped(toy: Toy, hook: str) -> None:
    running = toy.start(env={"TOY_RAISE": hook})
    toy.workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
    running.err.wait_for(f"plugin 'toy-journal' failed in {hook}: ")


def test_a_module_of_the_project_can_be_a_plugin(toy: Toy) -> None:
    toy.workshop.write(
        "reload_hooks.py",
        "from reloader_core import hookimpl\n"
        "@hookimpl\n"
        "def child_started(child):\n"
        "    open('hooked', 'a').write(f'{child.generation}\\n')\n"
        "@hookimpl\n"
        "def chidl_ready(child):\n    pass\n",
    )
    toy.workshop.write("pyproject.toml", '[tool.reloader]\nplugins = ["reload_hooks"]\n')
    running = toy.start()
    wait_until((toy.workshop.directory / "hooked").exists)
    running.err.wait_for("plugin 'reload_hooks' implements an unknown hook 'chidl_ready'")


def test_a_plugin_can_start_the_program_its_own_way(toy: Toy) -> None:
    toy.workshop.write(
        "reload_hooks.py",
        "import attrs\n"
        "from reloader_core import hookimpl\n"
        "@hookimpl\n"
        "def restart_child(plan):\n"
        "    environment = {**plan.command.environment, 'GENERATION': str(plan.generation)}\n"
        "    command = attrs.evolve(plan.command, environment=environment)\n"
        "    return plan.spawn(command=command)\n",
    )
    toy.workshop.write("app.py", "")
    running = toy.start("--plugin", "reload_hooks")
    toy.workshop.write(
        "app.py",
        "import os; print('generation', os.environ['GENERATION'], flush=True)\n" + WAITING_PROGRAM,
    )
    running.out.wait_for("generation 2")


def test_the_inotify_limit_is_named_and_stat_serves(workshop: Workshop) -> None:
    if not works_here("unshare", "-Ur", "true"):
        pytest.skip("user namespaces are not allowed here")
    workshop.write("app.py", WAITING_PROGRAM)
    workshop.write("value.py", "VALUE = 'one'\n")
    line = (
        "echo 0 > /proc/sys/user/max_inotify_watches; exec "
        f"{sys.executable} -m reloader_core run --reloader-type inotify --interval 0.1 app.py"
    )
    running = workshop.start(["unshare", "-Ur", "sh", "-c", line], env={"HOME": os.environ["HOME"]})
    running.out.wait_for("value one")
    message = running.err.wait_for("using stat instead")
    assert "max_inotify_watches" in message
    assert "sysctl" in message
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")
