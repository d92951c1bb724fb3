"""Environment files are read anew for each program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.harness import Running, Workshop

#: Says some variables, and stays.
PROGRAM = """\
import os, signal
names = ("WORD", "OTHER", "HOME_OF_WORD", "PRESET")
print("has", {name: os.environ[name] for name in names if name in os.environ}, flush=True)
signal.pause()
"""


def start(workshop: Workshop, *options: str, env: dict[str, str] | None = None) -> Running:
    workshop.write("app.py", PROGRAM)
    return workshop.reloader("run", *(options or ("--env-file", ".env")), "app.py", env=env)


def test_a_changed_file_is_read_afresh_and_what_vanished_is_gone(workshop: Workshop) -> None:
    workshop.write(".env", "WORD=one\nOTHER='here'\n")
    running = start(workshop)
    running.out.wait_for(r"has \{'WORD': 'one', 'OTHER': 'here'\}")
    workshop.write(".env", "WORD=two\n")
    running.out.wait_for(r"has \{'WORD': 'two'\}")
    running.err.wait_for(r"\.env changed: restarted in")
    (workshop.directory / ".env").unlink()
    running.out.wait_for(r"has \{\}")
    workshop.write(".env", "WORD=back\n")
    running.out.wait_for(r"has \{'WORD': 'back'\}")


def test_a_restart_for_another_reason_has_them_too(workshop: Workshop) -> None:
    workshop.write(".env", "WORD=one\n")
    running = start(workshop)
    running.out.wait_for("'WORD': 'one'")
    workshop.write("app.py", PROGRAM.replace("has", "still has"))
    running.out.wait_for("still has {'WORD': 'one'}")


def test_the_programs_own_children_have_them(workshop: Workshop) -> None:
    workshop.write(".env", "WORD=one\n")
    workshop.write("app.py", "import os\nos.system('echo child has $WORD')\n")
    running = workshop.reloader("run", "--env-file", ".env", "app.py")
    running.out.wait_for("child has one")


def test_what_is_set_already_wins_and_a_later_file_over_an_earlier_one(workshop: Workshop) -> None:
    workshop.write(".env", "WORD=one\nPRESET=file\nOTHER=first\n")
    workshop.write("local.env", "OTHER=second\nHOME_OF_WORD=${WORD}/${PRESET}\n")
    options = ("--env-file", ".env", "--env-file", "local.env")
    running = start(workshop, *options, env={"PRESET": "shell"})
    running.out.wait_for(
        "has {'WORD': 'one', 'OTHER': 'second', 'HOME_OF_WORD': 'one/file', 'PRESET': 'shell'}"
    )


def test_paths_start_at_the_project_and_on_the_command_line_where_you_are(
    workshop: Workshop,
) -> None:
    workshop.write("pyproject.toml", "[tool.reloader]\nenv_files = ['a.env']\n")
    workshop.write("a.env", "WORD=project\n")
    workshop.write("sub/b.env", "OTHER=here\n")
    workshop.write("app.py", PROGRAM)
    below = workshop.directory / "sub"
    running = workshop.reloader("run", "--env-file", "b.env", "../app.py", cwd=below)
    running.out.wait_for("has {'WORD': 'project', 'OTHER': 'here'}")


def test_a_touch_restarts_nothing(workshop: Workshop) -> None:
    path = workshop.write(".env", "WORD=one\n")
    running = start(workshop)
    running.out.wait_for("'WORD': 'one'")
    os.utime(path)
    workshop.write(".env", "WORD=one\n")
    workshop.write("app.py", PROGRAM.replace("has", "later has"))
    running.out.wait_for("later has")
    assert len(running.out.lines) == 2


def test_what_cannot_be_read_is_told_and_the_program_runs(workshop: Workshop) -> None:
    (workshop.directory / ".env").write_bytes(b"WORD=\xff\n")
    running = start(workshop)
    running.err.wait_for(r"\.env is not UTF-8; save it as UTF-8")
    running.out.wait_for(r"has \{\}")
    workshop.write(".env", "WORD=one\nthis is no line\n")
    running.out.wait_for("'WORD': 'one'")
    running.err.wait_for(r"\.env: line 2 is not understood; write NAME=value")


def test_a_directory_in_its_place_is_told(workshop: Workshop) -> None:
    (workshop.directory / ".env").mkdir()
    running = start(workshop)
    running.err.wait_for(r"\.env cannot be read: Is a directory")
    running.out.wait_for(r"has \{\}")
