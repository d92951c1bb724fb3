"""What the terminal does on its own, so that it is not done twice."""

from __future__ import annotations

import os
import sys


def is_in_foreground() -> bool:
    """Whether Ctrl-C on the terminal reaches this process and the program alike.

    The terminal sends the signal to its whole foreground group, and the
    program is in ours.
    """
    if sys.platform == "win32":
        return True
    for descriptor in (0, 1, 2):
        try:
            if os.isatty(descriptor):
                return os.tcgetpgrp(descriptor) == os.getpgrp()
        except OSError:
            continue
    return False
