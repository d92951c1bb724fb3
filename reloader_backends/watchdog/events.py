"""What watchdog says, as values: raw events in, news out.

Only events that can mean another content are asked for. That a file was opened,
or closed by a reader, is what the supervisor itself brings about when it looks.
"""

from __future__ import annotations

import enum
import logging
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

import attrs
from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WANTED", "Deed", "Handler", "LossListener", "News", "fold"]


class Deed(enum.Enum):
    """What happened to an entry of a directory."""

    MADE = "it appeared"
    MOVED_IN = "it appeared under this name at one stroke"
    WRITTEN = "it was written to, or its attributes changed"
    CLOSED = "a writer closed it"
    GONE = "it was removed or moved away"

    @property
    def is_structural(self) -> bool:
        """Whether another entry, or none, may be there now."""
        return self in (Deed.MADE, Deed.MOVED_IN, Deed.GONE)


@attrs.frozen
class News:
    """One event about one path, which is spelled without links."""

    deed: Deed
    path: str
    is_directory: bool


_DEEDS: Final = {
    events.EVENT_TYPE_CREATED: Deed.MADE,
    events.EVENT_TYPE_MODIFIED: Deed.WRITTEN,
    events.EVENT_TYPE_CLOSED: Deed.CLOSED,
    events.EVENT_TYPE_DELETED: Deed.GONE,
}

#: A directory's own modification says nothing that its entries do not say.
WANTED: Final[list[type[FileSystemEvent]]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileClosedEvent,
    events.FileDeletedEvent,
    events.FileMovedEvent,
    events.DirCreatedEvent,
    events.DirDeletedEvent,
    events.DirMovedEvent,
]
if sys.platform != "linux" and hasattr(events, "FileAttribEvent"):
    # watchdog 7 guesses from times and flags whether a write was only one of attributes.
    WANTED.append(events.FileAttribEvent)
    _DEEDS[events.FileAttribEvent.event_type] = Deed.WRITTEN


class Handler(FileSystemEventHandler):
    """Passes news on.

    :param post: takes them, on the observer's thread; what it raises ends that thread.
    """

    def __init__(self, post: Callable[[News], None]) -> None:
        self._post = post

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take any event, without the library's own choice of a method."""
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if event.event_type == events.EVENT_TYPE_MOVED:
            if source:
                self._post(News(Deed.GONE, source, event.is_directory))
            if target:
                self._post(News(Deed.MOVED_IN, target, event.is_directory))
        elif (deed := _DEEDS.get(event.event_type)) is not None:
            self._post(News(deed, source, event.is_directory))


class LossListener(logging.Handler):
    """Hears from watchdog's log that events were lost: it tells nobody else.

    :param on_loss: called on any of watchdog's threads.
    """

    def __init__(self, on_loss: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_loss = on_loss

    def emit(self, record: logging.LogRecord) -> None:
        """Take a warning, or an error with its exception, for a loss."""
        # An error without one is about an emitter that is asked while it stops.
        if record.exc_info or record.levelno == logging.WARNING:
            self._on_loss()


def fold(path: str) -> str:
    """A path's key: the same for all spellings that a file system may take for one.

    macOS and Windows report the name as the disk has it, not as it was asked for.
    """
    if sys.platform == "linux":
        return path
    return unicodedata.normalize("NFC", path).casefold()
