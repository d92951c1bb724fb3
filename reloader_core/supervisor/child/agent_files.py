"""The agent's files as they were at the start, whatever becomes of the installed ones.

Whoever upgrades the package while it runs takes away the agent that belongs to it: for a
moment there is none, and then another one, which may speak otherwise.
"""

from __future__ import annotations

import contextlib
import os

from reloader_core.agent import INJECT_DIRECTORY
from reloader_core.stamp import Stamp

_NAMES = (
    "sitecustomize.py",
    "_reloader_agent.py",
    "_reloader_frameworks.py",
    "_reloader_servers.py",
)


class AgentFiles:
    """Says where the agent is; if need be it puts a copy into the user's runtime directory."""

    def __init__(self) -> None:
        self._copy = ""
        self._stamps = self._look()
        self._contents: dict[str, bytes] = {}
        with contextlib.suppress(OSError):
            for name in _NAMES:
                with open(os.path.join(INJECT_DIRECTORY, name), "rb") as file:
                    self._contents[name] = file.read()

    def find(self) -> str:
        """The directory to load the agent from.

        :returns: that of the installed package as long as it is what it was; also if there
            is no room for a copy.
        """
        if self._stamps == self._look():
            return INJECT_DIRECTORY
        if not self._has_copy():
            self._make_copy()
        return self._copy or INJECT_DIRECTORY

    def close(self) -> None:
        """Take the copy away."""
        if not self._copy:
            return
        for directory in (os.path.join(self._copy, "__pycache__"), self._copy):
            with contextlib.suppress(OSError):
                for name in os.listdir(directory):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(directory, name))
                os.rmdir(directory)
        self._copy = ""

    def _look(self) -> list[Stamp | None]:
        return [_stamp_of(os.path.join(INJECT_DIRECTORY, name)) for name in _NAMES]

    def _has_copy(self) -> bool:
        """Whether it is still there, and nobody else's: temporary files are cleaned up."""
        # Here and below: too much for a start, and loaded by now.
        from reloader_core.control.address import make_runtime_directory

        try:
            make_runtime_directory(os.path.dirname(self._copy))
        except OSError:
            return False
        return all(os.path.isfile(os.path.join(self._copy, name)) for name in _NAMES)

    def _make_copy(self) -> None:
        from reloader_core.control.address import iter_runtime_directories, make_runtime_directory

        self.close()
        if len(self._contents) < len(_NAMES):
            return
        for place in iter_runtime_directories(os.environ):
            self._copy = os.path.join(place, f"agent-{os.urandom(8).hex()}")
            try:
                make_runtime_directory(place)
                os.mkdir(self._copy, 0o700)
                for name, content in self._contents.items():
                    with open(os.path.join(self._copy, name), "xb") as file:
                        file.write(content)
            except OSError:
                self.close()
            else:
                return


def _stamp_of(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except OSError:
        return None
