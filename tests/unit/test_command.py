"""What a command line, or a running process, says about how a program is started."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zipapp
from typing import TYPE_CHECKING

import pytest

from reloader_core.command import (
    blocks_agent,
    interpreter_flags_of_this_process,
    resolve_program,
    split_interpreter_flags,
)
from reloader_core.command.resolve import is_interpreter_name
from reloader_core.errors import ProgramError
from reloader_core.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PYTHON = sys.executable


def write(path: Path, text: str = "", *, executable: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if executable:
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def resolve(
    cwd: Path,
    *program: str,
    flags: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    executable: str = PYTHON,
) -> Invocation:
    return resolve_program(
        program,
        cwd=str(cwd),
        environ={"PATH": "/bin:/usr/bin"} if env is None else env,
        executable=executable,
        interpreter_flags=flags,
    )


def refusal(cwd: Path, *program: str, env: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ProgramError) as caught:
        resolve(cwd, *program, env=env)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("typed", "flags", "rest"),
    [
        ("app.py -u", "", "app.py -u"),
        ("-uB app.py", "-uB", "app.py"),
        ("-W d -Wd app.py", "-W d -Wd", "app.py"),
        ("-X dev -Xdev x", "-X dev -Xdev", "x"),
        ("-uW error x", "-uW error", "x"),
        ("-uWerror x", "-uWerror", "x"),
        ("--check-hash-based-pycs always x", "--check-hash-based-pycs always", "x"),
        ("--version", "--version", ""),
        ("-m flask run", "", "-m flask run"),
        ("-Bmflask run", "-B", "-m flask run"),
        ("-Bm flask run", "-B", "-m flask run"),
        ("-cpass -u", "", "-c pass -u"),
        ("-Wm x", "-Wm", "x"),
        ("-u - x", "-u", "- x"),
        ("-u -- x -u", "-u", "x -u"),
        ("-u", "-u", ""),
        ("-W", "-W", ""),
    ],
)
def test_an_interpreters_options_are_read_as_it_reads_them(
    typed: str, flags: str, rest: str
) -> None:
    assert split_interpreter_flags(typed.split()) == (flags.split(), rest.split())


@pytest.mark.parametrize("flags", ["-I", "-uE", "-S", "-BsI", "-W d -E", "-X dev -uS"])
def test_isolation_keeps_the_agent_out(flags: str) -> None:
    assert blocks_agent(flags.split())


@pytest.mark.parametrize(
    "flags", ["", "-P", "-s", "-W IES", "-WI", "-XE", "-X S", "--check-hash-based-pycs E", "-OO"]
)
def test_no_other_option_keeps_the_agent_out(flags: str) -> None:
    assert not blocks_agent(flags.split())


def test_the_options_of_this_process_are_those_it_was_started_with() -> None:
    code = (
        "from reloader_core.command import interpreter_flags_of_this_process as flags\n"
        "print(flags())"
    )
    argv = [PYTHON, "-uX", "dev", "-Wd", "-c", code, "-B"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['-uX', 'dev', '-Wd']"
    assert isinstance(interpreter_flags_of_this_process(), list)


def test_a_script_is_run_by_our_interpreter_with_its_options(tmp_path: Path) -> None:
    write(tmp_path / "app.py")
    command = resolve(tmp_path, "app.py", "-x", flags=["-X", "dev"])
    assert command == Invocation(
        argv=(PYTHON, "-X", "dev", "app.py", "-x"),
        cwd=str(tmp_path),
        title="app.py -x",
        is_python=True,
    )


@pytest.mark.parametrize(
    "name", ["a.py", "a.PYW", "a.pyz", "a.zip", "a.pyc", "dir/a.py", "Procfile"]
)
def test_python_files_and_files_nothing_else_can_run_are_scripts(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert resolve(tmp_path, name).argv == (PYTHON, name)
    assert resolve(tmp_path, f"./{name}").argv == (PYTHON, f"./{name}")


def test_an_executable_python_file_is_still_a_script(tmp_path: Path) -> None:
    write(tmp_path / "a.py", "#!/bin/sh\n", executable=True)
    assert resolve(tmp_path, "./a.py").argv == (PYTHON, "./a.py")


def test_a_python_file_here_comes_before_a_command_of_that_name(tmp_path: Path) -> None:
    write(tmp_path / "bin" / "a.py", executable=True)
    write(tmp_path / "a.py")
    env = {"PATH": str(tmp_path / "bin")}
    assert resolve(tmp_path, "a.py", env=env).argv == (PYTHON, "a.py")


def test_a_directory_runs_when_it_has_a_main(tmp_path: Path) -> None:
    write(tmp_path / "one" / "__main__.py")
    (tmp_path / "two").mkdir()
    assert resolve(tmp_path, "one", "x").argv == (PYTHON, "one", "x")
    assert "directory 'two' has no __main__.py" in refusal(tmp_path, "two")
    assert "directory './two' has no __main__.py" in refusal(tmp_path, "./two")


def test_a_command_comes_before_a_directory_of_that_name(tmp_path: Path) -> None:
    tool = write(tmp_path / "bin" / "tool", "#!/bin/sh\n", executable=True)
    write(tmp_path / "tool" / "__main__.py")
    env = {"PATH": f"/nowhere:{tmp_path / 'bin'}"}
    assert resolve(tmp_path, "tool", env=env).argv == (str(tool),)
    assert resolve(tmp_path, "./tool", env=env).argv == (PYTHON, "./tool")


def test_a_command_is_found_on_the_path_then_beside_the_interpreter(tmp_path: Path) -> None:
    beside = write(tmp_path / "venv" / "tool", "#!/bin/sh\n", executable=True)
    python = str(tmp_path / "venv" / "python")
    argv = resolve(tmp_path, "tool", "x", env={"PATH": ""}, executable=python).argv
    assert argv == (str(beside), "x")
    first = write(tmp_path / "bin" / "tool", "#!/bin/sh\n", executable=True)
    env = {"PATH": "bin"}
    assert resolve(tmp_path, "tool", env=env, executable=python).argv == (str(first),)


def test_a_shim_gives_way_to_the_command_of_our_own_environment(tmp_path: Path) -> None:
    text = '#!/usr/bin/env bash\nexec "/x/pyenv" exec "$0" "$@"\n'
    shim = write(tmp_path / "shims" / "tool", text, executable=True)
    env = {"PATH": str(tmp_path / "shims")}
    command = resolve(tmp_path, "tool", env=env)
    assert (command.argv, command.is_python) == ((str(shim),), True)
    beside = write(tmp_path / "venv" / "tool", "#!/bin/sh\n", executable=True)
    python = str(tmp_path / "venv" / "python")
    assert resolve(tmp_path, "tool", env=env, executable=python).argv == (str(beside),)


def test_an_executable_here_needs_no_path(tmp_path: Path) -> None:
    tool = write(tmp_path / "serve", "#!/bin/sh\n", executable=True)
    assert resolve(tmp_path, "./serve").argv == (str(tool),)
    assert resolve(tmp_path, "serve").argv == (str(tool),)
    assert resolve(tmp_path, str(tool)).argv == (str(tool),)


@pytest.mark.parametrize(
    ("text", "is_python"),
    [
        ("#!/usr/bin/env python3\n", True),
        ("#!/usr/bin/env -S python3 -X dev\n", True),
        ("#!/usr/bin/env -S A=1 python3.11\n", True),
        ("#! /x/bin/python3.11\n", True),
        ("#!/x/bin/pypy3\r\n", True),
        ("#!/bin/sh\n'''exec' \"/a b/python3\" \"$0\" \"$@\"\n' '''\nimport x\n", True),
        ("#!/bin/sh\n'''exec' /a/python3 -E \"$0\" \"$@\"\n' '''\nimport x\n", False),
        ("#!/bin/sh\n'''exec' \"unclosed\n", False),
        ("#!/bin/sh\nexec python3 app.py\n", False),
        ("#!/x/bin/python3 -I\n", False),
        ("#!/usr/bin/env node\n", False),
        ("#!\n", False),
        ("import this\n", False),
        ("", False),
    ],
)
def test_a_script_is_python_when_its_first_lines_say_so(
    tmp_path: Path, text: str, is_python: bool
) -> None:
    tool = write(tmp_path / "tool", text, executable=True)
    command = resolve(tmp_path, "./tool")
    assert command.argv == (str(tool),)
    assert command.is_python is is_python


def test_an_executable_that_is_not_text_is_not_python(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x7fELF\xff\xfe")
    tool.chmod(0o755)
    assert not resolve(tmp_path, "./tool").is_python


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("python", "python3", "python3.11", "pypy", "pypy3.10")),
        *((name, True) for name in ("pythonw.exe", "Python.EXE", "python3.13t", "python3.12-dbg")),
        *((name, False) for name in ("python3-config", "pythonista", "ipython", "bpython", "py")),
    ],
)
def test_interpreters_are_known_by_name(name: str, expected: bool) -> None:
    assert is_interpreter_name(name) is expected


def test_a_python_command_line_keeps_its_own_options(tmp_path: Path) -> None:
    write(tmp_path / "app.py")
    command = resolve(tmp_path, PYTHON, "-X", "dev", "app.py", flags=["-B"])
    assert command.argv == (PYTHON, "-X", "dev", "app.py")
    assert command.is_python
    assert not command.notes


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_isolation_is_kept_and_told(tmp_path: Path, flag: str) -> None:
    write(tmp_path / "app.py")
    note = f"{flag} keeps the reloader's agent out: only extra_files are watched"
    for command in (
        resolve(tmp_path, PYTHON, flag, "app.py"),
        resolve(tmp_path, "app.py", flags=[flag]),
        resolve(tmp_path, "-c", "pass", flags=[flag]),
    ):
        assert flag in command.argv
        assert not command.is_python
        assert command.notes == (note,)


def test_a_program_that_cannot_be_run_again_is_refused(tmp_path: Path) -> None:
    assert "standard input" in refusal(tmp_path, "-")
    assert "standard input" in refusal(tmp_path, PYTHON, "-u", "-")
    assert "nothing to run" in refusal(tmp_path)
    assert "nothing to run" in refusal(tmp_path, "")
    assert "nothing to run" in refusal(tmp_path, PYTHON)
    assert "nothing to run" in refusal(tmp_path, PYTHON, "-V")
    assert "-m needs a module" in refusal(tmp_path, "-m")
    assert "-c needs code" in refusal(tmp_path, PYTHON, "-c")


def test_a_missing_program_is_told_with_what_comes_close(tmp_path: Path) -> None:
    write(tmp_path / "manage.py")
    assert refusal(tmp_path, "mange.py") == (
        f"script 'mange.py' not found in {tmp_path}; did you mean 'manage.py'?"
    )
    assert refusal(tmp_path, "./zzz") == f"script './zzz' not found in {tmp_path}"
    assert refusal(tmp_path, "no/x.py").endswith(f"there is no directory {tmp_path}/no")
    assert "did you mean 'manage.py'?" in refusal(tmp_path, PYTHON, "-u", "manag.py")
    text = refusal(tmp_path, "manage")
    assert text == (
        f"'manage' is neither a file in {tmp_path} nor a command on PATH; did you mean '-m manage'?"
    )
    write(tmp_path / "bin" / "uvicorn", executable=True)
    env = {"PATH": str(tmp_path / "bin")}
    assert "did you mean 'uvicorn'?" in refusal(tmp_path, "uvicorm", env=env)


def test_a_link_to_nowhere_is_missing(tmp_path: Path) -> None:
    (tmp_path / "app.py").symlink_to("gone.py")
    assert "script 'app.py' not found" in refusal(tmp_path, "app.py")


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    write(tmp_path / "single.py", "raise SystemExit('imported')\n")
    write(tmp_path / "package" / "__init__.py", "raise SystemExit('imported')\n")
    write(tmp_path / "package" / "__main__.py")
    write(tmp_path / "package" / "inner" / "module.py")
    write(tmp_path / "plain" / "__init__.py")
    write(tmp_path / "outer" / "inner" / "deep" / "module.py")
    write(tmp_path / "wide" / "__init__.py", "__path__.append('/elsewhere')\n")
    zipapp.create_archive(tmp_path / "package", tmp_path / "archive.pyz")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "single",
        "package",
        "package.inner.module",
        "outer.inner.deep.module",
        "wide.anything",
        "http.server",
        "pytest",
        "this",
    ],
)
def test_a_module_is_found_without_importing_anything(modules: Path, name: str) -> None:
    before = set(sys.modules)
    command = resolve(modules, "-m", name, "-x")
    assert command.argv == (PYTHON, "-m", name, "-x")
    assert command.title == f"-m {name} -x"
    # Standard modules of the machinery itself may come in; the program's do not.
    assert not {"single", "package", "outer", "wide", "http", "this"} & (set(sys.modules) - before)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("singel", "module 'singel' not found; did you mean 'single'?"),
        ("jsno", "module 'jsno' not found; did you mean 'json'?"),
        ("package.iner", "module 'package.iner' not found; did you mean 'package.inner'?"),
        ("single.x", "module 'single.x' not found"),
        ("plain", "package 'plain' has no __main__ module: name one of its modules"),
        ("outer", "package 'outer' has no __main__ module: name one of its modules"),
        ("single.py", "module 'single.py' not found: leave out '-m' for a script"),
        ("package/inner", "'package/inner' is not the name of a module"),
        (".single", "'.single' is not the name of a module"),
        ("", "'' is not the name of a module"),
    ],
)
def test_a_missing_module_is_told(modules: Path, name: str, fault: str) -> None:
    assert refusal(modules, "-m", name).startswith(fault)


def test_a_safe_path_leaves_the_working_directory_out(modules: Path) -> None:
    with pytest.raises(ProgramError, match="'single' not found"):
        resolve(modules, "-m", "single", flags=["-P"])
    with pytest.raises(ProgramError, match="'single' not found"):
        resolve(modules, "-m", "single", env={"PATH": "/bin", "PYTHONSAFEPATH": "1"})


def test_another_interpreters_modules_are_not_judged(tmp_path: Path) -> None:
    command = resolve(tmp_path, "-m", "nowhere", executable="/other/python")
    assert command.argv == ("/other/python", "-m", "nowhere")


def test_a_title_is_one_short_printable_line(tmp_path: Path) -> None:
    title = resolve(tmp_path, "-c", "import os\nprint('\x1b[1m')" + "#" * 100 + "\udcff").title
    assert title.startswith("-c import os print('?[1m')###")
    assert len(title) == 60


RERUN = """\
import json, os, sys
from reloader_core.command import rerun_command
from reloader_core.errors import ReloaderError
CHANGE
try:
    command = rerun_command(environ=os.environ)
except ReloaderError as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps([command.argv, command.cwd, command.title, command.is_python]))
"""


def rerun(
    cwd: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> list[object] | str:
    done = subprocess.run(
        [PYTHON, *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    result: list[object] | str = json.loads(done.stdout)
    return result


@pytest.fixture
def started(tmp_path: Path) -> Path:
    source = RERUN.replace(
        "CHANGE", "os.chdir('/'); sys.argv[:] = ['x']; sys.path.insert(0, '/bin')"
    )
    for name in ("app.py", "sub/app.py", "folder/__main__.py", "package/module.py"):
        write(tmp_path / name, source)
    zipapp.create_archive(tmp_path / "folder", tmp_path / "app.pyz")
    return tmp_path


@pytest.mark.parametrize(
    "script",
    ["app.py", "./app.py", "sub/app.py", "sub/../app.py", "folder", "./folder/", "app.pyz"],
)
def test_a_script_runs_again_where_it_was_started(started: Path, script: str) -> None:
    assert rerun(started, "-X", "dev", script, "a b") == [
        [PYTHON, "-X", "dev", script, "a b"],
        str(started),
        f"{script} a b",
        True,
    ]


def test_a_script_above_runs_again_where_it_was_started(started: Path) -> None:
    found = rerun(started / "sub", "../app.py")
    assert found == [[PYTHON, "../app.py"], str(started / "sub"), "../app.py", True]


def test_a_module_runs_again_where_it_was_started(started: Path) -> None:
    write(started / "moved.py", RERUN.replace("CHANGE", "os.chdir('/')"))
    found = rerun(started, "-Bm", "moved", "x")
    assert found == [[PYTHON, "-Bm", "moved", "x"], str(started), "-m moved x", True]
    write(started / "grown.py", RERUN.replace("CHANGE", "sys.path.insert(0, '/bin')"))
    found = rerun(started, "-m", "grown")
    assert found == [[PYTHON, "-m", "grown"], str(started), "-m grown", True]


def test_code_and_absolute_scripts_run_again_in_the_working_directory(started: Path) -> None:
    code = RERUN.replace("CHANGE", "")
    script = str(write(started / "sub" / "still.py", code))
    for program in (["-c", code], [script]):
        found = rerun(started, *program, env={"PWD": "/usr"})
        assert isinstance(found, list)
        assert found[:2] == [[PYTHON, *program], str(started)]


def test_a_working_directory_that_is_gone_is_made_up_for(started: Path) -> None:
    gone = started / "gone"
    gone.mkdir()
    code = RERUN.replace("CHANGE", "os.rmdir(os.getcwd())")
    found = rerun(gone, "-c", code, env={"PWD": str(started)})
    assert isinstance(found, list)
    assert found[1] == str(started)


def test_isolation_is_kept_when_a_process_runs_again(started: Path) -> None:
    found = rerun(started, "-I", "app.py")
    assert isinstance(found, list)
    assert (found[0], found[3]) == ([PYTHON, "-I", "app.py"], False)


@pytest.mark.parametrize("arguments", [[], ["-"], ["-u", "-", "x"]])
def test_a_program_on_standard_input_cannot_run_again(tmp_path: Path, arguments: list[str]) -> None:
    text = rerun(tmp_path, *arguments, stdin=RERUN.replace("CHANGE", ""))
    assert isinstance(text, str)
    assert "standard input" in text
    assert "save it to a file" in text
