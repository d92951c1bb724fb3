"""What a plugin did wrong, in words: one line that leads its author to the place.

A plugin's exception is its own code: its text may be long, empty, or raise itself.
Nothing here raises.
"""

from __future__ import annotations

import os
import reprlib
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from types import TracebackType

#: A line of the terminal or two. What an exception has to say is said by then.
_MOST_CHARACTERS = 300

#: Code that stands between the supervisor and a plugin: ours, pluggy's, the imports'.
_BETWEEN = tuple(
    os.path.dirname(os.path.abspath(module)) + os.sep
    for module in (os.path.dirname(__file__), pluggy.__file__)
)
_IMPORTS = ("<frozen importlib", os.path.join("importlib", "__init__.py"))

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def describe(error: BaseException) -> str:
    """An exception in one line, with the place in the plugin's code, if it was there.

    ``ValueError: no such page (reload_hooks.py:12)``
    """
    text = first_line(error)
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error)
    return f"{described} ({place})" if place else described


def first_line(error: BaseException) -> str:
    """What an exception says, shortened to one line."""
    try:
        text = next(iter(str(error).splitlines()), "")
    except BaseException:
        return "what it says cannot be shown"
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"


def show(value: object) -> str:
    """A value that a plugin returned, shortened to what fits into a line."""
    return " ".join(_repr.repr(value).split())


def traceback_of(error: BaseException) -> str:
    """The traceback from where the plugin's own code begins, in lines."""
    import traceback  # slow to import, and needed for faults only

    begin = _skip(error.__traceback__) or error.__traceback__
    return "".join(traceback.format_exception(type(error), error, begin)).rstrip("\n")


def _place(error: BaseException) -> str | None:
    """Where it happened: the last line in the plugin's own directory.

    A library that the plugin calls, and that raises, is not where to look first.
    """
    step = _skip(error.__traceback__)
    if step is None:
        return None
    home = os.path.dirname(step.tb_frame.f_code.co_filename)
    place = step
    while step is not None:
        if os.path.dirname(step.tb_frame.f_code.co_filename) == home:
            place = step
        step = step.tb_next
    return f"{_spell(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}"


def _skip(step: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with the plugin's code."""
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if not path.startswith((*_BETWEEN, _IMPORTS[0])) and not path.endswith(_IMPORTS[1]):
            return step
        step = step.tb_next
    return None


def _spell(path: str) -> str:
    """A path as short as it leads there from the working directory, if that is below it."""
    try:
        short = os.path.relpath(path)
    except (OSError, ValueError):  # the directory is gone; another drive
        return path
    return path if short.startswith(os.pardir) else short
