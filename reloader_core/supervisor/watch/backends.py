"""Opening backends: imported when they are opened, and not before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reloader_core.config.backend_options import build_options
from reloader_core.errors import BackendUnavailableError
from reloader_core.model import OpenRequest
from reloader_core.notices import Level
from reloader_core.plugins.backends import Backend, load_backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reloader_core.config.schema import Configuration
    from reloader_core.model import ChangeSource
    from reloader_core.plugins.entry_points import EntryPoint
    from reloader_core.supervisor.messages import Tell


class Backends:
    """The installed backends.

    :param configuration: has the backends' tables.
    :param entries: the installed ones, by their ``reloader_type``.
    :param tell: shows which one was opened, and what it has to say.
    """

    def __init__(
        self, configuration: Configuration, entries: Mapping[str, EntryPoint], *, tell: Tell
    ) -> None:
        self._configuration = configuration
        self._entries = entries
        self._tell = tell
        self._opened = 0
        #: Those that watch for the selected one.
        self._leaves: dict[str, None] = {}

    def check(self, name: str) -> None:
        """Import a backend and read its options, to find now what is wrong with them.

        :raises ConfigurationError: its options are wrong.
        :raises PluginError: it cannot be imported.
        """
        self._prepare(name)

    def open_selected(self, name: str) -> ChangeSource:
        """Open the change source of the backend that is to serve from now on.

        :param name: its ``reloader_type``.
        :raises BackendUnavailableError: it cannot work here.
        """
        self._leaves.clear()
        return self.open(name)

    def describe(self, name: str) -> str:
        """The selected backend, with those that it has chosen: ``auto (inotify, nfs)``."""
        chosen = [leaf for leaf in list(self._leaves) if leaf != name]
        return f"{name} ({', '.join(chosen)})" if chosen else name

    def open(self, name: str) -> ChangeSource:
        """Open a backend's change source.

        :param name: its ``reloader_type``.
        :raises BackendUnavailableError: it cannot work here.
        """
        backend, request = self._prepare(name)
        before = self._opened
        source = backend.open_change_source(request)
        if self._opened == before:
            # One that opened another only chose it.
            self._leaves[name] = None
            self._tell(Level.DETAIL, "backend", f"watching with {name}")
        self._opened += 1
        return source

    def _prepare(self, name: str) -> tuple[Backend, OpenRequest]:
        if name not in self._entries:
            raise BackendUnavailableError(f"the backend {name!r} is not installed")
        backend = load_backend(self._entries[name], partial(self._tell, Level.WARNING, "plugin"))
        table = self._configuration.backend_tables.get(name, {})
        options = build_options(backend.options_class, table, source=f"[tool.reloader.{name}]")
        request = OpenRequest(
            interval=self._configuration.interval,
            options=options,
            notify=partial(self._tell, Level.INFO, "backend"),
            open_backend=self.open,
        )
        return backend, request
