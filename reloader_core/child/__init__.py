"""What a program may tell its supervisor. Without one, nothing happens.

Cheap to import, and nothing but the standard library: a program can call it always.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from reloader_core.agent import MODULE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Loader", "ready", "register", "watch"]


class Loader(Protocol):
    """A part of a program that reads files, and can read them again; see :func:`register`."""

    def iter_watched_files(self) -> Iterable[str | os.PathLike[str]]:
        """Name what is to be watched, as for :func:`watch`."""

    def watch_began(self) -> None:
        """Forget what was read so far: it may have changed before anybody watched.

        Every later change of what was named is noticed.
        """

    def file_changed(self, path: str) -> bool:
        """Deal with a change.

        :param path: what was changed, created or removed: absolute.
        :returns: whether that is all there is to do. If not, the program is restarted.
        """


def ready() -> bool:
    """Say that the program can do its work.

    A program that listens on a socket is ready then, and need not say so; another one is taken
    to be when it has loaded nothing new for a second. ``reloader wait`` and the hook
    ``child_ready`` wait for it.

    :returns: whether there is a supervisor that hears it.
    """
    return _tell("say_ready")


def watch(*paths: str | os.PathLike[str], on_change: Callable[[str], bool] | None = None) -> bool:
    """Have files watched that the program depends on, beyond the code that it loads.

    :param paths: files, directories (with all that is in them) and globs, as in ``extra_files``,
        from the working directory on. A file may not exist yet.
    :param on_change: called with the path, in a thread of its own, when one of them has changed.
        If it returns true, the change is dealt with; else, or if it raises, the program is
        restarted. Without it, the program always is.
    :returns: whether there is a supervisor that hears it.
    :raises ValueError: a path holds a null character.
    """
    entries = [absolute(path) for path in paths]
    if on_change is None:
        return _tell("name_files", entries)
    return register(_Files(entries, on_change))


def register(loader: Loader) -> bool:
    """Have a part of the program named files to watch, and asked when they change.

    It is asked for its files now, and again whenever it has dealt with a change; the other calls
    come from a thread of its own. Each process that has it, forked ones too, is asked about a
    change, which is dealt with if all of them say so.

    :returns: whether there is a supervisor that hears it. If not, the loader is not asked at all.
    :raises ValueError: a path that it names holds a null character.
    """
    agent = _find_agent()
    if agent is None or not hasattr(agent, "offer_conversation"):
        return False
    from reloader_core.child.conversation import Conversation

    return Conversation(loader, agent.offer_conversation).open()


class _Files:
    """Files whose names are known."""

    def __init__(self, entries: list[str], on_change: Callable[[str], bool]) -> None:
        self._entries = entries
        self.file_changed = on_change

    def iter_watched_files(self) -> Iterable[str]:
        return self._entries

    def watch_began(self) -> None:
        """What the program has read before is its own affair, as with any call of ``watch``."""


def absolute(given: str | os.PathLike[str]) -> str:
    """An entry as the supervisor wants it: from the root."""
    text = os.fspath(given)
    if "\0" in text:
        raise ValueError(f"{text!r} holds a null character; remove it")
    path = os.path.abspath(text)
    # A slash at the end means a directory.
    return os.path.join(path, "") if text.endswith(os.sep) else path


def _tell(name: str, *arguments: Iterable[str]) -> bool:
    tell = getattr(_find_agent(), name, None)
    return tell is not None and bool(tell(*arguments))


def _find_agent() -> Any:
    # Not imported: it is there if the supervisor has put it there.
    return sys.modules.get(MODULE_NAME)
