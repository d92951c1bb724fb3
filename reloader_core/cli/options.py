"""The options of ``reloader run``: what they mean, from the one table of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reloader_core.cli.run_arguments import split_program
from reloader_core.config.settings import SETTINGS, Setting
from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Options that stand for a setting, by their name on the command line.
SETTING_OPTIONS = {
    setting.option: setting for setting in SETTINGS.values() if setting.option is not None
}
_SWITCHES = {name for name, setting in SETTING_OPTIONS.items() if setting.kind == "flag"}
_WITH_VALUE = SETTING_OPTIONS.keys() - _SWITCHES
QUIET = ("-q", "--quiet")
VERBOSE = ("-v", "--verbose")
HELP = ("-h", "--help")

_FLAGS = {flag: names[-1] for names in (QUIET, VERBOSE, HELP) for flag in names}


class RunArguments(NamedTuple):
    """A parsed command line.

    :ivar settings: values by key, as text; a list for options given several times.
    :ivar program: the program with its arguments; empty when none is given.
    """

    settings: dict[str, object]
    is_quiet: bool
    is_verbose: bool
    asks_for_help: bool
    program: list[str]


def parse_run_arguments(words: Sequence[str]) -> RunArguments:
    """Read what stands behind ``reloader run``.

    :param words: options, then the program.
    :raises UsageError: an option is unknown or lacks its value.
    """
    options, program = split_program(words, _WITH_VALUE)
    settings: dict[str, object] = {}
    flags: set[str] = set()
    rest = iter(options)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in SETTING_OPTIONS:
            if not equals:
                value = _value_of(name, next(rest, None)) if name in _WITH_VALUE else "true"
            _add(settings, SETTING_OPTIONS[name], value)
        elif (positive := f"--{word.removeprefix('--no-')}") in _SWITCHES and positive != word:
            _add(settings, SETTING_OPTIONS[positive], "false")
        else:
            flags.update(_read_flags(word))
    if {"--quiet", "--verbose"} <= flags:
        raise UsageError("-q and -v exclude each other; give one of them")
    return RunArguments(
        settings=settings,
        is_quiet="--quiet" in flags,
        is_verbose="--verbose" in flags,
        asks_for_help="--help" in flags,
        program=program,
    )


def _value_of(name: str, value: str | None) -> str:
    if value is None:
        raise UsageError(f"{name} lacks its value; see 'reloader run --help'")
    return value


def _add(settings: dict[str, object], setting: Setting, value: str) -> None:
    if setting.adds_up:
        values = settings.setdefault(setting.key, [])
        assert isinstance(values, list)
        values.append(value)
    else:
        settings[setting.key] = value


def _read_flags(word: str) -> list[str]:
    """The flags in a word: ``--quiet``, ``-q``, or several letters at once."""
    if word in _FLAGS:
        return [_FLAGS[word]]
    letters = [f"-{letter}" for letter in word[1:]]
    if not word.startswith("--") and letters and all(letter in _FLAGS for letter in letters):
        return [_FLAGS[letter] for letter in letters]
    known = [*SETTING_OPTIONS, *_FLAGS]
    remedy = did_you_mean(word.partition("=")[0], known) or "; see 'reloader run --help'"
    raise UsageError(f"{word} is not an option of 'reloader run'{remedy}")
