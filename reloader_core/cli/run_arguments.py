"""Where the reloader's own options end and the program begins.

Everything from the program on belongs to the program, also what looks like an
option of the reloader. An options parser alone cannot tell: ``-m`` and ``-c``
start a program, as they do for Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_STARTS = "mc"


def split_program(
    arguments: Sequence[str], options_with_value: Container[str]
) -> tuple[list[str], list[str]]:
    """Split what follows ``reloader run``.

    :param arguments: as typed.
    :param options_with_value: the names, dashes included, of the reloader's
        options that take a value.
    :returns: the reloader's own options, not checked; and the program with its
        arguments, where ``-m`` and ``-c`` are always words of their own. The
        program is empty when there is none.
    """
    own: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest[0]
        if word == "--":
            return own, _split_start(rest[1:])
        start = _find_start(word, options_with_value)
        if start:
            if start > 1:
                own.append(word[:start])
            return own, _split_start([f"-{word[start:]}", *rest[1:]])
        taken = 2 if _takes_next(word, options_with_value) else 1
        own += rest[:taken]
        del rest[:taken]
    return own, rest


def _split_start(program: list[str]) -> list[str]:
    """``-mMODULE`` as two words."""
    word = program[0] if program else ""
    if len(word) > 2 and word[0] == "-" and word[1] in _STARTS:
        return [word[:2], word[2:], *program[1:]]
    return program


def _find_start(word: str, options_with_value: Container[str]) -> int:
    """Where in a word of single letters the one is that starts a program; 0 for nowhere."""
    if word.startswith("--"):
        return 0
    for place, letter in enumerate(word[1:], start=1):
        if letter in _STARTS:
            return place
        if f"-{letter}" in options_with_value:
            return 0
    return 0


def _takes_next(word: str, options_with_value: Container[str]) -> bool:
    if word.startswith("--"):
        return "=" not in word and word in options_with_value
    # Of single letters, the first that takes a value takes the rest of the word.
    for place, letter in enumerate(word[1:], start=1):
        if f"-{letter}" in options_with_value:
            return place == len(word) - 1
    return False
