"""Installed entry points, read directly.

``importlib.metadata`` does the same and more, but its import alone takes some
20 ms, and this is asked before the program is first started. The format is
fixed by the packaging specification "Entry points": an INI file whose lines
are ``name = module:attribute``, in ``*.dist-info`` or ``*.egg-info`` on the
path. Entries of ``sys.path`` that are not directories are left to
``importlib.metadata``.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The entry point's name is the ``reloader_type``.
BACKENDS_GROUP = "reloader.backends"
PLUGINS_GROUP = "reloader.plugins"

_FOLDER_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """One installed entry point.

    :ivar group: such as ``reloader.backends``.
    :ivar name: its name in the group.
    :ivar value: ``module`` or ``module:attribute``.
    :ivar distribution: the name and version of what installed it, ``name-version``.
    """

    group: str
    name: str
    value: str
    distribution: str

    @property
    def project(self) -> str:
        """The distribution's name without its version, in the form used for comparing.

        ``reloader_core`` for ``Reloader.Core-0.1``: PEP 503, with underscores
        as in the name of the folder.
        """
        name = self.distribution.partition("-")[0]
        return "".join("_" if char in "-." else char for char in name.lower())

    def load(self) -> object:
        """Import what it names.

        :raises Exception: whatever the import raises.
        """
        module_name, _, attribute = self.value.partition(":")
        target: object = importlib.import_module(module_name.strip())
        for part in filter(None, attribute.strip().split(".")):
            target = getattr(target, part)
        return target


def find_entry_points(group: str, path: Iterable[str] | None = None) -> list[EntryPoint]:
    """The entry points of one group, in the order of the path.

    Of two with the same name from the same distribution, found twice on the
    path, the first counts, as it does for imports.

    :param group: the group's name.
    :param path: directories to search; ``sys.path`` if left out.
    """
    found: dict[tuple[str, str], EntryPoint] = {}
    for entry in _iter_all(sys.path if path is None else path, group):
        found.setdefault((entry.name, entry.project), entry)
    return list(found.values())


def _iter_all(path: Iterable[str], group: str) -> Iterator[EntryPoint]:
    for directory in dict.fromkeys(path):
        folder = directory or "."
        try:
            names = os.listdir(folder)
        except NotADirectoryError:
            yield from _iter_in_archive(folder, group)
            continue
        except OSError:
            continue
        for name in sorted(names):
            if name.endswith(_FOLDER_SUFFIXES):
                yield from _iter_in_folder(os.path.join(folder, name), name, group)


def _iter_in_folder(folder: str, name: str, group: str) -> Iterator[EntryPoint]:
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:
            content = file.read()
    except OSError:
        return
    if group.encode() not in content:
        return
    distribution = name.rsplit(".", 1)[0]
    yield from _iter_in_text(content.decode("utf-8", "replace"), group, distribution)


def _iter_in_text(text: str, group: str, distribution: str) -> Iterator[EntryPoint]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and "=" in line:
            name, _, value = line.partition("=")
            # Extras after the value, `module:attribute [extra]`, are obsolete.
            yield EntryPoint(group, name.strip(), value.partition("[")[0].strip(), distribution)


def _iter_in_archive(archive: str, group: str) -> Iterator[EntryPoint]:
    if not os.path.isfile(archive):
        return
    import importlib.metadata  # slow, and hardly ever needed

    for distribution in importlib.metadata.distributions(path=[archive]):
        label = f"{distribution.metadata['Name'].replace('-', '_')}-{distribution.version}"
        for entry in distribution.entry_points.select(group=group):
            yield EntryPoint(group, entry.name, entry.value, label)
