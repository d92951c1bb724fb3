"""gitignore's dialect: what a list of patterns says about one path.

pathspec translates the patterns, and is imported when the first one is used: a
program without patterns never pays for it. Deciding is done here, because
pathspec asks a whole list about a whole path, and git does not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator


class _Rule(NamedTuple):
    """One pattern, made to be held against the path of one file or directory."""

    expression: re.Pattern[str]
    selects: bool
    is_for_directories: bool
    is_for_names: bool

    def matches(self, relative: str, name: str, *, is_directory: bool) -> bool:
        """Whether it matches exactly this path, not just one above it."""
        if self.is_for_directories and not is_directory:
            return False
        found = self.expression.fullmatch(name if self.is_for_names else relative)
        # A group marks what lies below the match.
        return found is not None and found.lastindex is None


class _Way(NamedTuple):
    """The directories on the way to what a pattern may match.

    :ivar steps: one rule for each level that the pattern spells out.
    :ivar is_open: below those, any directory may hold a match.
    """

    steps: tuple[_Rule, ...]
    is_open: bool

    def may_lead_to(self, names: list[str]) -> bool:
        """Whether a directory, given by the names on its path, is on the way."""
        depth = min(len(names), len(self.steps))
        if depth < len(names) and not self.is_open:
            return False
        if not depth:
            return True
        relative = "/".join(names[:depth])
        return self.steps[depth - 1].matches(relative, names[depth - 1], is_directory=True)


class Selector:
    """What a list of patterns selects, decided as git does it: level by level.

    A whole list is not asked about a whole path at once, because ``!keep/`` says
    nothing about ``keep/x.pyc``, and nothing brings back what is below a selected
    directory. The verdicts on directories are remembered: they depend on names
    only.
    """

    def __init__(self, patterns: tuple[str, ...], *, root: str, start: str) -> None:
        self._patterns = patterns
        self._root = root
        self._prefix = root.rstrip(os.sep) + os.sep
        self._start = start
        self._rules: tuple[_Rule, ...] | None = None
        self._ways: tuple[_Way, ...] | None = None
        self._directories = {root: False, start: False}

    def selects(self, path: str, *, is_directory: bool) -> bool:
        """Whether a path, or a directory above it, is selected."""
        if not self._patterns:
            return False
        if is_directory:
            return self._selects_directory(path)
        return self._selects_directory(os.path.dirname(path)) or self._matches(
            path, is_directory=False
        )

    def may_select_below(self, directory: str) -> bool:
        """Whether anything in a directory, at any depth, can be selected."""
        if directory == self._start or self._selects_directory(directory):
            return True
        if self._ways is None:
            self._ways = tuple(_find_way(text) for text in self._patterns)
        names = self._relative(directory).split("/")
        return any(way.may_lead_to(names) for way in self._ways)

    def _selects_directory(self, directory: str) -> bool:
        pending: list[str] = []
        while (verdict := self._directories.get(directory)) is None:
            above = os.path.dirname(directory)
            if above == directory:
                verdict = False
                break
            pending.append(directory)
            directory = above
        for below in reversed(pending):
            verdict = verdict or self._matches(below, is_directory=True)
            self._directories[below] = verdict
        return verdict

    def _matches(self, path: str, *, is_directory: bool) -> bool:
        """The verdict of the last pattern that matches exactly this path."""
        if self._rules is None:
            rules = (_translate(_respell(text, self._root)) for text in self._patterns)
            self._rules = tuple(rule for rule in rules if rule is not None)[::-1]
        relative = self._relative(path)
        name = relative.rpartition("/")[2]
        for rule in self._rules:
            if rule.matches(relative, name, is_directory=is_directory):
                return rule.selects
        return False

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._prefix).replace(os.sep, "/").lstrip("/")


def has_glob(text: str) -> bool:
    """Whether a pattern has glob characters that no backslash makes plain."""
    return any(char in "*?[" for char, is_plain in _iter_plain(text) if not is_plain)


def locate(text: str, root: str) -> tuple[str, str]:
    """The directory a pattern starts at, and the pattern from there.

    :returns: a pattern that starts at the root is returned as it is.
    """
    inside = root.rstrip(os.sep) + os.sep
    if text.replace("/", os.sep).startswith(inside):
        return root, "/" + text[len(inside) :]
    drive, tail = os.path.splitdrive(text)
    if drive:
        return drive + os.sep, tail
    if text.startswith("~"):
        user, _, below = text.partition("/")
        home = os.path.expanduser(user)
        if home != user:
            return home, f"/{below}"
    base, rest = root, text
    while (step := rest.partition("/")[0]) in (".", ".."):
        base = os.path.dirname(base) if step == ".." else base
        rest = rest[len(step) :].lstrip("/")
    return base, text if rest == text else f"/{rest}"


def _respell(text: str, root: str) -> str:
    """A pattern as :meth:`Selector._relative` spells paths."""
    sign, body = ("!", text[1:]) if text.startswith("!") else ("", text)
    base, rest = locate(body, root)
    if base == root:
        return sign + rest
    inside = root.rstrip(os.sep) + os.sep
    above = base.removeprefix(inside).replace(os.sep, "/").strip("/")
    return f"{sign}/{escape(above)}{rest}" if above else sign + rest


def _iter_plain(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, without its backslash, and whether it had one."""
    chars = iter(text)
    for char in chars:
        if char == "\\":
            yield next(chars, char), True
        else:
            yield char, False


def unescape(text: str) -> str:
    """The name that a pattern without glob characters stands for."""
    return "".join(char for char, _ in _iter_plain(text))


def escape(text: str) -> str:
    """The pattern that stands for a name and nothing else."""
    return "".join(f"\\{char}" if char in "\\*?[" else char for char in text)


def _translate(text: str) -> _Rule | None:
    """Translate a pattern.

    :returns: ``None`` for one that matches nothing: a comment, or broken.
    """
    if text.startswith("#"):
        return None
    sign, body = ("!", text[1:]) if text.startswith("!") else ("", text)
    while body.endswith(" ") and not body.endswith("\\ "):
        body = body[:-1]
    is_for_directories = body.endswith("/")
    body = body.removesuffix("/")
    is_for_names = "/" not in body
    above, slash, last = body.removeprefix("/").rpartition("/")
    if not last:
        return None
    # Spelled so that the expression says where the match ends, which it does
    # not for these two.
    last = {"*": "?*", "**": "?*" if is_for_names else "**/?*"}.get(last, last)
    if last[-1].isspace():
        # pathspec strips white space; git, at most spaces.
        last = f"{last[:-1].removesuffix(chr(92))}[{last[-1]}]"
    expression = _translate_anchored(f"/{above}{slash}{last}")
    if expression is None:
        return None
    return _Rule(expression, not sign, is_for_directories, is_for_names)


def _translate_anchored(pattern: str) -> re.Pattern[str] | None:
    import re
    import warnings

    try:
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern as Pattern
    except ImportError:  # pathspec before 1.0
        from pathspec.patterns.gitwildmatch import GitWildMatchPattern as Pattern
    with warnings.catch_warnings():
        # "Possible nested set": a bracket in brackets, which is plain in a glob.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            translated = Pattern(pattern).regex
            # A name may hold a newline.
            return translated and re.compile(translated.pattern, re.DOTALL)
        except (ValueError, re.error):
            return None


def _find_way(pattern: str) -> _Way:
    names = pattern.rstrip("/").split("/")
    if names[0]:
        if len(names) == 1:
            return _Way((), is_open=True)
    else:
        del names[0]
    steps = [rule for rule in map(_translate, _iter_prefixes(names[:-1])) if rule is not None]
    return _Way(tuple(steps), is_open="**" in names)


def _iter_prefixes(names: list[str]) -> Iterator[str]:
    for count, name in enumerate(names, start=1):
        if name == "**":
            return
        yield "/" + "/".join(names[:count])
