"""How soon a program that asks to be started again is started again.

Exit code 3 means "start me again" since Werkzeug. It is also what gunicorn and
uvicorn exit with when they cannot start, so a program that asks again and
again right after its start is broken: it is made to wait, then left alone
until a file changes.
"""

from __future__ import annotations

#: A program that asks within this time of its start asks quickly.
QUICK_SECONDS = 2.0

#: The wait before the first, second, third quick restart in a row.
DELAYS_SECONDS = (0.0, 0.5, 1.0)


def restart_delay(quick_restarts: int) -> float | None:
    """The wait before a program is started again because it asked.

    :param quick_restarts: how many times in a row it asked quickly before.
    :returns: seconds; ``None`` when it has asked too often and must wait for
        a change.
    """
    if quick_restarts >= len(DELAYS_SECONDS):
        return None
    return DELAYS_SECONDS[quick_restarts]


def is_quick(lived_seconds: float) -> bool:
    """Whether a program that lived this long asked right after its start."""
    return lived_seconds < QUICK_SECONDS
