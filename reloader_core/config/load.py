"""Reading the configuration: ``pyproject.toml``, then the environment, then the command line.

- The nearest ``pyproject.toml`` upwards counts, also when it has no
  ``[tool.reloader]``; further ones do not.
- A later source wins. A list replaces the earlier one, except that the command
  line adds to it.
- Every fault of every source is found before anything is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reloader_core.config.schema import Configuration
from reloader_core.config.settings import (
    SETTINGS,
    VARIABLE_PREFIX,
    Setting,
    read_text,
    read_value,
)
from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import ConfigurationError
from reloader_core.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_FILE_NAME = "pyproject.toml"

#: On the command line these are spelled from where the user is.
_SPELLED_FROM_HERE = ("extra_files", "exclude_patterns")

#: On the command line these are paths from where the user is, elsewhere from the project.
_PATHS = ("env_files",)


def load_configuration(
    *,
    start_directory: str,
    environ: Mapping[str, str],
    arguments: Mapping[str, object],
    name_argument: Callable[[Setting], str] | None = None,
) -> Configuration:
    """Read the configuration from all its sources.

    :param start_directory: where the search for ``pyproject.toml`` begins; entries
        of ``arguments`` with a slash, and literal paths, start here.
    :param environ: the environment variables.
    :param arguments: values by key, as text or typed; ``None`` and empty lists
        count as not given.
    :param name_argument: what messages call an argument, its option if left out.
    :returns: checked, except for what depends on the installed backends.
    :raises ConfigurationError: with all faults.
    """
    start = os.path.abspath(start_directory)
    found = _Findings()
    stamps = [(candidate, _stamp_of(candidate)) for candidate in _iter_candidates(start)]
    path, data = _find_file(start, found)
    _take_file(found, path, data)
    _take_environment(found, environ)
    root = os.path.dirname(path) if path else start
    for key, given in arguments.items():
        if given is None or given in ((), []):
            continue
        setting, value = SETTINGS[key], given
        if key in _SPELLED_FROM_HERE and start != root:
            value = _respell(given, os.path.relpath(start, root), is_path=key == "extra_files")
        elif key in _PATHS:
            value = _make_absolute(given, start)
        name = name_argument(setting) if name_argument else setting.option or key
        found.take_argument(setting, value, name)
    if found.faults:
        raise ConfigurationError(found.faults)
    for key in _PATHS:
        if key in found.values:
            found.values[key] = tuple(_absolute(path, root) for path in found.values[key])
    return Configuration(
        **found.values,
        project_root=root,
        configuration_files=tuple(_until_found(stamps, path)),
        backend_tables=found.backend_tables,
        origins=found.origins,
    )


def _make_absolute(given: object, directory: str) -> object:
    if isinstance(given, list | tuple):
        return [_absolute(path, directory) if isinstance(path, str) else path for path in given]
    return given


def _absolute(path: str, directory: str) -> str:
    return os.path.join(directory, os.path.expanduser(path))


def _iter_candidates(start: str) -> Iterator[str]:
    """Where the file may be, nearest first, up to the first one that is there."""
    directory = start
    while True:
        candidate = os.path.join(directory, _FILE_NAME)
        yield candidate
        above = os.path.dirname(directory)
        if above == directory or os.path.lexists(candidate):
            return
        directory = above


def _until_found(
    stamps: list[tuple[str, Stamp | None]], path: str
) -> list[tuple[str, Stamp | None]]:
    """Those that decide: up to the one that was read; without one, only the first place."""
    paths = [candidate for candidate, _ in stamps]
    return stamps[: paths.index(path) + 1] if path in paths else stamps[:1]


def _stamp_of(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except OSError:
        return None


class _Findings:
    """What was read so far."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.backend_tables: dict[str, dict[str, object]] = {}
        self.faults: list[str] = []

    def take_argument(self, setting: Setting, value: object, name: str) -> None:
        """Take a value of the command line, which adds to a list."""
        earlier = self.values.pop(setting.key, None) if setting.adds_up else None
        earlier_origin = self.origins.get(setting.key)
        reader = read_text if isinstance(value, str) else read_value
        self.take(setting, value, reader, origin=name, subject=name)
        if earlier:
            added = self.values.get(setting.key, ())
            self.values[setting.key] = tuple(dict.fromkeys((*earlier, *added)))
            self.origins[setting.key] = f"{earlier_origin}, {name}"

    def take(
        self,
        setting: Setting,
        value: Any,
        reader: Callable[[Setting, Any], object],
        *,
        origin: str,
        subject: str,
    ) -> None:
        """Take one value, or the fault it has."""
        try:
            self.values[setting.key] = reader(setting, value)
        except ValueError as error:
            self.faults.append(f"{subject} {error}; {setting.expected}")
        else:
            self.origins[setting.key] = origin


def _find_file(start: str, found: _Findings) -> tuple[str, bytes]:
    """The nearest ``pyproject.toml`` and what is in it; both empty without one."""
    directory = start
    while True:
        path = os.path.join(directory, _FILE_NAME)
        try:
            with open(path, "rb") as file:
                return path, file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            pass
        except OSError as error:
            # Windows says "permission denied" of a directory.
            if os.path.lexists(path) and not os.path.isdir(path):
                found.faults.append(f"{path} cannot be read: {error.strerror}; make it readable")
                return path, b""
        above = os.path.dirname(directory)
        if above == directory:
            return "", b""
        directory = above


def _take_file(found: _Findings, path: str, data: bytes) -> None:
    # tomllib and a large file take longer than all the rest: look whether there
    # is anything for us first. A package's name is not.
    if b"reloader" not in data.replace(b"reloader-", b""):
        return
    document = _parse(found, path, data)
    tool = document.get("tool", {})
    if not isinstance(tool, dict):
        found.faults.append(f"{path}: 'tool' is not a table; write '[tool.reloader]'")
        return
    table = tool.get("reloader", {})
    if not isinstance(table, dict):
        found.faults.append(f"{path}: 'tool.reloader' is not a table; write '[tool.reloader]'")
        return
    for key, value in table.items():
        subject = f"{path}: [tool.reloader] {key}"
        if key in SETTINGS:
            found.take(SETTINGS[key], value, read_value, origin=path, subject=subject)
        elif isinstance(value, dict):
            found.backend_tables[key] = value
            found.origins[key] = path
        else:
            found.faults.append(f"{subject} is not a setting{_suggest(key, SETTINGS)}")


def _parse(found: _Findings, path: str, data: bytes) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found.faults.append(f"{path}: line {line} is not UTF-8; save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        # From Python 3.14 on the place is in attributes, too; the text stays.
        fault, _, place = str(error).rpartition(" (at ")
        place = place.removesuffix(")")
        if place == "end of document":
            lines = data.decode().split("\n")
            place = f"line {len(lines)}, column {len(lines[-1]) + 1}, the end of the file"
        found.faults.append(f"{path}: {place}: {fault}; correct the TOML")
    return {}


def _take_environment(found: _Findings, environ: Mapping[str, str]) -> None:
    settings = {setting.variable: setting for setting in SETTINGS.values()}
    for name in sorted(environ):
        if not name.startswith(VARIABLE_PREFIX):
            continue
        if name in settings:
            found.take(settings[name], environ[name], read_text, origin=name, subject=name)
        else:
            found.faults.append(f"{name} is not a variable of ours{_suggest(name, settings)}")


def _suggest(word: str, known: Mapping[str, Setting]) -> str:
    # Without what all variables share, which makes any two look alike.
    prefix = VARIABLE_PREFIX if word.startswith(VARIABLE_PREFIX) else ""
    hint = did_you_mean(word, known, prefix=prefix)
    return hint or f"; remove it, or choose from {', '.join(known)}"


def _respell(entries: object, here: str, *, is_path: bool) -> object:
    """Entries spelled from the user's directory, spelled from the project's."""
    if isinstance(entries, list | tuple):
        return [
            _respell_entry(entry, here.replace(os.sep, "/"), is_path=is_path)
            if isinstance(entry, str)
            else entry
            for entry in entries
        ]
    return entries


def _respell_entry(entry: str, here: str, *, is_path: bool) -> str:
    import posixpath

    from reloader_core.patterns.gitignore import escape, has_glob

    sign, body = ("!", entry[1:]) if entry.startswith("!") else ("", entry)
    if body.startswith(("/", "~")) or os.path.isabs(body) or not body.strip():
        return entry
    is_a_path = is_path and not sign and not has_glob(body)
    if not is_a_path and "/" not in body.rstrip("/") and body not in (".", ".."):
        return entry  # at any depth
    spelled = posixpath.normpath(f"{escape(here)}/{body}")
    end = "/" if body.endswith("/") else ""
    if spelled.startswith(".."):
        return f"{sign}{spelled}{end}"
    return f"{sign}/{spelled}{end}" if spelled != "." else f"{sign}/"
