"""What plugins return, checked: nothing else of it reaches the supervisor.

Each function takes what a hook returned, or made to return, and gives back what the
supervisor may rely on. They are called where the plugin's own code is: reading an
answer may run it, as a generator does.

:raises TypeError: of all: it is something else.
:raises ValueError: of all: it has the type, and makes no sense.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from reloader_core.model import ChangeSource, Child, Command, Decision, Hint, HintScope, Verdict
from reloader_core.plugins.faults import show

#: Whoever names more files than this means a directory, or yields without end.
MOST_PATHS = 100_000

#: Asked more often, a plugin that says "not now" would keep the processor busy.
SHORTEST_DEFERRAL_SECONDS = 0.1

#: Whoever puts a change off for longer does not want it.
LONGEST_DEFERRAL_SECONDS = 86_400.0

_SOURCE_METHODS = ("watch", "wait", "close")


def read_paths(answer: Any) -> list[str]:
    """The entries that ``iter_watched_files`` names."""
    _refuse_one_string(answer, "paths")
    if not isinstance(answer, Iterable):
        raise TypeError(f"expected paths or None, got {show(answer)}")
    paths = [os.fsdecode(path) for path in itertools.islice(answer, MOST_PATHS + 1)]
    if len(paths) > MOST_PATHS:
        raise ValueError(f"more than {MOST_PATHS} paths; name directories or patterns instead")
    for path in paths:
        _check_text(path, "a path")
    return paths


def read_verdict(answer: Any) -> Verdict:
    """The answer of ``should_reload``."""
    verdict: Verdict = _expect(answer, Verdict)
    if not isinstance(verdict.decision, Decision):
        raise TypeError(f"expected a Decision in the verdict, got {show(verdict.decision)}")
    if not isinstance(verdict.reason, str):
        raise TypeError(f"expected a string as the reason, got {show(verdict.reason)}")
    for path in verdict.paths or ():
        if not isinstance(path, str):
            raise TypeError(f"expected strings as the verdict's paths, got {show(path)}")
    seconds = verdict.seconds
    if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_DEFERRAL_SECONDS:
        raise ValueError(f"expected 0 to {LONGEST_DEFERRAL_SECONDS:g} seconds, got {show(seconds)}")
    return attrs.evolve(
        verdict,
        reason=" ".join(verdict.reason.split()),
        seconds=max(float(seconds), SHORTEST_DEFERRAL_SECONDS),
    )


def read_child(answer: Any) -> Child:
    """The answer of ``restart_child``."""
    child: Child = _expect(answer, Child)
    return child


def read_command(answer: Any) -> Command:
    """The answer of ``adapt_command``, and what a plan's ``spawn`` is given."""
    command: Command = _expect(answer, Command)
    argv = _read_words(command.argv, "argv")
    if not argv or not argv[0]:
        raise ValueError("the command's argv is empty")
    for name in ("cwd", "title"):
        value = getattr(command, name)
        if not isinstance(value, str):
            raise TypeError(f"expected a string as the command's {name}, got {show(value)}")
        _check_text(value, f"the command's {name}")
    if not isinstance(command.is_python, bool):
        raise TypeError(f"expected True or False for is_python, got {show(command.is_python)}")
    return attrs.evolve(
        command,
        argv=argv,
        environment=_read_environment(command.environment),
        notes=_read_words(command.notes, "notes"),
        extra_files=_read_words(command.extra_files, "extra_files"),
    )


def read_source(answer: Any) -> ChangeSource:
    """The answer of ``open_change_source``."""
    missing = [name for name in _SOURCE_METHODS if not callable(getattr(answer, name, None))]
    if missing:
        raise TypeError(f"expected a change source, got {show(answer)} without {missing[0]}()")
    source: ChangeSource = answer
    return source


def read_hint(hint: Any) -> Hint:
    """One of what a source's ``wait`` returned."""
    if not isinstance(hint, Hint):
        raise TypeError(f"expected hints from wait(), got {show(hint)}")
    if not isinstance(hint.path, str) or not isinstance(hint.scope, HintScope):
        raise TypeError(f"expected a string and a HintScope in the hint, got {show(hint)}")
    _check_text(hint.path, "a hint")
    return hint


def _expect(answer: Any, kind: type) -> Any:
    if not isinstance(answer, kind):
        raise TypeError(f"expected a {kind.__name__} or None, got {show(answer)}")
    return answer


def _read_words(words: Any, name: str) -> tuple[str, ...]:
    _refuse_one_string(words, name)
    if not isinstance(words, Iterable):
        raise TypeError(f"expected strings as the command's {name}, got {show(words)}")
    read = tuple(itertools.islice(words, MOST_PATHS))
    for word in read:
        if not isinstance(word, str):
            raise TypeError(f"expected strings as the command's {name}, got {show(word)}")
        _check_text(word, f"the command's {name}")
    return read


def _read_environment(environment: Any) -> dict[str, str]:
    if not isinstance(environment, Mapping):
        raise TypeError(f"expected a mapping as the environment, got {show(environment)}")
    read = dict(environment)
    for name, value in read.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"expected strings in the environment, got {show({name: value})}")
        _check_text(name + value, "the environment")
        if not name or "=" in name:
            raise ValueError(f"no variable can be called {show(name)}")
    return read


def _refuse_one_string(answer: Any, name: str) -> None:
    if isinstance(answer, str | bytes):
        raise TypeError(f"expected {name}, got one string: {show(answer)}; put it into a list")


def _check_text(text: str, where: str) -> None:
    """Refuse what the system has no way to say."""
    if "\0" in text:
        raise ValueError(f"there is a null character in {where}: {show(text)}")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError(f"{where} has characters that are none: {show(text)}") from None
