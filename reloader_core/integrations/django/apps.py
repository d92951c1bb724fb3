"""What a Django project has watched beyond its code, and deals with itself.

Django's own reloader asks the project what to watch (the signal ``autoreload_started``) and who
deals with a change (``file_changed``). This does the same: template directories, translations and
what a project names with ``watch_dir()`` are watched, and whatever resets its caches when it hears
of a change is not restarted for it.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import AppConfig, apps
from django.template.autoreload import reset_loaders
from django.utils import autoreload
from django.utils.translation.reloader import translation_file_changed

from reloader_core import child, is_running_from_reloader

if TYPE_CHECKING:
    from collections.abc import Iterator

#: As in ``reloader_core.patterns``, which would load more into the program than this is worth.
_SPECIAL = re.compile(r"([\\*?\[])")


class ReloaderConfig(AppConfig):
    """The application."""

    name = "reloader_core.integrations.django"
    label = "reloader"
    verbose_name = "Reloader"

    def ready(self) -> None:
        """Begin, unless there is no supervisor."""
        if is_running_from_reloader():
            threading.Thread(target=_begin, name="reloader", daemon=True).start()


def _begin() -> None:
    # Other applications say what is to be watched when they are ready, which is later.
    apps.ready_event.wait()
    _connect_translations()
    files = _Files()
    autoreload.autoreload_started.send(sender=files)
    child.register(files)


def _connect_translations() -> None:
    """Have Django load what resets translations, as it does when the first text is translated."""
    from django.conf import settings
    from django.utils import translation

    if settings.USE_I18N:
        translation.get_language()


class _Files(autoreload.BaseReloader):
    """What the receivers of Django's signals take for its reloader."""

    def iter_watched_files(self) -> Iterator[str]:
        for path in self.extra_files:
            yield str(path)
        for directory, globs in self.directory_globs.items():
            start = _SPECIAL.sub(r"\\\1", str(directory))
            for glob in globs:
                yield f"{start}/{glob}"

    def watch_began(self) -> None:
        reset_loaders()
        translation_file_changed(self, Path("any.mo"))

    def file_changed(self, path: str) -> bool:
        answers = autoreload.file_changed.send(sender=self, file_path=Path(path))
        return any(answer for _, answer in answers)
