"""What the checks have to know of a change source before they can judge it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from reloader_core.model import ChangeSource

#: Opens the change source that is checked; called anew for each rule.
MakeSource: TypeAlias = Callable[[], ChangeSource]


@attrs.frozen(kw_only=True)
class SourceTraits:
    """How soon a source speaks and how much it says.

    :ivar deadline_seconds: how long a hint may take to come.
    :ivar quiet_seconds: when no hint came for so long, none is under way: three
        looks of a source that looks in intervals.
    :ivar prompt_seconds: within which a call returns that has nothing to wait for.
    :ivar is_calm: it hints only at what changed. ``False`` for a source that
        hints at a whole tree, or at everything, again and again: that is allowed,
        and the rules that ask for silence are left out.
    """

    deadline_seconds: float = 10.0
    quiet_seconds: float = 0.3
    prompt_seconds: float = 2.0
    is_calm: bool = True
