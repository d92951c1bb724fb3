"""Workers that multiprocessing starts: the agent is in them, and nothing else has changed."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from reloader_core.agent.protocol import Hello, Running, Uncaught, encode_release
from reloader_core.model import Stamp
from tests.functional.agent_harness import Program, Stage, find_pythons, open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the agent needs Unix sockets")

PYTHONS = find_pythons()
every_python = pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
methods = pytest.mark.parametrize("method", ["spawn", "forkserver"])


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path.resolve()) as opened:
        yield opened


def put_program(stage: Stage, work: str, *, method: str, before: str = "") -> None:
    """A program that has one worker do some work, and prints what it returns."""
    body = "".join(f"    {line}\n" for line in work.splitlines())
    stage.write(
        "script.py",
        "import json, multiprocessing, os, sys\n"
        f"def work(method):\n{body}"
        "def main(method):\n"
        f"    {before or 'pass'}\n"
        "    with multiprocessing.get_context(method).Pool(1) as pool:\n"
        "        print(json.dumps(pool.apply(work, (method,))))\n"
        f"if __name__ == '__main__':\n    main({method!r})\n",
    )


def stamps(program: Program, path: Path) -> list[Stamp]:
    return [record.stamp for record in program.loaded(path)]


# --- What is reported -------------------------------------------------------------------------


@every_python
@methods
def test_what_only_a_worker_loads_is_reported(stage: Stage, python: str, method: str) -> None:
    module = stage.write("module.py", "")
    put_program(stage, "import module", method=method)
    program, result = stage.run("script.py", python=python)
    assert result == (0, "null\n", "")
    assert stamps(program, module) == [Stamp.of(module.stat())]
    # The worker runs the main script, too.
    assert len(program.loaded(stage.directory / "script.py")) == 2


@methods
def test_a_module_that_only_a_worker_misses_is_reported(stage: Stage, method: str) -> None:
    work = "try: import nowhere\nexcept ImportError: return 1"
    put_program(stage, work, method=method)
    program, result = stage.run("script.py")
    assert result == (0, "1\n", "")
    assert str(stage.directory / "nowhere") in program.missing


@every_python
@methods
def test_a_worker_of_a_worker_reports_too(stage: Stage, python: str, method: str) -> None:
    module = stage.write("module.py", "")
    stage.write(
        "script.py",
        "import multiprocessing, sys\n"
        "def inner():\n    import module\n"
        "def outer(method):\n    start(method, inner)\n"
        "def start(method, target, *args):\n"
        "    worker = multiprocessing.get_context(method).Process(target=target, args=args)\n"
        "    worker.start(); worker.join(); sys.exit(worker.exitcode)\n"
        f"if __name__ == '__main__':\n    start({method!r}, outer, {method!r})\n",
    )
    program, result = stage.run("script.py", python=python)
    assert result == (0, "", "")
    assert program.loaded(module)


@pytest.mark.parametrize("start", ["", "import sys; "])
def test_a_worker_is_recognised_by_its_code(stage: Stage, start: str) -> None:
    """Also as other releases of Python spell it, with arguments behind it."""
    module = stage.write("module.py", "")
    code = f"{start}from multiprocessing.forkserver import main; import module"
    stage.write(
        "script.py",
        "import multiprocessing.popen_spawn_posix, multiprocessing.util, os, sys\n"
        f"words = [os.fsencode(sys.executable), '-c', {code!r}, '-c', 'x']\n"
        "pid = multiprocessing.util.spawnv_passfds(words[0], words, [])\n"
        "print(os.waitpid(pid, 0)[1])\n",
    )
    program, result = stage.run("-bb", "script.py")
    assert result == (0, "0\n", "")
    assert program.loaded(module)


@methods
def test_a_worker_of_concurrent_futures_reports_too(stage: Stage, method: str) -> None:
    module = stage.write("module.py", "def work():\n    return 7\n")
    stage.write(
        "script.py",
        "import concurrent.futures, multiprocessing\n"
        "def work():\n    import module\n    return module.work()\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:\n"
        "        print(pool.submit(work).result())\n",
    )
    program, result = stage.run("script.py")
    assert result == (0, "7\n", "")
    assert program.loaded(module)


def test_many_workers_do_not_garble_each_others_records(stage: Stage) -> None:
    for number in range(100):
        stage.write(f"module{number}.py", "")
    stage.write(
        "script.py",
        "import multiprocessing\n"
        "def work():\n    for number in range(100): __import__('module%d' % number)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    workers = [context.Process(target=work) for _ in range(6)]\n"
        "    for worker in workers: worker.start()\n"
        "    for worker in workers: worker.join()\n",
    )
    program, result = stage.run("-B", "script.py")
    assert result == (0, "", "")
    directory = str(stage.directory)
    counts = [len(program.loaded(f"{directory}/module{number}.py")) for number in range(100)]
    assert counts == [6] * 100


@methods
def test_a_worker_says_no_hello_and_no_last_word(stage: Stage, method: str) -> None:
    stage.write(
        "script.py",
        "import multiprocessing\n"
        "def work():\n    raise ValueError('in the worker')\n"
        "if __name__ == '__main__':\n"
        f"    worker = multiprocessing.get_context({method!r}).Process(target=work)\n"
        "    worker.start(); worker.join(); print(worker.exitcode)\n",
    )
    program, result = stage.run("script.py")
    assert result.out == "1\n"
    assert "in the worker" in result.err
    count = [
        sum(isinstance(record, kind) for record in program.records) for kind in (Hello, Running)
    ]
    assert count == [1, 1]
    assert not any(isinstance(record, Uncaught) for record in program.records)


@methods
def test_a_worker_does_not_believe_the_bytecode_that_its_program_must_not(
    stage: Stage, method: str
) -> None:
    # Where the change time of the source has no say.
    path = stage.write("site-packages/module.py", "text = 'old'\n")
    environment = {"PYTHONPATH": "site-packages"}
    stage.run_bare("-c", "import module", environment=environment)
    times = path.stat().st_mtime
    path.write_text("text = 'new'\n")
    os.utime(path, (times, times))
    put_program(stage, "import module\nreturn module.text", method=method)
    assert stage.run_bare("script.py", environment=environment).out == '"old"\n'
    program = stage.start("script.py", environment=environment)
    program.release(encode_release([str(path)]))
    assert program.finish() == (0, '"new"\n', "")


# --- Nothing else has changed -----------------------------------------------------------------

PROBE = """\
import threading
return {
    "environment": dict(os.environ), "path": sys.path, "argv": sys.argv[:2],
    "modules": sorted(set(sys.modules) - {"_reloader_agent"}), "flags": list(sys.flags),
    "finders": [getattr(finder, "__name__", "") for finder in sys.meta_path],
    "cache": sorted(sys.path_importer_cache),
    "threads": [thread.name for thread in threading.enumerate()],
    "trace": [sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__],
}
"""


@methods
@pytest.mark.parametrize("original", [None, "", "lib", "lib::other"])
def test_a_worker_sees_nothing_of_the_agent(
    stage: Stage, method: str, original: str | None
) -> None:
    put_program(stage, PROBE, method=method)
    environment = {"PYTHONPATH": original, "PYTHONSAFEPATH": "1"}
    stage.run_bare("script.py", environment=environment)
    bare = stage.run_bare("script.py", environment=environment)
    _, result = stage.run("script.py", environment=environment)
    assert result.err == bare.err
    assert json.loads(result.out) == json.loads(bare.out)


@every_python
def test_a_worker_sees_the_environment_of_its_start(stage: Stage, python: str) -> None:
    put_program(
        stage,
        "return [os.environ.get(name) for name in ('ADDED', 'HOME', 'PYTHONPATH')]",
        method="spawn",
        before="os.environ['ADDED'] = '\\udcff='; del os.environ['HOME']",
    )
    bare = stage.run_bare("script.py", python=python)
    assert stage.run("script.py", python=python)[1] == bare
    assert json.loads(bare.out) == ["\udcff=", None, None]


@every_python
def test_other_processes_are_left_alone(stage: Stage, python: str) -> None:
    code = "import os, sys; print('_reloader_agent' in sys.modules, sorted(os.environ))"
    work = (
        "import subprocess\n"
        f"return subprocess.check_output([sys.executable, '-c', {code!r}]).decode()"
    )
    put_program(stage, work, method="spawn")
    bare = stage.run_bare("script.py", python=python)
    assert stage.run("script.py", python=python)[1] == bare
    assert bare.out.startswith('"False ')


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_resource_tracker_is_left_alone(stage: Stage) -> None:
    put_program(
        stage,
        "from multiprocessing.resource_tracker import _resource_tracker as tracker\nreturn None",
        method="spawn",
        before=(
            "from multiprocessing.resource_tracker import _resource_tracker as tracker;"
            " tracker.ensure_running();"
            " print(b'RELOADER' in open(f'/proc/{tracker._pid}/environ', 'rb').read())"
        ),
    )
    assert stage.run("script.py")[1] == (0, "False\nnull\n", "")


def test_a_program_that_starts_no_worker_finds_everything_as_it_was(stage: Stage) -> None:
    code = (
        "import _posixsubprocess, subprocess, multiprocessing\n"
        "print(type(_posixsubprocess.fork_exec).__name__)\n"
        "import multiprocessing.util, multiprocessing.spawn\n"
        "print(type(getattr(subprocess, '_fork_exec', None)).__name__)\n"
        "print(_posixsubprocess.fork_exec.__name__, _posixsubprocess.fork_exec.__module__)\n"
    )
    assert stage.run("-c", code)[1] == stage.run_bare("-c", code)


# --- The connection ends ------------------------------------------------------------------------


@methods
def test_a_worker_is_started_as_ever_once_the_connection_is_closed(
    stage: Stage, method: str
) -> None:
    module = stage.write("module.py", "")
    put_program(
        stage,
        "import module\nreturn '_reloader_agent' in sys.modules",
        method=method,
        before="os.closerange(3, 100)",
    )
    program, result = stage.run("script.py")
    assert result == (0, "false\n", "")
    assert not program.loaded(module)


@methods
def test_a_worker_outlives_the_connection(stage: Stage, method: str) -> None:
    stage.write("after.py", "")
    work = (
        "print('ready', flush=True)\n"
        "while not os.path.exists('go'): pass\n"
        "import after\n"
        "return after.__name__"
    )
    put_program(stage, work, method=method)
    program = stage.start("script.py")
    program.release()
    program.wait_for_line("ready")
    program.hang_up()
    stage.write("go", "")
    assert program.process.wait(20) == 0
    assert program.finish() == (0, 'ready\n"after"\n', "")
