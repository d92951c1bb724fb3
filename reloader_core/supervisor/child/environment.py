"""The environment of the next program: this process's own, and what environment files add."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class ProgramEnvironment:
    """Reads the environment files anew for each program.

    What is set already wins over the files, and a later file over an earlier one; so it is
    in python-dotenv, which reads them. A file that is not there adds nothing.

    :param files: their paths.
    :param warn: shows one line about a file that cannot be read, or a line of it. The
        same is not said twice in a row.
    """

    def __init__(self, files: Sequence[str] = (), *, warn: Callable[[str], None]) -> None:
        self._files = tuple(files)
        self._warn = warn
        self._told: list[str] = []

    def make(self) -> dict[str, str]:
        """The environment for a program that is started now."""
        if not self._files:
            return dict(os.environ)
        faults: list[str] = []
        text = "".join(_read(path, faults) for path in self._files)
        added = _parse(text)
        for fault in faults:
            if fault not in self._told:
                self._warn(fault)
        self._told = faults
        return {**added, **os.environ}


def _read(path: str, faults: list[str]) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        faults.append(f"{path} cannot be read: {error.strerror}; make it readable")
        return ""
    except ValueError:
        faults.append(f"{path} is not UTF-8; save it as UTF-8")
        return ""
    if "\0" in text:
        faults.append(f"{path} has a null character; remove it")
        return ""
    from io import StringIO

    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(text)):
        if binding.error:
            line = binding.original.line + binding.original.string.count("\n", 0, 1)
            faults.append(f"{path}: line {line} is not understood; write NAME=value")
    return text if text.endswith("\n") else text + "\n"


def _parse(text: str) -> dict[str, str]:
    """What the files say, with ``${NAME}`` filled in from the lines above and the environment."""
    import logging
    from io import StringIO

    from dotenv import dotenv_values

    # Lines that it does not understand were told with their file.
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)
    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if value is not None}
