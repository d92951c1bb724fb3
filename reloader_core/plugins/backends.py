"""Backends: plugins of which only the selected one is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from reloader_core.errors import PluginError
from reloader_core.plugins.answers import read_source
from reloader_core.plugins.faults import describe
from reloader_core.plugins.manager import Plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy

    from reloader_core.model import ChangeSource, OpenRequest
    from reloader_core.plugins.entry_points import EntryPoint


@attrs.frozen(kw_only=True, eq=False)
class Backend:
    """A loaded backend.

    :ivar name: its ``reloader_type``.
    :ivar options_class: the attrs class of its options, if it declares one.
    """

    name: str
    options_class: type | None
    _manager: pluggy.PluginManager

    @classmethod
    def of(cls, plugin: object, name: str, subject: str, report: Callable[[str], None]) -> Backend:
        """Make a backend of what its entry point names.

        :param name: its ``reloader_type``.
        :param subject: what messages call it.
        :param report: takes one line for whatever is odd about it.
        :raises PluginError: it opens no change source.
        """
        plugins = Plugins(report)
        plugins.register(plugin, name)
        if not plugins.has_implementation("open_change_source"):
            raise PluginError(
                f"{subject} does not implement open_change_source; is it marked with @hookimpl?"
            )
        return cls(
            name=name,
            options_class=getattr(plugin, "Options", None),
            manager=plugins.manager,
        )

    def open_change_source(self, request: OpenRequest) -> ChangeSource:
        """Open its watcher; what it raises is the caller's to deal with.

        :raises PluginError: it returned nothing.
        :raises TypeError: it returned something else than a source.
        """
        source = self._manager.hook.open_change_source(request=request)
        if source is None:
            raise PluginError(f"backend {self.name!r} returned no change source")
        return read_source(source)


def load_backend(entry: EntryPoint, report: Callable[[str], None]) -> Backend:
    """Import one backend.

    :param entry: its entry point; the name is the ``reloader_type``.
    :param report: takes one line for whatever is odd about it.
    :raises PluginError: it cannot be imported or opens no change source.
    """
    subject = f"backend {entry.name!r} of {entry.distribution}"
    try:
        plugin = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{subject} cannot be imported: {describe(error)}") from error
    return Backend.of(plugin, entry.name, subject, report)
