"""The plugin manager: guarded loading and guarded calling on top of pluggy.

pluggy aborts a hook call at the first exception and its results carry no
plugin name; its entry-point loader stops at the first bad import. Here each
entry point is loaded and each plugin is called on its own, on a thread of its
own, so a failure is reported by name and costs only that plugin, for that call.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from reloader_core import hookspecs
from reloader_core.errors import PluginError
from reloader_core.plugins.conduct import Conduct
from reloader_core.plugins.entry_points import PLUGINS_GROUP, find_entry_points
from reloader_core.plugins.faults import describe, first_line, traceback_of
from reloader_core.plugins.guarded import GuardedPlugin
from reloader_core.plugins.waiting import END_SECONDS, PlainWaiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reloader_core.plugins.waiting import Waiter

_T = TypeVar("_T")


class Plugins:
    """All plugins of one supervisor.

    :param report: called with one line for each failure of a plugin, on any thread.
    :param detail: called with the lines that its author may want to see as well.
    :param waiter: waits for their answers.
    :ivar manager: pluggy's own, in which they are registered.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        detail: Callable[[str], None] = lambda lines: None,
        waiter: Waiter | None = None,
    ) -> None:
        self._report = report
        self._detail = detail
        self._waiter = waiter or PlainWaiter()
        self._guarded: dict[str, GuardedPlugin] = {}
        self.manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self.manager.add_hookspecs(hookspecs)

    def register(self, plugin: object, name: str, *, is_own: bool = False) -> None:
        """Add a plugin.

        :param is_own: it is the core's: called right here, on any thread.
        :raises PluginError: it does not fit the hooks it implements.
        """
        try:
            hash(plugin)  # pluggy keeps plugins in sets; `attrs.define` wants eq=False
            self.manager.register(plugin, name=name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            with contextlib.suppress(Exception):
                # Before 1.7, pluggy kept the hooks that it had looked at before the fault.
                if self.manager.get_plugin(name) is plugin:
                    self.manager.unregister(name=name)
            raise PluginError(f"plugin {name!r} cannot be used: {_fault_of(error)}") from error
        if not is_own:
            conduct = Conduct(name, report=self._report, detail=self._detail)
            self._guarded[name] = GuardedPlugin(name, conduct=conduct, waiter=self._waiter)
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
            except KeyboardInterrupt:
                raise
            except BaseException as error:
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
            except KeyboardInterrupt:
                raise
            except BaseException as error:
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
            the plugins that returned ``None``, failed or took too long.
        """
        return list(self._iter_answers(hook, argument, read))

    def call_first(
        self,
        hook: str,
        argument: object,
        read: Callable[[Any], _T],
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[str, _T] | None:
        """Call plugins in pluggy's order until one answers.

        :param meanwhile: called on this thread while one is waited for, whenever the
            waiter is woken.
        :returns: the plugin's name and its answer; ``None`` if all passed.
        """
        return next(self._iter_answers(hook, argument, read, meanwhile), None)

    def tell_all(self, hook: str, argument: object) -> None:
        """Have every plugin that implements a hook called soon, and do not wait for it."""
        for name, call in self._iter_calls(hook, argument):
            self._guarded[name].tell(hook, call)

    def has_implementation(self, hook: str) -> bool:
        """Whether any plugin implements a hook."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())

    def settle(self, seconds: float) -> None:
        """Wait until the plugins have heard what they were told; name those that do not return.

        :param seconds: for all of them together, at most.
        """
        plugins = self._guarded.values()
        if not self._waiter.wait_for(lambda: all(each.is_idle for each in plugins), seconds):
            for plugin in plugins:
                plugin.leave()

    def close(self) -> None:
        """Let the plugins hear what they were told, but not for ever, and end their threads."""
        if not all(each.is_idle for each in self._guarded.values()):
            self.settle(END_SECONDS)
        self.end_threads()

    def end_threads(self) -> None:
        """End their threads, each when it has nothing more to do."""
        for plugin in self._guarded.values():
            plugin.close()

    def _iter_answers(
        self,
        hook: str,
        argument: object,
        read: Callable[[Any], _T],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[str, _T]]:
        for name, call in self._iter_calls(hook, argument):
            # Without plugins, the program may run already, and is only taken in here.
            if self._guarded and self._waiter.is_quitting:
                return
            function = partial(_read_answer, call, read)
            if guarded := self._guarded.get(name):
                answer = guarded.ask(hook, function, meanwhile=meanwhile)
            else:
                answer = self._ask_own(hook, function)
            if answer is not None:
                yield name, answer

    def _ask_own(self, hook: str, function: Callable[[], _T | None]) -> _T | None:
        try:
            return function()
        except Exception as error:
            self._report(f"{hook} failed: {describe(error)}")
            self._detail(traceback_of(error))
            return None

    def _iter_calls(self, hook: str, argument: object) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Each plugin that implements a hook, and the call of it alone."""
        caller = getattr(self.manager.hook, hook)
        implementations = caller.get_hookimpls()
        for implementation in reversed(implementations):
            others = [other.plugin for other in implementations if other is not implementation]
            alone = self.manager.subset_hook_caller(hook, others)
            yield (
                implementation.plugin_name,
                partial(_call, alone, {caller.spec.argnames[0]: argument}),
            )


def _call(alone: pluggy.HookCaller, arguments: dict[str, object]) -> Any:
    answer = alone(**arguments)
    # All of one plugin's answers: one, as no plugin implements a hook twice.
    assert alone.spec is not None
    return answer if alone.spec.opts["firstresult"] else next(iter(answer), None)


def _read_answer(call: Callable[[], Any], read: Callable[[Any], _T]) -> _T | None:
    answer = call()
    return None if answer is None else read(answer)


def _fault_of(error: BaseException) -> str:
    is_of_pluggy = isinstance(error, (pluggy.PluginValidationError, ValueError, TypeError))
    return first_line(error) if is_of_pluggy else describe(error)
