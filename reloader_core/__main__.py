"""``python -m reloader_core``: the same as the command ``reloader``."""

from __future__ import annotations

from reloader_core.cli.main import main

if __name__ == "__main__":
    main()
