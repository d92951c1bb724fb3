"""The command ``reloader``."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    words = sys.argv[1:]
    if words[:1] == ["run"]:
        from reloader_core.cli.run import run

        run(words[1:])
    from reloader_core.cli.help import show

    show(words)
