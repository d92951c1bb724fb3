"""Whatever Python loads code from, an edit there is answered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.live import SERVING_PROGRAM, assign

if TYPE_CHECKING:
    from tests.functional.live import Live


def test_a_module_in_an_archive_is_watched(live: Live) -> None:
    def pack(value: str) -> None:
        with zipfile.ZipFile(live.directory / "fresh.zip", "w") as archive:
            archive.writestr("value.py", assign(value))
        os.replace(live.directory / "fresh.zip", live.directory / "lib.zip")

    pack("one")
    live.write(
        "app.py",
        "import sys; sys.path.insert(0, 'lib.zip')\n"
        "import signal, value; print('value', value.VALUE, flush=True); signal.pause()\n",
    )
    live.start()
    live.expect("one")
    for value in ("two", "six"):
        pack(value)
        live.expect(value)


def test_a_module_imported_late_by_a_forked_worker_is_watched(live: Live) -> None:
    live.edit("one")
    live.write(
        "app.py",
        "import os, signal\n"
        "if os.fork() == 0:\n"
        "    import value\n"
        "    print('value', value.VALUE, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait(); signal.pause()\n",
    )
    live.start()
    live.expect("one")
    live.edit("two")
    live.expect("two")


def test_a_module_imported_on_request_is_watched_from_then_on(live: Live) -> None:
    live.write("app.py", SERVING_PROGRAM)
    live.edit("one")
    live.edit("aaa", "late.py")
    live.start_with_witness()
    live.expect("one")
    live.edit("bbb", "late.py")  # nobody has imported it
    live.let_look()
    assert live.ask("late")[0] == "bbb"
    live.edit("ccc", "late.py")
    live.expect("one")
    live.edit("ddd", "late.py")  # the new program has not been asked for it
    live.let_look()
    assert live.ask("late")[0] == "ddd"
    assert live.finish() == ["one", "one"]


def test_a_namespace_package_may_get_modules_and_become_regular(live: Live) -> None:
    live.edit("one", "space/code.py")
    live.write(
        "value.py",
        "import space.code\nVALUE = space.code.VALUE + getattr(space, 'MORE', '')\n"
        "try:\n    import space.added\n    VALUE += space.added.VALUE\n"
        "except ImportError:\n    pass\n",
    )
    live.start()
    live.expect("one")
    live.edit("two", "space/code.py")
    live.expect("two")
    live.edit("-added", "space/added.py")
    live.expect("two-added")
    live.write("space/__init__.py", "MORE = '-regular'\n")
    live.expect("two-regular-added")
    live.write("space/__init__.py", "MORE = '-changed'\n")
    live.expect("two-changed-added")


def test_a_second_part_of_a_namespace_package_may_hide_a_module(live: Live) -> None:
    live.edit("one", "second/space/code.py")
    (live.directory / "first" / "space").mkdir(parents=True)
    live.write("value.py", "from space.code import VALUE\n")
    live.start(env={"PYTHONPATH": f"first{os.pathsep}second"})
    live.expect("one")
    live.edit("two", "second/space/code.py")
    live.expect("two")
    live.write("first/space/__init__.py", "")
    live.edit("six", "first/space/code.py")
    live.expect("six")


def an_extension_module() -> Path | None:
    """One of Python's own that is a file here."""
    for name in ("_heapq", "_json", "_bisect", "_queue", "xxlimited", "_testmultiphase"):
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".so"):
            return Path(spec.origin)
    return None


@pytest.mark.skipif(an_extension_module() is None, reason="all extensions are built in")
def test_an_extension_module_that_was_built_anew_is_loaded_anew(live: Live) -> None:
    source = an_extension_module()
    assert source is not None
    built = live.directory / "native" / source.name
    built.parent.mkdir()
    shutil.copy(source, built)
    name = source.name.partition(".")[0]
    live.write(
        "value.py", f"import os, native.{name} as n\nVALUE = str(os.path.getsize(n.__file__))\n"
    )
    live.start()
    size = built.stat().st_size
    live.expect(str(size))
    fresh = live.directory / "fresh.so"
    for more in (1, 2):
        fresh.write_bytes(source.read_bytes() + b"\0" * more)
        os.replace(fresh, built)  # as linkers do
        live.expect(str(size + more))


#: What installers run to make editable installs; see PEP 660. Arguments: where wheels
#: go, then directories of projects, each with the style that is wanted.
_BUILD_EDITABLE = """\
import os, sys
from setuptools import build_meta
here, wheels = os.getcwd(), sys.argv[1]
for project, mode in zip(sys.argv[2::2], sys.argv[3::2]):
    os.chdir(os.path.join(here, project))
    build_meta.build_editable(wheels, {"editable_mode": mode})
"""


def install_editable(directory: Path, site_packages: Path, *projects_and_modes: str) -> None:
    """Do what `pip install --editable` does, without an index."""
    with tempfile.TemporaryDirectory() as wheels:
        command = [sys.executable, "-c", _BUILD_EDITABLE, wheels, *projects_and_modes]
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        for wheel in Path(wheels).iterdir():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site_packages)


def test_editable_installs_of_every_style_are_watched(live: Live) -> None:
    """A path in a .pth file, a finder that is imported by one, and a directory of links."""
    pytest.importorskip("setuptools", minversion="70.1")
    environment = live.directory / "environment"
    venv.create(environment, symlinks=True)
    (site_packages,) = environment.glob("lib/*/site-packages")
    sources = {}
    for name, folder in (
        ("by_path", "src/by_path"),
        ("by_finder", "by_finder"),
        ("by_links", "src/by_links"),
    ):
        live.write(
            f"projects/{name}/pyproject.toml", f"[project]\nname = '{name}'\nversion = '1'\n"
        )
        live.write(f"projects/{name}/{folder}/__init__.py", assign("a"))
        sources[name] = f"projects/{name}/{folder}"
    styles = ["by_path", "", "by_finder", "", "by_links", "strict"]
    install_editable(live.directory / "projects", site_packages, *styles)
    assert list(site_packages.glob("__editable___by_finder*_finder.py"))
    live.write(
        "value.py",
        f"import {', '.join(sources)}\n"
        "VALUE = '-'.join([by_path.VALUE, by_finder.VALUE, by_links.VALUE])\n"
        "for name in ('by_path', 'by_finder'):\n"
        "    try:\n        VALUE += __import__(name + '.new').new.VALUE\n"
        "    except ImportError:\n        pass\n",
    )
    live.write(
        "app.py", "import signal, value; print('value', value.VALUE, flush=True); signal.pause()\n"
    )
    live.start(program=(str(environment / "bin" / "python"), "app.py"))
    live.expect("a-a-a")
    expected = ["a", "a", "a"]
    for number, folder in enumerate(sources.values()):
        live.edit("b", f"{folder}/__init__.py")
        expected[number] = "b"
        live.expect("-".join(expected), after=folder)
    live.edit("+new", "projects/by_finder/by_finder/new.py")  # a module that was missing
    live.expect("b-b-b+new")
