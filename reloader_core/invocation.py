"""What is needed to start a process, in a form that costs nothing to import.

The first process is spawned before attrs and everything built on it is loaded:
see ``supervisor.session``. Plugins see the same as :class:`reloader_core.model.Command`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Invocation(NamedTuple):
    """How the program is started.

    :ivar argv: the executable and its arguments.
    :ivar cwd: the directory it is started in.
    :ivar title: what to call it in messages.
    :ivar is_python: the executable is a Python interpreter (or a script that
        runs one) into which the agent can be loaded.
    :ivar environment: variables set for the program on top of the supervisor's.
    :ivar notes: what the user should know about it.
    :ivar extra_files: what it wants watched beyond its code: from the root, in the dialect of
        ``extra_files``.
    """

    argv: tuple[str, ...]
    cwd: str
    title: str
    is_python: bool
    environment: Mapping[str, str] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    extra_files: tuple[str, ...] = ()

    def adapted(
        self, argv: Sequence[str], note: str, *, extra_files: Iterable[str] = ()
    ) -> Invocation:
        """Another command line for the same program.

        :param note: what the user should know about it.
        :param extra_files: what is to be watched besides.
        """
        return self._replace(
            argv=tuple(argv),
            notes=(*self.notes, note),
            extra_files=(*self.extra_files, *extra_files),
        )
