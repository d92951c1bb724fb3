"""The client of a running supervisor."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from reloader_core.control.address import (
    iter_project_roots,
    iter_runtime_directories,
    socket_name,
)
from reloader_core.control.messages import VERSION, decode, encode
from reloader_core.errors import ReloaderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

#: The supervisor answers at once, unless it waits for a plugin or is stopped.
_ANSWER_SECONDS = 15.0

#: What is added to the time of a ``wait``: the supervisor says itself that it is over.
_GRACE_SECONDS = 2.0


class ControlError(ReloaderError):
    """The supervisor refuses, or does not answer."""


class NotRunningError(ControlError):
    """No supervisor runs for this project."""

    exit_code = 3


class Restart(NamedTuple):
    """One restart.

    :ivar at: when the new program ran, seconds since the epoch.
    :ivar reason: why, in words.
    :ivar changes: the paths that changed.
    :ivar noticed_seconds: from the first hint to the decision; the next ones follow it, see
        ``reload_finished``.
    :ivar seconds: all of it.
    """

    at: float
    reason: str
    changes: tuple[str, ...]
    noticed_seconds: float
    stopped_seconds: float
    started_seconds: float
    ready_seconds: float | None
    seconds: float


class Status(NamedTuple):
    """What a supervisor does.

    :ivar title: the program.
    :ivar state: ``running``, ``starting``, ``stopping`` or ``waiting`` (for a change).
    :ivar is_ready: the program can do its work; see ``wait``.
    :ivar pid: the program's; ``None`` while none runs.
    :ivar since: when it was started, seconds since the epoch; ``None`` while none runs.
    :ivar generation: 1 for the first start, one more for each restart.
    :ivar backend: the ``reloader_type`` that is open, ``auto`` with what it has chosen.
    :ivar files: how many files matter.
    :ivar restarts: the last ten, the newest last.
    :ivar error: why nothing runs, or what keeps a change from being acted on; ``None`` if
        nothing is wrong.
    :ivar holds: for which reasons changes are on hold.
    :ivar held: the paths of changes that are on hold.
    :ivar supervisor_pid: the supervisor's own process.
    :ivar project_root: the project's directory.
    :ivar version: of the supervisor.
    """

    title: str
    state: str
    is_ready: bool
    pid: int | None
    since: float | None
    generation: int
    backend: str
    files: int
    restarts: tuple[Restart, ...]
    error: str | None
    holds: tuple[str, ...]
    held: tuple[str, ...]
    supervisor_pid: int
    project_root: str
    version: str


class WaitResult(NamedTuple):
    """How a ``wait`` ended.

    :ivar outcome: ``ready``, ``failed`` or ``timeout``.
    :ivar error: with ``failed`` the traceback, or what does not compile; with ``timeout``
        what it was waiting for.
    :ivar pid: of the program that is ready.
    :ivar generation: which start it was.
    """

    outcome: str
    error: str | None = None
    pid: int | None = None
    generation: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the process that serves runs the code on disk."""
        return self.outcome == "ready"


class Client:
    """Talks to the supervisor of a project. Each call is a connection of its own.

    :param directory: in the project; the working directory if left out.
    :param environ: where ``XDG_RUNTIME_DIR`` and ``TMPDIR`` are looked up; the process's own
        if left out. It must agree with the supervisor's in these two.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = os.path.abspath(os.getcwd() if directory is None else directory)
        self._environ = os.environ if environ is None else environ

    def __enter__(self) -> Self:
        """For a ``with`` statement; there is nothing to give back."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open between two calls."""

    def status(self) -> Status:
        """What the supervisor does.

        :raises NotRunningError: there is none for this project.
        :raises ControlError: it refuses, or does not answer.
        """
        answer = self.request("status")["status"]
        restarts = tuple(
            Restart(**{**restart, "changes": tuple(restart["changes"])})
            for restart in answer["restarts"]
        )
        known = {name: answer[name] for name in Status._fields}
        known |= {"restarts": restarts, "holds": tuple(answer["holds"])}
        return Status(**{**known, "held": tuple(answer["held"])})

    def restart(self) -> None:
        """Have the program restarted, or started if it waits for a change.

        Returns when the request was taken; :meth:`wait` waits for the new program.

        :raises ControlError: as for :meth:`status`.
        """
        self.request("restart")

    def pause(self, seconds: float = 600.0) -> None:
        """Have changes kept until :meth:`resume`; what is undone meanwhile is none.

        :param seconds: after which it is resumed all the same, lest a tool that died leave
            it paused for ever.
        :raises ControlError: as for :meth:`status`.
        """
        self.request("pause", seconds=seconds)

    def resume(self) -> None:
        """Have all changes acted on that came in since :meth:`pause`. No error if not paused.

        :raises ControlError: as for :meth:`status`.
        """
        self.request("resume")

    def wait(self, timeout: float = 60.0) -> WaitResult:
        """Wait until the process that serves runs the code that is on disk now, and is ready.

        All that was written before the call counts, noticed or not. A program is ready when it
        listens on a socket, or, if it listens on none, when it has loaded nothing new for a
        second.

        :param timeout: seconds.
        :raises ControlError: as for :meth:`status`.
        """
        answer = self.request("wait", answer_seconds=timeout + _GRACE_SECONDS, timeout=timeout)
        return WaitResult(
            outcome=answer["outcome"],
            error=answer.get("error"),
            pid=answer.get("pid"),
            generation=answer.get("generation"),
        )

    def request(
        self, command: str, *, answer_seconds: float = _ANSWER_SECONDS, **members: object
    ) -> dict[str, Any]:
        """Send a request and return its answer, as ``control.messages`` describes them.

        :raises ControlError: as for :meth:`status`.
        """
        deadline = time.monotonic() + answer_seconds
        with self._connect() as connection:
            try:
                connection.settimeout(answer_seconds)
                connection.sendall(encode({"version": VERSION, "command": command, **members}))
                answer = decode(_receive_line(connection, deadline))
            except TimeoutError as error:
                raise ControlError(
                    f"the supervisor has not answered within {answer_seconds:g} s;"
                    " it may be stopped, or wait for a plugin"
                ) from error
            except (OSError, ValueError) as error:
                raise ControlError(f"the supervisor has ended: {error}") from error
        if not answer.get("ok"):
            raise ControlError(str(answer.get("error", "the supervisor refuses")))
        return answer

    def _connect(self) -> socket.socket:
        if sys.platform == "win32":
            raise ControlError("there are no Unix sockets for Python on Windows")
        for root in iter_project_roots(self._directory):
            for directory in iter_runtime_directories(self._environ):
                path = os.path.join(directory, socket_name(root))
                connection = socket.socket(socket.AF_UNIX)
                try:
                    connection.settimeout(_ANSWER_SECONDS)
                    connection.connect(path)
                except PermissionError as error:
                    connection.close()
                    raise ControlError(f"{path}: it belongs to another user") from error
                except OSError:
                    connection.close()
                else:
                    return connection
        raise NotRunningError(
            f"no supervisor runs for {self._directory};"
            " start one with 'reloader run' there, or name another directory"
        )


def _receive_line(connection: socket.socket, deadline: float) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionResetError("it has hung up")
        data += chunk
    return data
