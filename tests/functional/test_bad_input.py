"""Bad input: one clear line for each fault, exit code 2, and nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.harness import Workshop


def refuse(workshop: Workshop, *arguments: str, env: dict[str, str] | None = None) -> list[str]:
    """Run a command that must be refused, and return its lines."""
    workshop.write("app.py", "open('was_started', 'w').close()\n")
    running = workshop.reloader("run", *arguments, env=env)
    assert running.wait() == 2
    assert running.out.text == ""
    assert not (workshop.directory / "was_started").exists()
    for line in running.err.lines:
        assert line.startswith("[reloader] error: "), line
    return running.err.lines


def test_an_unknown_backend_lists_the_installed_ones(workshop: Workshop) -> None:
    (line,) = refuse(workshop, "--reloader-type", "inotfy", "app.py")
    assert "inotfy" in line
    assert "did you mean 'inotify'" in line
    assert "stat" in line


def test_every_fault_of_the_configuration_is_reported_at_once(workshop: Workshop) -> None:
    workshop.write(
        "pyproject.toml",
        "[tool.reloader]\nintervall = 1\ngrace_seconds = 'long'\nextra_files = 'one.txt'\n",
    )
    lines = refuse(workshop, "app.py", env={"RELOADER_INTERVAL": "-1"})
    text = "\n".join(lines)
    assert len(lines) == 4
    assert "pyproject.toml" in text
    assert "did you mean 'interval'" in text
    assert "grace_seconds" in text
    assert "extra_files" in text
    assert "RELOADER_INTERVAL" in text


def test_broken_toml_is_located(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", "[tool.reloader]\ninterval = = 2\n")
    (line,) = refuse(workshop, "app.py")
    assert "pyproject.toml" in line
    assert "line 2" in line
    assert "column" in line


def test_options_of_a_backend_are_checked(workshop: Workshop) -> None:
    workshop.write("pyproject.toml", "[tool.reloader.stat]\nspeed = 1\n")
    (line,) = refuse(workshop, "--reloader-type", "stat", "app.py")
    assert "speed" in line
    workshop.write("pyproject.toml", "[tool.reloader.staat]\nspeed = 1\n")
    (line,) = refuse(workshop, "app.py")
    assert "did you mean 'stat'" in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["apq.py"], "apq.py"),
        (["-m", "no_such_module_here"], "no_such_module_here"),
        (["no-such-command-here"], "no-such-command-here"),
        (["--interval", "-1", "app.py"], "--interval"),
        (["--interval", "soon", "app.py"], "--interval"),
        (["--grace-seconds", "-1", "app.py"], "--grace-seconds"),
        (["--plugin", "no_such_plugin", "app.py"], "no_such_plugin"),
        (["--no-such-option", "app.py"], "--no-such-option"),
        (["--track-opened-files=maybe", "app.py"], "--track-opened-files is 'maybe'"),
        (["--track-opened-file", "app.py"], "did you mean '--track-opened-files'"),
        (["-q", "-v", "app.py"], "-q"),
        (["-"], "standard input"),
        ([], "nothing to run"),
        (["-m"], "-m"),
        (["--interval"], "--interval"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    workshop: Workshop, arguments: list[str], named: str
) -> None:
    (line,) = refuse(workshop, *arguments)
    assert named in line


def test_an_unknown_variable_is_refused(workshop: Workshop) -> None:
    (line,) = refuse(workshop, "app.py", env={"RELOADER_INTERVALL": "1"})
    assert "RELOADER_INTERVAL" in line
