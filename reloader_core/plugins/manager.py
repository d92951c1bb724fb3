"""The plugin manager: guarded loading and guarded calling on top of pluggy.

pluggy aborts a hook call at the first exception and its results carry no
plugin name; its entry-point loader stops at the first bad import. Here each
entry point is loaded and each plugin is called on its own, so a failure is
reported by name and costs only that plugin, for that call.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from reloader_core import hookspecs
from reloader_core.errors import PluginError
from reloader_core.plugins.entry_points import PLUGINS_GROUP, find_entry_points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")


class Plugins:
    """All plugins of one supervisor.

    :param report: called with one line for each failure of a plugin.
    :ivar manager: pluggy's own, in which they are registered.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self.manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self.manager.add_hookspecs(hookspecs)

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin.

        :raises PluginError: it does not fit the hooks it implements.
        """
        try:
            hash(plugin)  # pluggy keeps plugins in sets; `attrs.define` wants eq=False
            self.manager.register(plugin, name=name)
        except (pluggy.PluginValidationError, ValueError, TypeError) as error:
            raise PluginError(f"plugin {name!r} cannot be used: {_first_line(error)}") from error
        self._warn_of_unknown_hooks(plugin, name)

    def _warn_of_unknown_hooks(self, plugin: object, name: str) -> None:
        # A misspelt hook would otherwise be silence for ever.
        for caller in self.manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                self._report(f"plugin {name!r} implements an unknown hook {caller.name!r}")

    def load_installed(self) -> None:
        """Load every plugin of the group ``reloader.plugins``; report the ones that fail."""
        for entry in find_entry_points(PLUGINS_GROUP):
            if self.manager.has_plugin(entry.name):
                self._report(
                    f"plugin {entry.name!r} of {entry.distribution} is left out:"
                    " another one has that name"
                )
                continue
            try:
                self.register(entry.load(), entry.name)
            except Exception as error:
                self._report(
                    f"plugin {entry.name!r} of {entry.distribution} is left out: {describe(error)}"
                )

    def load_named(self, names: Iterable[str], *, directory: str) -> None:
        """Load the plugins the configuration asks for, by installed name or module.

        :param names: entry-point names or module names.
        :param directory: where the project's own modules are.
        :raises PluginError: one cannot be used.
        """
        if directory not in sys.path:
            # At the end: a project's `types.py` must not replace ours.
            sys.path.append(directory)
        for name in names:
            if self.manager.has_plugin(name):
                continue
            try:
                plugin = importlib.import_module(name)
            except Exception as error:
                raise PluginError(
                    f"plugin {name!r} cannot be imported: {describe(error)};"
                    " check `plugins` and that it is installed here"
                ) from error
            self.register(plugin, name)

    def call_all(
        self, hook: str, argument: object, read: Callable[[Any], _T]
    ) -> list[tuple[str, _T]]:
        """Call every plugin that implements a hook.

        :param hook: its name.
        :param argument: its only argument.
        :param read: checks and copies what a plugin returned, within its
            guard: a generator runs only when it is consumed.
        :returns: plugin names and what ``read`` made of their answers, without
            the plugins that returned ``None`` or failed.
        """
        return list(self._iter_answers(hook, argument, read))

    def call_first(
        self, hook: str, argument: object, read: Callable[[Any], _T]
    ) -> tuple[str, _T] | None:
        """Call plugins in pluggy's order until one answers.

        :returns: the plugin's name and its answer; ``None`` if all passed.
        """
        return next(self._iter_answers(hook, argument, read), None)

    def has_implementation(self, hook: str) -> bool:
        """Whether any plugin implements a hook."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())

    def _iter_answers(
        self, hook: str, argument: object, read: Callable[[Any], _T]
    ) -> Iterator[tuple[str, _T]]:
        caller = getattr(self.manager.hook, hook)
        name_of_argument = caller.spec.argnames[0]
        implementations = caller.get_hookimpls()
        for implementation in reversed(implementations):
            name = implementation.plugin_name
            try:
                others = [other.plugin for other in implementations if other is not implementation]
                alone = self.manager.subset_hook_caller(hook, others)
                answer = alone(**{name_of_argument: argument})
                # All of one plugin's answers: one, as no plugin implements a hook twice.
                answer = answer if caller.spec.opts["firstresult"] else next(iter(answer), None)
                result = None if answer is None else read(answer)
            except (Exception, SystemExit) as error:
                self._report(f"plugin {name!r} failed in {hook}: {describe(error)}")
                continue
            if result is not None:
                yield name, result


def describe(error: BaseException) -> str:
    """An exception in one line."""
    text = _first_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")
