"""The program of the scale benchmark: many small modules, and each tool's way in.

A part of the modules may be in a directory called ``site-packages``. All bytecode is
there before anything is measured: importing is not what is compared.
"""

from __future__ import annotations

import compileall
import itertools
import os
import time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES_PER_PACKAGE = 25
_PACKAGES_PER_AREA = 20

#: Not every tool believes bytecode that was made of a source younger than this.
_YOUNG_SECONDS = 2.5

_MAIN = '''
"""``main.py (none | werkzeug TYPE | django) [base]``: loads everything and serves nothing.

With ``base`` it is the same program without the reloader.
"""

import atexit
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED = os.path.join(HERE, "site-packages")
sys.path.append(INSTALLED)


def mark(what):
    line = f"{what} {os.getpid()} {time.monotonic()}\\n"
    descriptor = os.open(HERE + ".marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def load():
    import everything
    import edited

    atexit.register(mark, "end")
    mark("ready")


def serve():
    while True:
        time.sleep(3600)


def main(tool, *arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    is_base = "base" in arguments
    if tool == "none":
        load()
        serve()
    elif tool == "werkzeug":
        # As in a virtual environment: Werkzeug does not search what is below the prefix.
        sys.exec_prefix = INSTALLED
        from werkzeug._reloader import run_with_reloader
        from werkzeug.serving import is_running_from_reloader

        if is_base or is_running_from_reloader():
            load()
        if is_base:
            serve()
        run_with_reloader(serve, reloader_type=arguments[0])
    else:
        import django
        from django.conf import settings
        from django.utils.autoreload import run_with_reloader

        if is_base or os.environ.get("RUN_MAIN") == "true":
            settings.configure()
            django.setup()
            load()
        if is_base:
            serve()
        run_with_reloader(serve)


if __name__ == "__main__":
    main(*sys.argv[1:])
'''


@attrs.frozen(kw_only=True)
class Layout:
    """How many modules there are, and where.

    :ivar project: in the project.
    :ivar installed: in ``site-packages``.
    """

    project: int
    installed: int = 0

    @property
    def modules(self) -> int:
        """All of them."""
        return self.project + self.installed

    @property
    def name(self) -> str:
        """As shown in headings."""
        where = "all in the project"
        if self.installed:
            where = f"{self.project:,} in the project, {self.installed:,} in `site-packages`"
        return f"{self.modules:,} modules, {where}"


@attrs.define(kw_only=True)
class Sample:
    """A sample program on disk.

    :ivar directory: where it is; the tools are started there.
    :ivar marks: where the program tells, line by line, what happened when.
    """

    directory: Path
    _edits: Iterator[int] = attrs.field(factory=itertools.count, init=False)

    @property
    def marks(self) -> Path:
        """Beside the program, so that telling is no change to anything watched."""
        return self.directory.with_name(self.directory.name + ".marks")

    @property
    def folders(self) -> int:
        """How many directories there are."""
        return sum(1 for _ in os.walk(self.directory))

    def edit(self) -> None:
        """Save the module that is imported last, in place and with the size it had."""
        source = f'VALUE = "edit-{next(self._edits):06}"\n'
        (self.directory / "edited.py").write_text(source, encoding="utf-8")


def make_sample(directory: Path, layout: Layout) -> Sample:
    """Write the program and its bytecode.

    :param directory: an empty one.
    :param layout: the modules.
    """
    sample = Sample(directory=directory)
    sample.edit()
    (directory / "main.py").write_text(_MAIN.lstrip(), encoding="utf-8")
    areas = [*_make_areas(directory, "project", layout.project)]
    areas += _make_areas(directory / "site-packages", "installed", layout.installed)
    everything = "".join(f"import {area}\n" for area in areas)
    (directory / "everything.py").write_text(everything, encoding="utf-8")
    time.sleep(_YOUNG_SECONDS)
    compileall.compile_dir(directory, quiet=2, workers=os.cpu_count() or 1)
    return sample


def _make_areas(directory: Path, name: str, files: int) -> Iterator[str]:
    """Make packages of packages of modules; each package imports what is in it."""
    directory.mkdir(exist_ok=True)
    numbers = itertools.count()
    for number in itertools.count():
        if files <= 0:
            return
        area = f"{name}_area_{number:03}"
        files -= 1
        packages: list[str] = []
        while files > 0 and len(packages) < _PACKAGES_PER_AREA:
            package = f"package_{len(packages):02}"
            size = min(_FILES_PER_PACKAGE, files)
            files -= size
            modules = [f"module_{next(numbers):05}" for _ in range(size - 1)]
            _make_package(directory / area / package, modules)
            for module in modules:
                source = f"NAME = {module!r}\n"
                (directory / area / package / f"{module}.py").write_text(source, encoding="utf-8")
            packages.append(package)
        _make_package(directory / area, packages)
        yield area


def _make_package(directory: Path, names: list[str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    source = "".join(f"from . import {name}\n" for name in names)
    (directory / "__init__.py").write_text(source, encoding="utf-8")
