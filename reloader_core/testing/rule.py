"""A rule of the contract: a sentence, and a check that is made of it."""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest import SkipTest

import attrs

from reloader_core.testing.disk import Disk
from reloader_core.testing.traits import SourceTraits
from reloader_core.testing.trial import Trial

if TYPE_CHECKING:
    from reloader_core.testing.abilities import Ability
    from reloader_core.testing.traits import MakeSource

Body: TypeAlias = Callable[[Trial, Disk], None]


class RuleNotCheckedError(SkipTest):
    """A rule cannot be checked here; test runners take this for a skip."""


@attrs.frozen(kw_only=True, eq=False)
class Rule:
    """One thing that every change source must do.

    :ivar name: the rule in words.
    :ivar statement: what must hold, in a few sentences.
    :ivar needs: what the file system must be able to do.
    :ivar asks_for_silence: it is about hints that must not come, so it says
        nothing of a source that is not calm.
    """

    name: str
    statement: str
    needs: frozenset[Ability]
    asks_for_silence: bool
    _body: Body

    @property
    def slug(self) -> str:
        """The name without spaces, for test ids."""
        return self.name.replace(" ", "-")

    def why_not(self, directory: str | os.PathLike[str], traits: SourceTraits) -> str | None:
        """Why the rule cannot be checked on a source in a directory, ``None`` if it can."""
        if self.asks_for_silence and not traits.is_calm:
            return "the source is not calm"
        missing = [need for need in self.needs if not need.is_there(Path(directory))]
        return missing[0].value if missing else None

    def check(
        self,
        make_source: MakeSource,
        directory: str | os.PathLike[str],
        traits: SourceTraits | None = None,
    ) -> None:
        """Check the rule on a new source.

        :param make_source: opens the source; what it raises is passed on.
        :param directory: exists; the files are made in a new directory below it,
            which is removed afterwards.
        :param traits: what to expect of the source.
        :raises AssertionError: the rule is broken; the message says how.
        :raises RuleNotCheckedError: it cannot be checked here.
        """
        traits = traits or SourceTraits()
        if reason := self.why_not(directory, traits):
            raise RuleNotCheckedError(f"{self.name}: {reason}")
        place = tempfile.mkdtemp(prefix="rule-", dir=os.path.abspath(directory))
        try:
            self._check(make_source, Disk(Path(place)), traits)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _check(self, make_source: MakeSource, disk: Disk, traits: SourceTraits) -> None:
        trial = Trial(self.name, make_source, disk, traits)
        try:
            self._body(trial, disk)
        except BaseException:
            trial.end(has_failed=True)
            raise
        trial.end(has_failed=False)


def rule(*needs: Ability, asks_for_silence: bool = False) -> Callable[[Body], Rule]:
    """Make a rule of a function: its name is the rule's, its docstring the statement.

    :param needs: what the file system must be able to do.
    :param asks_for_silence: the rule is about hints that must not come.
    """

    def make(body: Body) -> Rule:
        return Rule(
            name=body.__name__.replace("_", " "),
            statement=inspect.getdoc(body) or "",
            needs=frozenset(needs),
            asks_for_silence=asks_for_silence,
            body=body,
        )

    return make
