"""Jinja2's templates: watched, and loaded anew without a restart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reloader_core import child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment


def watch(environment: Environment) -> bool:
    """Have the templates of an environment watched, and its cache emptied when one changes.

    Whatever its loaders, and those within them, read from directories: ``FileSystemLoader``,
    ``PackageLoader`` (of a package that is no archive), ``ChoiceLoader``, ``PrefixLoader``, and
    Flask's, for ``app.jinja_env``.

    :returns: whether there is a supervisor that hears it.
    """
    return child.register(_Templates(environment))


class _Templates:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def iter_watched_files(self) -> Iterator[str]:
        yield from _iter_directories(self._environment.loader)

    def watch_began(self) -> None:
        if self._environment.cache is not None:
            self._environment.cache.clear()

    def file_changed(self, path: str) -> bool:
        self.watch_began()
        return True


def _iter_directories(loader: Any) -> Iterator[str]:
    """The directories that a loader reads templates from, by what loaders of its kind have."""
    for path in getattr(loader, "searchpath", ()):  # FileSystemLoader
        yield os.path.join(os.fspath(path), "")
    root = getattr(loader, "_template_root", None)  # PackageLoader
    if isinstance(root, str) and getattr(loader, "_archive", None) is None:
        yield os.path.join(root, "")
    for nested in getattr(loader, "loaders", ()):  # ChoiceLoader
        yield from _iter_directories(nested)
    for nested in getattr(loader, "mapping", {}).values():  # PrefixLoader
        yield from _iter_directories(nested)
    application = getattr(loader, "app", None)  # Flask's DispatchingJinjaLoader
    if application is not None:
        yield from _iter_directories(application.jinja_loader)
        for blueprint in application.iter_blueprints():
            yield from _iter_directories(blueprint.jinja_loader)
