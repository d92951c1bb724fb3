"""The agent reports the files that a program opens, if it is asked to."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core.agent import LoadedKind
from reloader_core.agent.protocol import Written, encode_release
from reloader_core.model import Stamp
from tests.functional.agent_harness import (
    Environment,
    Program,
    Result,
    Stage,
    find_pythons,
    open_stage,
)
from tests.functional.test_agent import FORMS, put_forms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the agent needs Unix sockets")

PYTHONS = find_pythons()
every_python = pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="finds directories in /proc")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "project").mkdir()
    with open_stage(tmp_path.resolve() / "project") as opened:
        yield opened


def run(
    stage: Stage,
    *argv: str,
    python: str = sys.executable,
    environment: Environment | None = None,
) -> tuple[Program, Result]:
    """Run a program whose opened files are to be reported."""
    program = stage.start(*argv, python=python, environment=environment or {})
    program.release(encode_release(opened_below=str(stage.directory)))
    return program, program.finish()


def opened(program: Program, stage: Stage) -> list[str]:
    """The names of the opened files, in order."""
    records = (record for record in program.all_loaded if record.kind is LoadedKind.OPENED)
    return [os.path.relpath(record.path, stage.directory) for record in records]


def written(program: Program, stage: Stage) -> list[str]:
    """The names of the written files, in order."""
    records = (record for record in program.records if isinstance(record, Written))
    return [os.path.relpath(record.path, stage.directory) for record in records]


READS = {
    "open": "open('data.txt')",
    "binary": "open('data.txt', 'rb', buffering=0)",
    "absolute": "open(os.path.abspath('data.txt'))",
    "bytes": "open(b'data.txt')",
    "pathlib": "pathlib.Path('data.txt').read_text()",
    "FileIO": "io.FileIO('data.txt')",
    "os.open": "os.open('data.txt', os.O_RDONLY)",
    "copy": "shutil.copyfile('data.txt', '/dev/null')",
    "detour": "open('sub/../data.txt')",
}


@every_python
def test_a_file_that_is_read_is_reported_with_its_stamp(stage: Stage, python: str) -> None:
    (stage.directory / "sub").mkdir()
    path = stage.write("data.txt", "text")
    for name, call in READS.items():
        code = f"import io, os, pathlib, shutil\n{call}"
        program, result = run(stage, "-W", "ignore", "-c", code, python=python)
        assert result == (0, "", ""), name
        assert opened(program, stage) == [path.name], name
        assert [record.stamp for record in program.loaded(path)] == [Stamp.of(path.stat())]


def test_the_stamp_is_older_than_what_was_read(stage: Stage) -> None:
    path = stage.write("data.txt", "")
    before = Stamp.of(path.stat())
    code = "file = open('data.txt'); import os; os.utime('data.txt', (5, 5)); open('data.txt')"
    program, _ = run(stage, "-W", "ignore", "-c", code)
    assert [record.stamp for record in program.loaded(path)] == [before]


def test_nothing_is_hooked_unless_it_is_asked_for(stage: Stage) -> None:
    stage.write("data.txt", "")
    stage.write("script.py", "open('data.txt').close(); open('log', 'w').close()\n")
    program, result = stage.run("script.py")
    assert result == (0, "", "")
    assert opened(program, stage) == written(program, stage) == []


@pytest.mark.parametrize(
    "call",
    [
        "open(__file__ + '.not')",
        "open('/dev/null')",
        "open('../outside.txt')",
        "open('../project2.txt')",
        "os.open('.', os.O_RDONLY)",
        "os.open('pipe', os.O_RDONLY | os.O_NONBLOCK)",
        "open(0, closefd=False)",
        "os.listdir('.')",
        "os.stat('data.txt')",
        "open('\\0')",
    ],
)
def test_what_is_no_file_of_the_project_is_not_reported(stage: Stage, call: str) -> None:
    for name in ("../outside.txt", "../project2.txt", "data.txt"):
        stage.write(name, "")
    os.mkfifo(stage.directory / "pipe")
    stage.write("script.py", f"import os\ntry: {call}\nexcept (OSError, ValueError): pass\n")
    program, result = run(stage, "-W", "ignore", "script.py")
    assert result == (0, "", "")
    assert opened(program, stage) == written(program, stage) == []


WRITES = {
    "w": "open('data.txt', 'w')",
    "a": "open('data.txt', 'ab')",
    "r+": "open('data.txt', 'r+')",
    "x": "os.rename('data.txt', 'gone'); open('data.txt', 'x')",
    "os.open": "os.open('data.txt', os.O_RDWR)",
    "created": "os.open('data.txt', os.O_RDONLY | os.O_CREAT)",
    "replaced": "open('new', 'w').close(); os.replace('new', 'data.txt')",
    "renamed": "os.rename('data.txt', 'gone')",
    "removed": "os.remove('data.txt')",
    "unlinked": "pathlib.Path('data.txt').unlink()",
}


@every_python
def test_a_file_that_is_written_is_reported_as_such(stage: Stage, python: str) -> None:
    for name, call in WRITES.items():
        stage.write("data.txt", "")
        again = "try: open('data.txt')\nexcept OSError: pass"
        code = f"import os, pathlib\nopen('data.txt')\n{call}\n{again}"
        program, result = run(stage, "-W", "ignore", "-c", code, python=python)
        assert result == (0, "", ""), name
        assert opened(program, stage) == ["data.txt"], name
        assert "data.txt" in written(program, stage), name


def test_a_file_that_was_written_is_not_reported_when_it_is_read(stage: Stage) -> None:
    code = (
        "import os; open('a', 'w'); open('a'); open('a', 'a');"
        " open('b', 'w'); os.rename('b', 'c'); open('c')"
    )
    program, _ = run(stage, "-W", "ignore", "-c", code)
    assert opened(program, stage) == []
    assert written(program, stage) == ["a", "b", "c"]


@linux_only
def test_a_tree_that_is_removed_is_written(stage: Stage) -> None:
    stage.write("cache/deep/data.txt", "")
    program, result = run(stage, "-c", "import shutil; shutil.rmtree('cache')")
    assert result == (0, "", "")
    assert written(program, stage) == ["cache/deep/data.txt"]


def test_code_that_is_loaded_is_not_reported_as_opened(stage: Stage) -> None:
    stage.write("module.py", "")
    stage.write("script.py", "import module, linecache; linecache.getline(module.__file__, 1)\n")
    for _ in range(2):  # with and without bytecode
        program, result = run(stage, "script.py")
        assert result == (0, "", "")
        assert opened(program, stage) == written(program, stage) == []
        assert len(program.loaded(stage.directory / "module.py")) == 1


@every_python
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_report_too(stage: Stage, python: str, method: str) -> None:
    stage.write("data, with a comma.txt", "text")
    stage.write(
        "script.py",
        "import multiprocessing, os\n"
        "def work():\n"
        "    with open('data, with a comma.txt') as file: return file.read()\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        print(pool.apply(work))\n",
    )
    program, result = run(stage, "script.py", python=python)
    assert result == (0, "text\n", "")
    # Before runpy runs the main script, it is looked at whether it is an archive.
    assert set(opened(program, stage)) - {"script.py"} == {"data, with a comma.txt"}


@pytest.mark.parametrize("form", FORMS)
def test_a_program_sees_nothing_of_it(stage: Stage, form: str) -> None:
    argv = put_forms(stage)[form]
    stage.run_bare(*argv)
    bare = stage.run_bare(*argv)
    _, result = run(stage, *argv)
    assert result.err == bare.err
    assert json.loads(result.out) == json.loads(bare.out)


def test_tracebacks_are_pythons_own(stage: Stage) -> None:
    stage.write("script.py", "open('nowhere.txt')\n")
    _, result = run(stage, "script.py")
    assert result == stage.run_bare("script.py")


def test_a_working_directory_that_is_gone_does_no_harm(stage: Stage) -> None:
    code = (
        "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
        "try: open('x')\nexcept FileNotFoundError: print('as ever')\n"
    )
    assert run(stage, "-c", code)[1] == (0, "as ever\n", "")


def test_the_program_outlives_the_connection(stage: Stage) -> None:
    stage.write("data.txt", "text")
    stage.write("script.py", "import os\nos.closerange(3, 100)\nprint(open('data.txt').read())\n")
    program, result = run(stage, "-W", "ignore", "script.py")
    assert result == (0, "text\n", "")
    assert opened(program, stage) == []
