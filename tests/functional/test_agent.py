"""The agent in real interpreters: it reports everything, and the program sees nothing of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import venv
import zipapp
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reloader_core.agent import INJECT_DIRECTORY, LoadedKind
from reloader_core.agent.protocol import Directory, Hello, Running, Uncaught, encode_release
from reloader_core.model import Stamp
from tests.functional.agent_harness import Environment, Stage, find_pythons, open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the agent needs Unix sockets")

PYTHONS = find_pythons()
every_python = pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path.resolve()) as opened:
        yield opened


def stamp(path: Path) -> Stamp:
    return Stamp.of(path.stat())


# --- The program sees nothing -----------------------------------------------------------

#: Prints what a program can see of how it was started, on any Python since 3.8.
PROBE = """\
import sys
modules = sorted(set(sys.modules) - {"_reloader_agent"} | {"atexit"})
cache = sorted(sys.path_importer_cache)
import __main__, io, json, os, threading, warnings
fds = [int(fd) for fd in os.listdir("/proc/self/fd")] if os.path.isdir("/proc/self/fd") else []
def plain(value):
    return value if isinstance(value, (str, int, type(None))) else type(value).__name__
spec = __main__.__spec__
print(json.dumps({
    "modules": modules, "cache": cache, "path": sys.path, "argv": sys.argv,
    "orig_argv": getattr(sys, "orig_argv", None), "flags": list(sys.flags),
    "meta_path": [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path],
    "path_hooks": [getattr(hook, "__qualname__", "") for hook in sys.path_hooks],
    "environment": dict(os.environ),
    "main": {name: plain(value) for name, value in vars(__main__).items() if name[:2] == "__"},
    "spec": spec and [spec.name, spec.origin, spec.cached, type(spec.loader).__name__],
    "filters": [repr(f) for f in warnings.filters], "warnoptions": sys.warnoptions,
    "threads": [thread.name for thread in threading.enumerate()],
    "native_threads": len(os.listdir("/proc/self/task")) if fds else 0,
    "inherited": [fd for fd in fds if fd < 10 and os.path.exists("/proc/self/fd/%d" % fd)
                  and os.get_inheritable(fd)],
    "trace": [sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__],
    "top": sys._getframe().f_back is None or sys._getframe().f_back.f_code.co_filename,
}))
"""


def put_forms(stage: Stage) -> dict[str, list[str]]:
    """The program in each form Python can run it in, and the command lines for them."""
    stage.write("script.py", PROBE)
    stage.write("package/__init__.py", "")
    stage.write("package/__main__.py", PROBE)
    stage.write("package/module.py", PROBE)
    stage.write("folder/__main__.py", PROBE)
    zipapp.create_archive(stage.directory / "folder", stage.directory / "app.pyz")
    return {
        "script": ["-X", "dev", "script.py", "a", "--b"],
        "script by its full path": ["-W", "error", str(stage.directory / "script.py")],
        "module": ["-m", "package.module", "x"],
        "package": ["-B", "-m", "package"],
        "code": ["-c", PROBE, "-x"],
        "directory": ["folder"],
        "zipapp": ["app.pyz", "x"],
    }


FORMS = ["script", "script by its full path", "module", "package", "code", "directory", "zipapp"]


@pytest.mark.parametrize("form", FORMS)
def test_a_program_sees_nothing_of_the_agent(stage: Stage, form: str) -> None:
    argv = put_forms(stage)[form]
    stage.run_bare(*argv)  # now both find the same bytecode
    bare = stage.run_bare(*argv)
    _, result = stage.run(*argv)
    assert result.err == bare.err
    assert json.loads(result.out) == json.loads(bare.out)


@every_python
@pytest.mark.parametrize("form", ["script", "module"])
def test_a_program_sees_nothing_of_the_agent_in_any_python(
    stage: Stage, python: str, form: str
) -> None:
    argv = put_forms(stage)[form]
    stage.run_bare(*argv, python=python)
    bare = stage.run_bare(*argv, python=python)
    program, result = stage.run(*argv, python=python)
    assert result.err == bare.err
    assert json.loads(result.out) == json.loads(bare.out)
    assert program.wait_for(Running).pid == program.process.pid


def test_a_console_script_sees_nothing_of_the_agent(stage: Stage) -> None:
    script = stage.write("tool", f"#!{sys.executable}\n{PROBE}")
    script.chmod(0o755)
    bare = stage.run_bare("run", python=str(script))
    program, result = stage.run("run", python=str(script))
    assert json.loads(result.out) == json.loads(bare.out)
    assert [record.stamp for record in program.loaded(script)] == [stamp(script)]


@pytest.mark.parametrize("original", ["", "lib", "lib::other", ":lib", "lib:"])
def test_the_program_sees_its_own_pythonpath(stage: Stage, original: str) -> None:
    stage.write("script.py", PROBE)
    environment = {"PYTHONPATH": original, "PYTHONSAFEPATH": "1"}
    bare = stage.run_bare("script.py", environment=environment)
    _, result = stage.run("script.py", environment=environment)
    assert json.loads(result.out) == json.loads(bare.out)


@linux_only
def test_the_agent_keeps_two_descriptors_which_no_child_inherits(stage: Stage) -> None:
    code = "import os; print([f for f in map(int, os.listdir('/proc/self/fd'))])"
    count = {
        len(json.loads(out)) - extra
        for out, extra in (
            (stage.run_bare("-c", code).out, 0),
            (stage.run("-c", code)[1].out, 2),
        )
    }
    assert len(count) == 1
    shell = "import os; os.system('ls /proc/self/fd')"
    assert stage.run("-c", shell)[1].out == stage.run_bare("-c", shell).out


ERRORS = {
    "exception": "def f():\n    raise ValueError('no')\nf()\n",
    "exception in an import": "import raising\n",
    "syntax error in an import": "import malformed\n",
    "missing module": "import nowhere.at.all\n",
    "missing name": "from os import nowhere_at_all\n",
    "broken extension": "import extension\n",
    "broken bytecode": "import sourceless\n",
    "broken import in a package": "from package import wrong\n",
    "warning in an import": "import warning\n",
    "warning far up": "import warnings\nwarnings.warn('far', stacklevel=40)\n",
    "error exit": "raise SystemExit('sorry')\n",
    "loader used by hand": (
        "from importlib.machinery import SourceFileLoader as L\nL('x', 'gone.py').load_module()\n"
    ),
    "chained": "try:\n    import nowhere\nexcept ImportError as e:\n    raise KeyError(1) from e\n",
    "unreadable": "import directory\n",
}


@every_python
def test_tracebacks_and_warnings_are_pythons_own(stage: Stage, python: str) -> None:
    stage.write("raising.py", "import deeper\n")
    stage.write("deeper.py", "1 / 0\n")
    stage.write("malformed.py", "x = = 1\n")
    stage.write("warning.py", "import warnings\nwarnings.warn('near', stacklevel=2)\n")
    stage.write("package/__init__.py", "")
    stage.write("package/wrong.py", "from . import nothing_of_this_name\n")
    stage.write("extension.so", "not an ELF file")
    stage.write("sourceless.pyc", "not bytecode at all")
    stage.write("everything.py", _each_traceback())
    (stage.directory / "directory.py").mkdir()
    _, result = stage.run("everything.py", python=python)
    assert result.out == stage.run_bare("everything.py", python=python).out
    assert result.out.count("=====") == len(ERRORS)
    for name in ("exception in an import", "missing module", "warning far up", "error exit"):
        stage.write("failing.py", ERRORS[name])
        _, result = stage.run("failing.py", python=python)
        assert result == stage.run_bare("failing.py", python=python), name


def _each_traceback() -> str:
    """A program that prints the traceback or warning of each piece of code."""
    return (
        "import sys, traceback\nsys.stderr = sys.stdout\n"
        f"for name, code in {ERRORS!r}.items():\n"
        "    print('=====', name)\n"
        "    try:\n"
        "        exec(compile(code, '<' + name + '>', 'exec'), {'__name__': 'x'})\n"
        "    except BaseException:\n"
        "        traceback.print_exc()\n"
    )


def test_multiprocessing_and_pickle_work_from_main(stage: Stage) -> None:
    stage.write(
        "script.py",
        "import multiprocessing, pickle\n"
        "class Thing:\n    value = 7\n"
        "def work(thing):\n    return thing.value\n"
        "if __name__ == '__main__':\n"
        "    assert pickle.loads(pickle.dumps(Thing())).value == 7\n"
        "    for method in ('fork', 'spawn', 'forkserver'):\n"
        "        with multiprocessing.get_context(method).Pool(1) as pool:\n"
        "            print(method, pool.map(work, [Thing()]))\n",
    )
    _, result = stage.run("script.py")
    assert result == (0, "fork [7]\nspawn [7]\nforkserver [7]\n", "")


def test_the_agent_is_recognised_by_its_module(stage: Stage) -> None:
    code = "import sys; print('_reloader_agent' in sys.modules, 'sitecustomize' in sys.modules)"
    assert stage.run("-c", code)[1].out == "True False\n"


@every_python
def test_the_users_own_sitecustomize_is_run(stage: Stage, python: str) -> None:
    own = stage.write("lib/sitecustomize.py", "import sys\nsys.own = __file__\n")
    code = "import sys; print(sys.own, sys.modules['sitecustomize'].__file__)"
    program, result = stage.run(
        "-c", code, python=python, environment={"PYTHONPATH": str(own.parent)}
    )
    assert result == (0, f"{own} {own}\n", "")
    assert program.loaded(own)


@pytest.mark.parametrize(
    "text", ["1 / 0\n", "import nowhere\n", "raise ImportError(name='sitecustomize')\n", "x = = 1"]
)
def test_a_broken_sitecustomize_fails_as_it_would(stage: Stage, text: str) -> None:
    own = stage.write("lib/sitecustomize.py", text)
    code = "import sys; print('sitecustomize' in sys.modules, sys.path)"
    environment = {"PYTHONPATH": str(own.parent)}
    bare = stage.run_bare("-c", code, environment=environment)
    assert stage.run("-c", code, environment=environment)[1] == bare


@pytest.mark.parametrize("flag", ["-E", "-I", "-S"])
def test_an_interpreter_that_skips_site_runs_without_the_agent(stage: Stage, flag: str) -> None:
    program = stage.start(flag, "-c", "print('runs')")
    assert program.finish() == (0, "runs\n", "")
    assert program.records == []


def test_a_socket_that_is_not_ours_is_left_alone(stage: Stage) -> None:
    code = (
        "import os, socket, subprocess, sys\n"
        "ours, theirs = socket.socketpair()\n"
        "env = dict(os.environ, PYTHONPATH=sys.argv[1],\n"
        "           _RELOADER_AGENT='%d,,%d' % (theirs.fileno(), 1))\n"
        "subprocess.run([sys.executable, '-c', 'print(1)'], env=env, pass_fds=[theirs.fileno()])\n"
        "theirs.close()\n"
        "print(ours.recv(10))\n"
    )
    assert stage.run_bare("-c", code, INJECT_DIRECTORY).out == "1\nb''\n"


# --- Hello, hold, release -----------------------------------------------------------------


def test_the_program_waits_to_be_released(stage: Stage) -> None:
    program = stage.start("-c", "import late; print('runs')")
    hello = program.wait_for(Hello)
    assert hello == (program.process.pid, "{}.{}.{}".format(*sys.version_info), sys.executable)
    # Reported when it runs, so with the stamp of what is written here.
    late = stage.write("late.py", "")
    program.release()
    assert program.finish() == (0, "runs\n", "")
    assert program.records[:3] == [
        hello,
        Directory(os.path.realpath(stage.directory)),
        Running(hello.pid),
    ]
    assert [record.stamp for record in program.loaded(late)] == [stamp(late)]


def test_the_release_may_come_in_pieces_and_say_what_is_not_known_yet(stage: Stage) -> None:
    program = stage.start("-c", "import os; print(os.environ['A'])")
    for piece in (b"?new\0EA", b"=1=2\0", b"L", b"2\0", b"G", b"\0and more"):
        program.release(piece)
    assert program.finish() == (0, "1=2\n", "")


def test_the_release_sets_the_environment(stage: Stage) -> None:
    code = (
        "import os; print(os.getpid(), os.getenv('LISTEN_PID'), os.getenv('OUT'), os.environ['A'])"
    )
    program = stage.start("-c", code, environment={"OUT": "there"})
    program.release(encode_release((), {"LISTEN_PID": "{pid}", "A": "ü="}, ["OUT", "NOT_THERE"]))
    pid = program.process.pid
    assert program.finish().out == f"{pid} {pid} None ü=\n"


def test_several_interpreters_of_one_command_line_each_wait(stage: Stage) -> None:
    code = f"{sys.executable} -c 'print(1)' && exec {sys.executable} -c 'print(2)'"
    program = stage.start("-c", code, python="/bin/sh")
    for count in (1, 2):
        while sum(isinstance(record, Hello) for record in program.records) < count:
            assert program.read()
        program.release()
    assert program.finish() == (0, "1\n2\n", "")


def test_a_program_that_is_not_wanted_ends_silently(stage: Stage) -> None:
    program = stage.start("-c", "print('runs')")
    program.wait_for(Hello)
    program.hang_up()
    assert program.process.wait(20) == 0
    assert program.finish() == (0, "", "")


@pytest.mark.parametrize(
    ("number", "returncode"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_ends_a_waiting_program_silently(
    stage: Stage, number: int, returncode: int
) -> None:
    program = stage.start("-c", "print('runs')")
    program.wait_for(Hello)
    program.process.send_signal(number)
    assert program.finish() == (returncode, "", "")


# --- The supervisor's end -------------------------------------------------------------------


def test_a_waiting_program_ends_with_the_supervisor(stage: Stage) -> None:
    program = stage.start("-c", "print('runs')")
    program.wait_for(Hello)
    program.die()
    assert program.finish()[0] in (-signal.SIGKILL, 1)


@linux_only
def test_a_program_that_ignores_everything_ends_with_the_supervisor(stage: Stage) -> None:
    program = stage.start(
        "-c",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\nsum(range(10 ** 15))\n",
    )
    program.release()
    program.wait_for_line("ready")
    program.die()
    assert program.finish().returncode == -signal.SIGKILL


@linux_only
def test_the_leader_of_a_process_group_takes_its_workers_along(stage: Stage) -> None:
    code = (
        "import os, subprocess, sys\nos.setpgid(0, 0)\n"
        f"os.execv({sys.executable!r}, [sys.executable,"
        " '-c', 'import os, time; os.fork(); print(os.getpid(), flush=True); time.sleep(600)'])"
    )
    # The outer interpreter must leave the agent to the inner one.
    program = stage.start("-S", "-c", code)
    program.release()
    program.wait_for_line(str(program.process.pid))
    program.die()
    # The worker holds the connection, too: it ends only when both are gone.
    assert program.finish().returncode == -signal.SIGKILL


def test_the_connection_is_not_used_once_the_program_closed_it(stage: Stage) -> None:
    stage.write("after.py", "")
    stage.write(
        "script.py",
        "import os, socket\n"
        "os.closerange(3, 100)\n"
        "pairs = [socket.socketpair() for _ in range(10)]\n"
        "import after\n"
        "for pair in pairs:\n    pair[0].setblocking(False); pair[1].setblocking(False)\n"
        "    for end in pair:\n"
        "        try:\n            print(end.recv(100))\n"
        "        except BlockingIOError:\n            pass\n",
    )
    program, result = stage.run("script.py")
    assert result == (0, "", "")
    assert not program.loaded(stage.directory / "after.py")


def test_a_program_outlives_a_closed_connection(stage: Stage) -> None:
    stage.write("after.py", "print('imported')\n")
    stage.write(
        "script.py", "import time, os\nwhile not os.path.exists('go'): pass\nimport after\n"
    )
    program = stage.start("script.py")
    program.release()
    program.wait_for(Running)
    program.hang_up()
    stage.write("go", "")
    assert program.process.wait(20) == 0
    assert program.finish().out == "imported\n"


# --- What is reported -------------------------------------------------------------------------


@every_python
def test_every_loaded_file_is_reported_with_its_stamp(stage: Stage, python: str) -> None:
    script = stage.write("script.py", "import one, two.three, archived, fcntl\n")
    sources = [stage.write(f"{name}.py", "") for name in ("one", "two/__init__", "two/three")]
    with zipfile.ZipFile(stage.directory / "lib.zip", "w") as archive:
        archive.writestr("archived.py", "import sourceless")
    stage.write("sourceless.py", "")
    stage.run_bare("-m", "compileall", "-qb", "sourceless.py", python=python)
    (stage.directory / "sourceless.py").unlink()
    program, result = stage.run("script.py", python=python, environment={"PYTHONPATH": "lib.zip"})
    assert result.returncode == 0, result.err
    expected = [(path, LoadedKind.SOURCE) for path in (script, *sources)]
    expected.append((stage.directory / "lib.zip", LoadedKind.ARCHIVE))
    expected.append((stage.directory / "sourceless.pyc", LoadedKind.BYTECODE))
    for path, kind in expected:
        assert program.loaded(path) == [(str(path), stamp(path), kind)]
    kinds = {record.kind for record in program.all_loaded}
    assert LoadedKind.EXTENSION in kinds or "fcntl" in sys.builtin_module_names


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_program_is_reported(stage: Stage, form: str) -> None:
    argv = put_forms(stage)[form]
    program, _ = stage.run(*argv)
    files = {
        "script": ["script.py"],
        "script by its full path": ["script.py"],
        "module": ["package/__init__.py", "package/module.py"],
        "package": ["package/__init__.py", "package/__main__.py"],
        "code": [],
        "directory": ["folder/__main__.py"],
        "zipapp": ["app.pyz"],
    }[form]
    own = {
        record.path for record in program.all_loaded if record.path.startswith(str(stage.directory))
    }
    assert own == {str(stage.directory / name) for name in files}


def test_code_that_is_loaded_by_path_is_reported(stage: Stage) -> None:
    paths = [stage.write(f"{name}.py", "x = 1\n") for name in ("located", "ran", "opened")]
    stage.write(
        "script.py",
        "import importlib.util, io, runpy\n"
        "spec = importlib.util.spec_from_file_location('any', 'located.py')\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "assert runpy.run_path('ran.py')['x'] == 1\n"
        "with io.open_code('opened.py') as file: exec(file.read())\n",
    )
    program, result = stage.run("script.py")
    assert result == (0, "", "")
    for path in paths:
        assert [record.stamp for record in program.loaded(path)] == [stamp(path)]


def test_a_file_loaded_again_is_reported_again_only_when_it_changed(stage: Stage) -> None:
    path = stage.write("module.py", "")
    stage.write(
        "script.py",
        "import importlib, module, os\n"
        "importlib.reload(module)\n"
        "os.utime('module.py', (5, 5))\n"
        "importlib.reload(module)\n",
    )
    before = stamp(path)
    program, result = stage.run("script.py")
    assert result == (0, "", "")
    assert [record.stamp for record in program.loaded(path)] == [before, stamp(path)]


def test_a_path_is_reported_plain_unless_that_would_be_another_file(stage: Stage) -> None:
    plain = stage.write("lib/plain.py", "")
    stage.write("real/deep/x", "")
    tricky = stage.write("real/tricky.py", "")
    (stage.directory / "link").symlink_to("real/deep")
    path = os.pathsep.join(["lib/../lib/.", str(stage.directory / "link/..")])
    stage.write(
        "script.py", f"import sys\nsys.path += {path.split(os.pathsep)!r}\nimport plain, tricky\n"
    )
    program, result = stage.run("./script.py")
    assert result == (0, "", "")
    assert program.loaded(plain)
    assert program.loaded(stage.directory / "script.py")
    assert program.loaded(stage.directory / "link/../tricky.py") or program.loaded(tricky)
    assert not program.loaded(stage.directory / "tricky.py")


def test_the_stamp_is_older_than_what_was_read(stage: Stage) -> None:
    """A module that changes itself while it is loaded was reported as it was before."""
    path = stage.write("module.py", "import os; os.utime(__file__, (5, 5))\n")
    before = stamp(path)
    program, _ = stage.run("-c", "import module")
    assert [record.stamp for record in program.loaded(path)] == [before]


def test_a_script_changed_while_the_program_waits_is_reported_as_it_is_run(stage: Stage) -> None:
    script = stage.write("script.py", "")
    program = stage.start("script.py")
    program.wait_for(Hello)
    stage.write("script.py", "print('new')\n", age_seconds=20)
    program.release()
    assert program.finish().out == "new\n"
    assert [record.stamp for record in program.loaded(script)] == [stamp(script)]


def test_what_start_up_loaded_before_the_wait_is_reported_as_it_was(stage: Stage) -> None:
    """An edit during the wait would be lost if the stamp were taken after it."""
    venv.create(stage.directory / "venv", symlinks=True)
    (packages,) = (stage.directory / "venv").glob("lib/python3.*/site-packages")
    early = stage.write("early/early.py", "text = 'old'\n")
    (packages / "early.pth").write_text(f"{early.parent}\nimport early\n")
    python = str(stage.directory / "venv/bin/python")
    program = stage.start("-c", "import early; print(early.text)", python=python)
    program.wait_for(Hello)
    before = stamp(early)
    stage.write("early/early.py", "text = 'new'\n", age_seconds=5)
    program.release()
    assert program.finish() == (0, "old\n", "")
    assert [record.stamp for record in program.loaded(early)] == [before]


def test_what_start_up_loaded_is_reported(stage: Stage) -> None:
    program, _ = stage.run("-c", "")
    paths = [record.path for record in program.all_loaded]
    assert any(path.endswith(os.path.join("encodings", "utf_8.py")) for path in paths)
    assert not any(path.startswith(INJECT_DIRECTORY) for path in paths)


def test_a_forked_worker_reports_too(stage: Stage) -> None:
    path = stage.write("module.py", "")
    stage.write(
        "script.py", "import os\nif os.fork() == 0:\n    import module\nelse:\n    os.wait()\n"
    )
    program, result = stage.run("script.py")
    assert result == (0, "", "")
    assert program.loaded(path)


def test_many_workers_do_not_garble_each_others_records(stage: Stage) -> None:
    for number in range(200):
        stage.write(f"module{number}.py", "")
    stage.write(
        "script.py",
        "import os\nfor _ in range(5): os.fork()\n"
        "for number in range(200): __import__('module%d' % number)\n"
        "try:\n    while True: os.wait()\nexcept ChildProcessError: pass\n",
    )
    program, result = stage.run("-B", "script.py")
    assert result == (0, "", "")
    directory = str(stage.directory)
    assert [len(program.loaded(f"{directory}/module{number}.py")) for number in range(200)] == (
        [32] * 200
    )


# --- Modules that are missing -------------------------------------------------------------------


@every_python
def test_a_missing_module_is_reported_where_it_was_looked_for(stage: Stage, python: str) -> None:
    stage.write("package/__init__.py", "")
    stage.write("spaces/within/x.txt", "")
    stage.write(
        "script.py",
        "import sys\nsys.path.append('gone')\n"
        "for name in ('nowhere', 'package.nothing', 'spaces', 'json.nothing'):\n"
        "    for _ in range(2):\n"
        "        try: __import__(name)\n"
        "        except ImportError: pass\n",
    )
    program, result = stage.run("script.py", python=python)
    assert result == (0, "", "")
    here = str(stage.directory)
    own = {path for path in program.missing if path.startswith(here)}
    assert own == {f"{here}/nowhere", f"{here}/package/nothing", f"{here}/spaces"}
    assert not [path for path in program.missing if "lib-dynload" in path or "/json/" in path]
    sent = [record for record in program.records if type(record).__name__ == "Missing"]
    assert len(sent) == len(program.missing)


@pytest.mark.parametrize("argv", [["nowhere.py"], ["-m", "nowhere"]])
def test_a_missing_program_is_reported(stage: Stage, argv: list[str]) -> None:
    program, result = stage.run(*argv)
    assert result.returncode != 0
    assert str(stage.directory / "nowhere") in program.missing


def test_a_module_created_while_the_program_waits_is_found(stage: Stage) -> None:
    stage.write("lib/x", "")
    code = "import created"
    program = stage.start("-c", code, environment={"PYTHONPATH": str(stage.directory / "lib")})
    program.wait_for(Hello)
    path = stage.write("lib/created.py", "")
    os.utime(stage.directory / "lib", (5, 5))
    program.release()
    assert program.finish() == (0, "", "")
    assert program.loaded(path)


# --- Stale bytecode ---------------------------------------------------------------------------


def put_stale(
    stage: Stage,
    *,
    age_seconds: float = 10,
    mode: str = "timestamp",
    name: str = "module.py",
    python: str = sys.executable,
    environment: Environment | None = None,
) -> Path:
    """A module whose bytecode prints "old" and is believed by time and size."""
    path = stage.write(name, "print('old')\n", age_seconds=age_seconds)
    times = path.stat().st_mtime
    done = stage.run_bare(
        *("-m", "compileall", "-q", "--invalidation-mode", mode, name),
        python=python,
        environment=environment or {},
    )
    assert done.returncode == 0, done.err
    path.write_text("print('new')\n")
    os.utime(path, (times, times))
    return path


#: A package that was installed, where only the supervisor's word counts.
INSTALLED = "site-packages/module.py"
FROM_INSTALLED = {"PYTHONPATH": "site-packages"}


def bytecode_of(path: Path) -> Path:
    """The one file of bytecode there is of a source."""
    (cached,) = (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
    return cached


def test_python_itself_believes_stale_bytecode(stage: Stage) -> None:
    """Why the following is needed; should this ever fail, it no longer is."""
    put_stale(stage)
    assert stage.run_bare("-c", "import module").out == "old\n"


@every_python
def test_bytecode_older_than_the_last_change_of_its_source_is_replaced(
    stage: Stage, python: str
) -> None:
    """Nobody has to know of the edit: it may be of last week, or of another program's module."""
    path = put_stale(stage, python=python)
    assert stage.run("-c", "import module", python=python)[1] == (0, "new\n", "")
    assert stage.run_bare("-c", "import module", python=python).out == "new\n"
    assert bytecode_of(path).stat().st_ctime_ns > path.stat().st_ctime_ns


def test_a_source_that_was_touched_is_compiled_once(stage: Stage) -> None:
    path = stage.write("module.py", "")
    stage.run("-c", "import module")
    first = stamp(bytecode_of(path))
    stage.run("-c", "import module")
    assert stamp(bytecode_of(path)) == first
    path.chmod(0o600)
    stage.run("-c", "import module")
    second = stamp(bytecode_of(path))
    assert second != first
    stage.run("-c", "import module")
    assert stamp(bytecode_of(path)) == second


def test_a_copied_tree_is_compiled_once(stage: Stage) -> None:
    """`cp -a` and layers of an image keep modification times, and write in any order."""
    put_stale(stage, name="first/module.py")
    path = stage.directory / "second/module.py"
    shutil.copytree(stage.directory / "first", stage.directory / "second")
    shutil.copy2(stage.directory / "first/module.py", path)
    environment = {"PYTHONPATH": "second"}
    assert stage.run("-c", "import module", environment=environment)[1].out == "new\n"
    cached = stamp(bytecode_of(path))
    assert stage.run("-c", "import module", environment=environment)[1].out == "new\n"
    assert stamp(bytecode_of(path)) == cached


def test_bytecode_of_an_installed_package_is_believed_as_python_does(stage: Stage) -> None:
    put_stale(stage, name=INSTALLED)
    assert stage.run("-c", "import module", environment=FROM_INSTALLED)[1].out == "old\n"


@every_python
def test_bytecode_that_is_not_to_be_believed_is_replaced(stage: Stage, python: str) -> None:
    path = put_stale(stage, name=INSTALLED, python=python)
    program = stage.start("-c", "import module", python=python, environment=FROM_INSTALLED)
    program.release(encode_release([str(path)], {}, ()))
    assert program.finish() == (0, "new\n", "")
    bare = stage.run_bare("-c", "import module", python=python, environment=FROM_INSTALLED)
    assert bare.out == "new\n"


@pytest.mark.parametrize("is_told", [True, False])
def test_stale_bytecode_that_cannot_be_removed_is_ignored(*, is_told: bool) -> None:
    # For root nothing is read-only, and nobody else may enter pytest's directories.
    drop = "import os; os.setuid(65534);" if os.geteuid() == 0 else ""
    with tempfile.TemporaryDirectory() as directory, open_stage(Path(directory).resolve()) as stage:
        stage.directory.chmod(0o755)
        path = put_stale(stage)
        cached = bytecode_of(path)
        content = cached.read_bytes()
        cached.parent.chmod(0o555)
        program = stage.start("-c", drop + "import module")
        program.release(encode_release([str(path)] if is_told else [], {}, ()))
        assert program.finish() == (0, "new\n", "")
        assert cached.read_bytes() == content
        cached.parent.chmod(0o755)


def test_stale_bytecode_is_ignored_where_none_is_written(stage: Stage) -> None:
    put_stale(stage)
    for _ in range(2):
        assert stage.run("-B", "-c", "import module")[1].out == "new\n"


def test_bytecode_of_a_source_saved_just_now_is_not_believed(stage: Stage) -> None:
    put_stale(stage, name=INSTALLED, age_seconds=0)
    assert stage.run("-c", "import module", environment=FROM_INSTALLED)[1].out == "new\n"


@pytest.mark.parametrize("age_seconds", [0, 10])
def test_bytecode_that_the_user_wants_believed_is_believed(
    stage: Stage, age_seconds: float
) -> None:
    path = put_stale(stage, age_seconds=age_seconds, mode="unchecked-hash")
    cached = stamp(bytecode_of(path))
    program = stage.start("-c", "import module")
    program.release(encode_release([str(path)], {}, ()))
    assert program.finish().out == "old\n"
    assert stamp(bytecode_of(path)) == cached


@pytest.mark.parametrize("is_told", [True, False])
def test_bytecode_elsewhere_is_replaced_too(stage: Stage, *, is_told: bool) -> None:
    environment = {"PYTHONPYCACHEPREFIX": str(stage.directory / "cache")}
    path = put_stale(stage, environment=environment)
    program = stage.start("-c", "import module", environment=environment)
    program.release(encode_release([str(path)] if is_told else [], {}, ()))
    assert program.finish().out == "new\n"
    assert stage.run_bare("-c", "import module", environment=environment).out == "new\n"
    assert not (stage.directory / "__pycache__").exists()


# --- The end -------------------------------------------------------------------------------------


@every_python
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "def f():\n    raise ValueError('first\\nsecond')\nf()\n",
            "ValueError: first ({}, line 2)",
        ),
        ("x = = 1\n", "SyntaxError: invalid syntax ({}, line 1)"),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere' ({}, line 1)"),
        ("raise KeyError\n", "KeyError ({}, line 1)"),
    ],
)
def test_an_uncaught_exception_is_reported(
    stage: Stage, python: str, text: str, expected: str
) -> None:
    script = stage.write("script.py", text)
    program, result = stage.run(str(script), python=python)
    assert result.returncode == 1
    assert program.records[-1] == Uncaught(program.process.pid, expected.format(script))


@pytest.mark.parametrize(
    "text", ["", "raise SystemExit(3)\n", "try:\n    1 / 0\nexcept ZeroDivisionError: pass\n"]
)
def test_an_orderly_end_is_no_uncaught_exception(stage: Stage, text: str) -> None:
    stage.write("script.py", text)
    program, _ = stage.run("script.py")
    assert not [record for record in program.records if isinstance(record, Uncaught)]


# --- What it costs ------------------------------------------------------------------


def test_the_agent_is_compiled_once(stage: Stage) -> None:
    stage.run("-c", "")
    cached = {path.name for path in Path(INJECT_DIRECTORY, "__pycache__").iterdir()}
    tag = sys.implementation.cache_tag
    assert {f"sitecustomize.{tag}.pyc", f"_reloader_agent.{tag}.pyc"} <= cached


def test_the_agent_imports_next_to_nothing(stage: Stage) -> None:
    program = stage.start("-X", "importtime", "-c", "")
    program.release()
    own = {line.split("|")[-1].strip() for line in program.finish().err.splitlines()}
    bare = stage.run_bare("-X", "importtime", "-c", "").err.splitlines()
    added = own - {line.split("|")[-1].strip() for line in bare}
    # All but the first two are built into the interpreter.
    builtin = {"fcntl", "atexit", "time", "_thread", "faulthandler"}
    assert added <= {"_reloader_agent", "sitecustomize", *builtin}
