"""What a program may tell its supervisor. Without one, nothing happens.

Cheap to import, and nothing but the standard library: a program can call it always.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from reloader_core.agent import MODULE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ready", "watch"]


def ready() -> bool:
    """Say that the program can do its work.

    A program that listens on a socket is ready then, and need not say so; another one is taken
    to be when it has loaded nothing new for a second. ``reloader wait`` and the hook
    ``child_ready`` wait for it.

    :returns: whether there is a supervisor that hears it.
    """
    return _tell("say_ready")


def watch(*paths: str | os.PathLike[str]) -> bool:
    """Have files watched that the program depends on, beyond the code that it loads.

    :param paths: files, directories (with all that is in them) and globs, as in ``extra_files``,
        from the working directory on. A file may not exist yet.
    :returns: whether there is a supervisor that hears it.
    :raises ValueError: a path holds a null character.
    """
    return _tell("name_files", [_absolute(path) for path in paths])


def _absolute(given: str | os.PathLike[str]) -> str:
    text = os.fspath(given)
    if "\0" in text:
        raise ValueError(f"{text!r} holds a null character; remove it")
    path = os.path.abspath(text)
    # A slash at the end means a directory.
    return os.path.join(path, "") if text.endswith(os.sep) else path


def _tell(name: str, *arguments: Iterable[str]) -> bool:
    # Not imported: it is there if the supervisor has put it there.
    agent: Any = sys.modules.get(MODULE_NAME)
    tell = getattr(agent, name, None)
    return tell is not None and bool(tell(*arguments))
