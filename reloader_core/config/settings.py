"""The settings: one table for ``pyproject.toml``, the environment and the command line.

A setting's name in ``[tool.reloader]`` is its ``key``; the environment variable
and the types follow from the table. Each source hands over other types: TOML
knows numbers and lists, the environment only text. A reader turns them into the
one type a :class:`Configuration` holds and raises :class:`ValueError` with the
fault in words, to which the remedy, ``Setting.expected``, is added.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from reloader_core.config.addresses import parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SETTINGS", "Setting", "read_text", "read_value"]

VARIABLE_PREFIX = "RELOADER_"


Kind = Literal["text", "flag", "seconds", "count", "list", "argv"]

#: How a flag is spelled in the environment and behind ``=`` on the command line.
_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class Setting(NamedTuple):
    """One setting.

    :ivar key: its name in ``[tool.reloader]``.
    :ivar kind: ``text``; ``flag``, true or false; ``seconds``, a number; ``count``, a
        whole number; ``list``, of strings; ``argv``, a list of strings, or one that is
        split as a shell does.
    :ivar help: one line, with the unit and the default.
    :ivar expected: what would be right; ends the message about a wrong value.
    :ivar check: takes one value (of a list, one element) and returns its fault,
        ``None`` if it has none.
    :ivar option: its name on the command line, if it has one. Of a flag it needs no
        value there.
    :ivar metavar: what stands for the value in the option's help.
    """

    key: str
    kind: Kind
    help: str
    expected: str
    check: Callable[[Any], str | None]
    option: str | None = None
    metavar: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return VARIABLE_PREFIX + self.key.upper()

    @property
    def adds_up(self) -> bool:
        """Whether the command line adds to what is configured, and does not replace it."""
        return self.kind == "list" and self.option is not None


def read_value(setting: Setting, value: object) -> object:
    """Read a value that has a type: from TOML, or from a caller.

    :raises ValueError: with the fault in words.
    """
    if setting.kind == "text":
        if not isinstance(value, str):
            raise ValueError(f"is {_describe(value)}, not a string")
        return _checked(setting, value)
    if setting.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError(f"is {_describe(value)}, neither true nor false")
        return value
    if setting.kind == "seconds":
        # To Python, True is a number.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"is {_describe(value)}, not a number")
        return _checked(setting, _to_float(value))
    if setting.kind == "count":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"is {_describe(value)}, not a whole number")
        return _checked(setting, value)
    if setting.kind == "argv" and isinstance(value, str):
        return _split_words(setting, value)
    if not isinstance(value, list | tuple):
        # All faults of a value are ValueErrors here, also those of its type.
        raise ValueError(f"is {_describe(value)}, not a list of strings")  # noqa: TRY004
    return _read_list(setting, value)


def read_text(setting: Setting, text: str) -> object:
    """Read a value that is text: from the environment, or the command line.

    :raises ValueError: with the fault in words.
    """
    if setting.kind == "text":
        return _checked(setting, text.strip())
    if setting.kind == "flag":
        if (word := text.strip().lower()) not in _WORDS:
            raise ValueError(f"is {text!r}, neither true nor false")
        return _WORDS[word]
    if setting.kind == "seconds":
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"is {text!r}, not a number") from None
        return _checked(setting, number)
    if setting.kind == "count":
        if not text.strip().isdecimal():
            raise ValueError(f"is {text!r}, not a whole number")
        return _checked(setting, int(text))
    if setting.kind == "argv":
        return _split_words(setting, text)
    parts = (part.strip() for part in text.split(","))
    return _read_list(setting, [part for part in parts if part])


def _read_list(setting: Setting, items: list[object] | list[str] | tuple[object, ...]) -> object:
    faults = []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, str):
            faults.append(f"has {_describe(item)} as its item {number}, not a string")
        elif fault := setting.check(item):
            faults.append(fault)
    if faults:
        raise ValueError(", ".join(faults))
    return tuple(items)


def _checked(setting: Setting, value: str | float) -> str | float:
    fault = setting.check(value)
    if fault:
        raise ValueError(fault)
    return value


def _to_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _split_words(setting: Setting, text: str) -> object:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is {text!r}, which no shell can split: {error}") from None
    return _read_list(setting, words)


def _describe(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return repr(value)


def _check_not_empty(text: str) -> str | None:
    if "\0" in text:
        return f"is {text!r}, with a null character"
    return None if text.strip() else "is empty" if not text else "is blank"


def _check_path(text: str) -> str | None:
    if "\0" in text:
        return f"has {text!r}, with a null character"
    return None if text.strip() else f"has {text!r}, which names no file"


def _check_positive(number: float) -> str | None:
    if not math.isfinite(number):
        return f"is {number}, not finite"
    return None if number > 0 else f"is {number:g}, not above 0"


def _check_not_negative(number: float) -> str | None:
    if not math.isfinite(number):
        return f"is {number}, not finite"
    return None if number >= 0 else f"is {number:g}, below 0"


def _check_log_format(text: str) -> str | None:
    return None if text in _LOG_FORMATS else f"is {text!r}"


def _check_restart(text: str) -> str | None:
    return None if text in _RESTARTS else f"is {text!r}"


def _check_name(text: str) -> str | None:
    return None if text and text.isprintable() and " " not in text else f"has {text!r}, no name"


def _check_pattern(text: str) -> str | None:
    """What git would silently take as a pattern that matches nothing."""
    body = text.removeprefix("!")
    if not body.strip():
        return f"has {text!r}, which matches nothing"
    if text.startswith("#"):
        return f"has {text!r}, a comment to git; write '\\\\#' for a name that begins with '#'"
    if (len(text) - len(text.rstrip("\\"))) % 2:
        return f"has {text!r}, which ends with a lone backslash"
    if "[:" in text and ":]" in text:
        return f"has {text!r}; instead of a class such as [:alpha:], write [a-zA-Z]"
    if "\0" in text:
        return f"has {text!r}, with a null character"
    return None


def _check_exclusion(text: str) -> str | None:
    if text.removeprefix("!") == "/":
        return f"has {text!r}, which matches nothing"
    if any(map(_has_open_bracket, text.split("/"))):
        return f"has {text!r}, with a '[' that is not closed; write '\\\\[' for the character"
    return _check_pattern(text)


def _has_open_bracket(name: str) -> bool:
    place = 0
    while place < len(name):
        if name[place] == "\\":
            place += 1
        elif name[place] == "[":
            # A bracket that comes first is one of the characters.
            inside = place + 2 if name[place + 1 : place + 2] in ("!", "^") else place + 1
            place = name.find("]", inside + 1)
            if place < 0:
                return True
        place += 1
    return False


def _check_address(text: str) -> str | None:
    try:
        parse_address(text)
    except ValueError as error:
        return str(error)
    return None


def _check_stop_signal(text: str) -> str | None:
    return _check_signal(text) or (
        f"is {text!r}, which ends nothing" if text == "SIGSTOP" else None
    )


def _check_restart_signal(text: str) -> str | None:
    if not text:
        return None
    if (fault := _check_signal(text)) is not None:
        return fault
    return None if text in _FREE_SIGNALS else f"is {text!r}, which means something else to us"


def _check_passed_signal(text: str) -> str | None:
    if (fault := _check_signal(text)) is not None:
        return fault.replace("is ", "has ", 1)
    return None if text in _FREE_SIGNALS else f"has {text!r}, which means something else to us"


def _check_signal(text: str) -> str | None:
    import signal

    if text in signal.Signals.__members__:
        return None
    return f"is {text!r}, which is no signal here"


#: Signals that mean nothing to the supervisor, so that they may be for the program.
_FREE_SIGNALS = ("SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGHUP", "SIGALRM", "SIGIO", "SIGPWR", "SIGURG")

_LOG_FORMATS = ("text", "json")

_RESTARTS = ("spawn",)

_LIST_OF_PATTERNS = "give a list of gitignore patterns, such as"

SETTINGS: Mapping[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting(
            key="reloader_type",
            kind="text",
            help="Backend that notices changes; 'auto', the default, picks the best one here.",
            expected="give the name of an installed backend, such as 'auto'",
            check=_check_not_empty,
            option="--reloader-type",
            metavar="TYPE",
        ),
        Setting(
            key="interval",
            kind="seconds",
            help="Seconds between two looks, for backends that look; default 1.",
            expected="give seconds above 0, such as 1.0",
            check=_check_positive,
            option="--interval",
            metavar="SECONDS",
        ),
        Setting(
            key="extra_files",
            kind="list",
            help="File, directory or glob to watch beyond what the program loads.",
            expected="give a list of paths and globs, such as ['settings.toml', 'templates/']",
            check=_check_pattern,
            option="--extra-file",
            metavar="GLOB",
        ),
        Setting(
            key="env_files",
            kind="list",
            help="File of environment variables, such as .env, read anew for each start.",
            expected="give a list of paths, such as ['.env']",
            check=_check_path,
            option="--env-file",
            metavar="PATH",
        ),
        Setting(
            key="exclude_patterns",
            kind="list",
            help="gitignore pattern of files that are left alone, whoever names them.",
            expected=f"{_LIST_OF_PATTERNS} ['*.log', 'build/']",
            check=_check_exclusion,
            option="--exclude",
            metavar="GLOB",
        ),
        Setting(
            key="track_opened_files",
            kind="flag",
            help="Watch also the project's files that the program opens to read; default no.",
            expected="give true or false",
            check=lambda value: None,
            option="--track-opened-files",
        ),
        Setting(
            key="plugins",
            kind="list",
            help="Module with hooks, or installed plugin, to load by its name.",
            expected="give a list of names, such as ['my_project.reload_hooks']",
            check=_check_name,
            option="--plugin",
            metavar="NAME",
        ),
        Setting(
            key="restart",
            kind="text",
            help="How a replacement is started: 'spawn', a new process each time.",
            expected=f"choose from {', '.join(map(repr, _RESTARTS))}",
            check=_check_restart,
        ),
        Setting(
            key="hold_in_debugger",
            kind="flag",
            help="Restart nothing while the program is at a debugger prompt; default yes.",
            expected="give true or false",
            check=lambda value: None,
            option="--hold-in-debugger",
        ),
        Setting(
            key="restart_on_enter",
            kind="flag",
            help="Restart when Enter is pressed on the terminal; default yes.",
            expected="give true or false",
            check=lambda value: None,
            option="--restart-on-enter",
        ),
        Setting(
            key="grace_seconds",
            kind="seconds",
            help="Seconds the program gets to end before it is killed; default 5.",
            expected="give seconds, 0 or more, such as 5.0",
            check=_check_not_negative,
            option="--grace-seconds",
            metavar="SECONDS",
        ),
        Setting(
            key="stop_signal",
            kind="text",
            help="Signal that asks the program to end; default SIGTERM.",
            expected="give the name of a signal, such as 'SIGTERM' or 'SIGINT'",
            check=_check_stop_signal,
            option="--stop-signal",
            metavar="NAME",
        ),
        Setting(
            key="pass_signals",
            kind="list",
            help="Signal that is passed on to the program; default SIGUSR1, SIGUSR2, SIGWINCH.",
            expected=f"give a list of names, from {', '.join(_FREE_SIGNALS)}",
            check=_check_passed_signal,
        ),
        Setting(
            key="restart_signal",
            kind="text",
            help="Signal to the supervisor that restarts the program; default none.",
            expected=f"give a name, from {', '.join(_FREE_SIGNALS)}, or '' for none",
            check=_check_restart_signal,
        ),
        Setting(
            key="bind",
            kind="list",
            help="Address to listen at, HOST:PORT or unix:PATH, for the program.",
            expected="give a list of addresses, such as ['127.0.0.1:8000', 'unix:app.sock']",
            check=_check_address,
            option="--bind",
            metavar="ADDRESS",
        ),
        Setting(
            key="backlog",
            kind="count",
            help="Connections that wait at each address while nobody takes them; default 2048.",
            expected="give a whole number from 1 to 65535, such as 2048",
            check=lambda number: None if 0 < number < 65536 else f"is {number}",
            option="--backlog",
            metavar="NUMBER",
        ),
        Setting(
            key="keep_sockets",
            kind="flag",
            help="Keep the sockets the program listens on open over restarts; default yes.",
            expected="give true or false",
            check=lambda value: None,
            option="--keep-sockets",
        ),
        Setting(
            key="adapt",
            kind="flag",
            help="Turn a known framework's own reloader off; default yes.",
            expected="give true or false",
            check=lambda value: None,
            option="--adapt",
        ),
        Setting(
            key="command",
            kind="argv",
            help="Program to run, with its arguments, when the command line names none.",
            expected="give a list of words, such as ['-m', 'my_app'], or one string",
            check=lambda text: "has a word with a null character" if "\0" in text else None,
        ),
        Setting(
            key="log_format",
            kind="text",
            help="How messages are written: 'text', the default, or 'json', an object a line.",
            expected=f"choose from {', '.join(map(repr, _LOG_FORMATS))}",
            check=_check_log_format,
            option="--log-format",
            metavar="FORMAT",
        ),
    )
}
