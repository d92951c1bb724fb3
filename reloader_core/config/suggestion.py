"""What the user probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """The end of a message about an unknown word.

    :param word: what was given.
    :param known: what would have been right.
    :param prefix: what all of them begin with.
    :returns: ``; did you mean 'known'?``, or nothing when no word is close.
    """
    # Only a fault needs it, and its import takes some milliseconds.
    import difflib

    lowered = {name.removeprefix(prefix).lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(word.removeprefix(prefix).lower(), lowered, n=1)
    return f"; did you mean {lowered[close[0]]!r}?" if close else ""
