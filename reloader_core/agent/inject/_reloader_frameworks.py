"""Frameworks whose reloader a program turns on itself: it runs without, under ours.

Run by the agent when such a framework is loaded, under its rules. Each function gets the module;
``say``, which tells the user; and ``watch``, which has files watched.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def hook_werkzeug(
    reloader: "Any", say: "Callable[[str], None]", watch: "Callable[[list[str]], bool]"
) -> None:
    """``app.run(debug=True)``, ``run_simple(use_reloader=True)`` and what is built on them."""
    original = reloader.run_with_reloader

    def run_with_reloader(
        main_func: "Any", extra_files: "Any" = None, *args: "Any", **options: "Any"
    ) -> None:
        say("werkzeug: its own reloader is off")
        if extra_files:
            watch([os.path.abspath(path) for path in extra_files])
        main_func()

    run_with_reloader.__doc__ = original.__doc__
    reloader.run_with_reloader = run_with_reloader


def hook_django(
    autoreload: "Any", say: "Callable[[str], None]", watch: "Callable[[list[str]], bool]"
) -> None:
    """Its ``runserver``, however it is started."""
    original = autoreload.run_with_reloader

    def run_with_reloader(main_func: "Any", *args: "Any", **options: "Any") -> None:
        say("django: its own reloader is off")
        main_func(*args, **options)

    run_with_reloader.__doc__ = original.__doc__
    autoreload.run_with_reloader = run_with_reloader


def hook_uvicorn(
    config: "Any", say: "Callable[[str], None]", watch: "Callable[[list[str]], bool]"
) -> None:
    """``uvicorn.run(..., reload=True)``."""
    original = config.Config.should_reload

    def should_reload(self: "Any") -> bool:
        if original.fget(self):
            say("uvicorn: its own reloader is off")
        return False

    config.Config.should_reload = property(should_reload, doc=original.__doc__)
