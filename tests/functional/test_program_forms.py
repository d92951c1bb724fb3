"""The program runs exactly as Python would run it: everything it can see is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipapp
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.functional.harness import Workshop

#: Prints what a program can see of how it was started.
PROBE = """\
import json, os, sys, warnings, __main__
def plain(value):
    return value if isinstance(value, (str, int, type(None))) else type(value).__name__
spec = __main__.__spec__
print(json.dumps({
    "argv": sys.argv, "path": sys.path, "flags": list(sys.flags), "orig_argv": sys.orig_argv,
    "main": {name: plain(value) for name, value in sorted(vars(__main__).items())
             if name.startswith("__")},
    "spec": spec and [spec.name, spec.origin, type(spec.loader).__name__],
    "warnoptions": sys.warnoptions, "xoptions": sys._xoptions,
    "filters": len(warnings.filters), "cwd": os.getcwd(),
    # Codecs are loaded when one is looked up, also by the interpreter's own checks.
    "modules": sorted(name for name in sys.modules
                      if "reloader" not in name and not name.startswith("encodings.")),
    "meta_path": [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path],
    "environment": {name: value for name, value in sorted(os.environ.items())
                    if name not in ("_", "SHLVL")},
    "excepthook": sys.excepthook is sys.__excepthook__,
    "threads": len(sys._current_frames()),
    "depth": sys._getframe().f_back is None or sys._getframe().f_back.f_code.co_filename,
}, default=str))
"""


def run_both(
    workshop: Workshop, program: Sequence[str], *, flags: Sequence[str] = ()
) -> tuple[str, str]:
    """What the program prints by itself, and what it prints under the reloader."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["PYTHONUNBUFFERED"] = "1"
    python = [] if program[0] == "COMMAND" else [sys.executable, *flags]
    words = program[1:] if program[0] == "COMMAND" else program
    bare = subprocess.run(
        [*python, *words],
        cwd=workshop.directory,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    running = workshop.reloader("run", *words, flags=flags)
    assert running.wait() == bare.returncode
    return bare.stdout + bare.stderr, "\n".join([*running.out.lines, *running.err.lines, ""])


def assert_same(reloaded: str, bare: str) -> None:
    """Compare two probes' lines, one thing a program can see at a time."""
    seen, expected = json.loads(reloaded), json.loads(bare)
    if sys.platform == "linux":
        # What a program may use, and is documented: nothing else is added.
        assert seen["environment"].pop("NOTIFY_SOCKET", "").startswith("@")
    assert seen.keys() == expected.keys()
    for name, value in expected.items():
        assert seen[name] == value, name


@pytest.fixture
def project(workshop: Workshop) -> Workshop:
    workshop.write("script.py", PROBE)
    workshop.write("package/__init__.py", "")
    workshop.write("package/__main__.py", PROBE)
    workshop.write("package/module.py", PROBE)
    workshop.write("folder/__main__.py", PROBE)
    zipapp.create_archive(workshop.directory / "folder", workshop.directory / "app.pyz")
    workshop.write("sub/deep.py", PROBE)
    return workshop


FORMS = {
    "script": ["script.py", "a", "--b", "c d"],
    "script elsewhere": ["sub/deep.py"],
    "module": ["-m", "package.module", "-x", "1"],
    "package": ["-m", "package"],
    "code": ["-c", PROBE, "-q", "--reloader-type"],
    "directory": ["folder", "x"],
    "zipapp": ["app.pyz", "x"],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_program_sees_what_it_sees_without_the_reloader(project: Workshop, form: str) -> None:
    bare, reloaded = run_both(project, FORMS[form])
    assert_same(reloaded, bare)


@pytest.mark.parametrize(
    "flags", [["-X", "dev"], ["-W", "error"], ["-OO"], ["-u"], ["-P"], ["-uB", "-Wignore"]]
)
def test_interpreter_flags_are_kept(project: Workshop, flags: list[str]) -> None:
    bare, reloaded = run_both(project, ["script.py"], flags=flags)
    assert_same(reloaded, bare)


def test_a_console_script_runs_as_it_is(project: Workshop) -> None:
    script = project.write("tool", f"#!{sys.executable}\n" + PROBE)
    script.chmod(0o755)
    bare, reloaded = run_both(project, ["COMMAND", str(script), "run", "--debug"])
    assert_same(reloaded, bare)


def test_a_python_command_line_runs_as_it_is(project: Workshop) -> None:
    bare, reloaded = run_both(project, ["COMMAND", sys.executable, "-X", "dev", "script.py", "1"])
    assert_same(reloaded, bare)


TRACEBACKS = {
    "exception": "def f():\n    raise ValueError('no')\nf()\n",
    "syntax error": "x = = 1\n",
    "import of a broken module": "import broken\n",
    "missing module": "import nowhere_at_all\n",
    "warning far up the stack": "import warnings\nwarnings.warn('far', stacklevel=50)\n",
    "system exit with text": "raise SystemExit('sorry')\n",
}


@pytest.mark.parametrize("case", TRACEBACKS)
@pytest.mark.parametrize("how", ["script", "module"])
def test_tracebacks_and_warnings_are_free_of_our_frames(
    workshop: Workshop, case: str, how: str
) -> None:
    workshop.write("failing.py", TRACEBACKS[case])
    workshop.write("broken.py", "import deeper\n")
    workshop.write("deeper.py", "1 / 0\n")
    program = ["failing.py"] if how == "script" else ["-m", "failing"]
    bare = subprocess.run(
        [sys.executable, *program],
        cwd=workshop.directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    running = workshop.reloader("run", *program)
    if bare.returncode and "sorry" not in bare.stderr:
        running.err.wait_for("waiting for a change")
        running.stop()
    else:
        running.wait()
    lines = [line for line in running.err.lines if not line.startswith("[reloader]")]
    assert lines == bare.stderr.splitlines()


def test_multiprocessing_and_pickling_from_main_work(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        "import multiprocessing as mp, pickle, sys\n"
        "class Thing:\n    pass\n"
        "def work(thing):\n    return type(thing).__name__\n"
        "if __name__ == '__main__':\n"
        "    assert isinstance(pickle.loads(pickle.dumps(Thing())), Thing)\n"
        "    for method in ('spawn', 'forkserver', 'fork'):\n"
        "        with mp.get_context(method).Pool(1) as pool:\n"
        "            print(method, pool.apply(work, (Thing(),)), flush=True)\n",
    )
    running = workshop.reloader("run", "app.py")
    assert running.wait() == 0, running.err.text
    assert running.out.lines == ["spawn Thing", "forkserver Thing", "fork Thing"]


def test_any_other_executable_runs_and_is_watched_through_extra_files(
    workshop: Workshop,
) -> None:
    workshop.write("data.txt", "one")
    running = workshop.reloader(
        "run",
        "--interval",
        "0.1",
        "--extra-file",
        "data.txt",
        "sh",
        "-c",
        "cat data.txt; echo; exec sleep 60",
    )
    running.out.wait_for("one")
    workshop.write("data.txt", "two")
    running.out.wait_for("two")


def test_an_executable_with_nothing_to_watch_is_told(workshop: Workshop) -> None:
    running = workshop.reloader("run", "sleep", "60")
    running.err.wait_for("sleep 60 is not a Python program.*no extra_files: nothing is watched")


def test_a_shell_script_that_runs_python_is_watched(workshop: Workshop) -> None:
    workshop.write("value.py", "VALUE = 'one'\n")
    workshop.write(
        "app.py", "import value, signal; print('value', value.VALUE, flush=True); signal.pause()\n"
    )
    script = workshop.write("serve.sh", f"#!/bin/sh\nexec {sys.executable} app.py\n")
    script.chmod(0o755)
    running = workshop.reloader("run", "./serve.sh")
    running.out.wait_for("value one")
    workshop.write("value.py", "VALUE = 'two'\n")
    running.out.wait_for("value two")


def test_standard_input_reaches_the_program(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("app.py", "import sys; print('read', sys.stdin.read())\n")
    done = subprocess.run(
        [sys.executable, "-m", "reloader_core", "run", "app.py"],
        cwd=tmp_path,
        input="words",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "read words\n"
