"""Whether a module can be run with ``-m``, found out without importing anything."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

from reloader_core.config.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def search_path(cwd: str, *, is_safe_path: bool) -> list[str]:
    """Where ``python -m`` looks for modules.

    :param cwd: where it is started.
    :param is_safe_path: the working directory is left out.
    """
    path = [entry for entry in sys.path if isinstance(entry, str)]
    if path and not sys.flags.safe_path:
        # Ours is the directory of the command ``reloader``; the program has its own.
        own = os.path.dirname(os.path.abspath(sys.argv[0]))
        if os.path.abspath(path[0]) == own:
            del path[0]
    return path if is_safe_path else [cwd, *path]


def find_module_fault(name: str, path: Sequence[str]) -> str | None:
    """Say why a module cannot be run.

    :param name: with dots.
    :param path: where to search, as in ``sys.path``.
    :returns: ``None`` when it can be run, or when only an import would tell.
    """
    if not all(part and "/" not in part and "\\" not in part for part in name.split(".")):
        return f"{name!r} is not the name of a module: -m takes 'package.module'"
    locations = list(path)
    package: ModuleSpec | None = None
    above = ""
    for part in name.split("."):
        full = f"{above}.{part}" if above else part
        spec = _find(full, locations)
        if spec is None:
            return None if package and _has_own_path(package) else _missing(name, full, locations)
        package, above = spec, full
        if spec.submodule_search_locations is None:
            # Not a package: any further name is missing from nowhere.
            locations = []
        else:
            locations = list(spec.submodule_search_locations)
    if package is None or package.submodule_search_locations is None:
        return None
    if _find(f"{name}.__main__", locations) is None and not _has_own_path(package):
        return f"package {name!r} has no __main__ module: name one of its modules"
    return None


def _find(full: str, locations: list[str]) -> ModuleSpec | None:
    _, dot, tail = full.rpartition(".")
    # By its last name: for a namespace package inside another one, the finder
    # would look for the outer one in sys.modules.
    spec = PathFinder.find_spec(tail, locations)
    if spec is not None:
        return spec
    for finder in sys.meta_path:
        # Editable installations bring finders of their own.
        if finder is PathFinder:
            continue
        with contextlib.suppress(Exception):
            spec = finder.find_spec(full, locations if dot else None)
            if spec is not None:
                return spec
    return None


def _has_own_path(package: ModuleSpec) -> bool:
    """Whether a package may look for its modules elsewhere once it is imported."""
    if package.submodule_search_locations is None or package.origin is None:
        return False
    try:
        with open(package.origin, "rb") as file:
            source = file.read()
    except OSError:
        return True
    return not package.origin.endswith(".py") or b"__path__" in source or b"extend_path" in source


def _missing(name: str, full: str, locations: Iterable[str]) -> str:
    if name.endswith(".py"):
        return f"module {name!r} not found: leave out '-m' for a script, '.py' for a module"
    known = {module for place in locations for module in _iter_names(place)}
    above, dot, _ = full.rpartition(".")
    if not dot:
        known.update(sys.stdlib_module_names)
    return f"module {full!r} not found{did_you_mean(full, {above + dot + word for word in known})}"


def _iter_names(directory: str) -> Iterable[str]:
    try:
        names = os.listdir(directory or os.curdir)
    except OSError:
        return
    for name in names:
        stem, _, suffix = name.partition(".")
        if stem.isidentifier() and suffix in ("", "py"):
            yield stem
