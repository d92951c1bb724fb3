"""The interpreter's own options, read as CPython reads them.

Single letters combine (``-uB``); ``W`` and ``X`` take the rest of the word or
the next word; ``c`` and ``m`` do too and end the options, as do ``-``, ``--``
and the first word that is no option.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LETTERS_WITH_VALUE = "WX"
_LETTERS_THAT_RUN = "cm"
_WORDS_WITH_VALUE = ("--check-hash-based-pycs",)

#: They keep out the environment variable or the start-up file that loads the agent.
_LETTERS_THAT_BLOCK = "IES"


def split_interpreter_flags(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split an interpreter's arguments.

    :param argv: what follows the executable.
    :returns: its options; and the program with its arguments, where ``-m`` and
        ``-c`` are always words of their own. The program is empty when there is
        none.
    """
    flags: list[str] = []
    rest = list(argv)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest[0]
        if word == "--":
            return flags, rest[1:]
        runs, takes_next = _read_word(word)
        if runs:
            if runs > 1:
                flags.append(word[:runs])
            value = word[runs + 1 :]
            return flags, [f"-{word[runs]}", *([value] if value else []), *rest[1:]]
        taken = 2 if takes_next else 1
        flags += rest[:taken]
        del rest[:taken]
    return flags, rest


def blocking_flag(flags: Sequence[str]) -> str | None:
    """The first option that keeps the agent out of the interpreter, if any."""
    return next(
        (f"-{letter}" for letter in _iter_letters(flags) if letter in _LETTERS_THAT_BLOCK), None
    )


def blocks_agent(flags: Sequence[str]) -> bool:
    """Whether an interpreter with these options cannot load the agent."""
    return blocking_flag(flags) is not None


def has_safe_path(flags: Sequence[str]) -> bool:
    """Whether these options keep the program's directory off ``sys.path``."""
    return any(letter in "IP" for letter in _iter_letters(flags))


def interpreter_flags_of_this_process() -> list[str]:
    """The options this interpreter was started with."""
    return split_interpreter_flags(sys.orig_argv[1:])[0]


def note_blocked(flags: Sequence[str]) -> tuple[str, ...]:
    """What to tell the user when options keep the agent out; empty if none does."""
    flag = blocking_flag(flags)
    if flag is None:
        return ()
    return (f"{flag} keeps the reloader's agent out: only extra_files are watched",)


def _read_word(word: str) -> tuple[int, bool]:
    """Read one word of options.

    :returns: where in it the letter is that runs a program, 0 for nowhere; and
        whether the next word is this one's value.
    """
    if word.startswith("--"):
        return 0, word in _WORDS_WITH_VALUE
    for place, letter in enumerate(word[1:], start=1):
        if letter in _LETTERS_THAT_RUN:
            return place, False
        if letter in _LETTERS_WITH_VALUE:
            return 0, place == len(word) - 1
    return 0, False


def _iter_letters(flags: Sequence[str]) -> Iterator[str]:
    is_value = False
    for flag in flags:
        if is_value:
            is_value = False
            continue
        is_value = _read_word(flag)[1]
        if flag.startswith("--"):
            continue
        for letter in flag[1:]:
            yield letter
            if letter in _LETTERS_WITH_VALUE:
                break
