"""What starts processes on this system, and what a process must be to have it.

Few imports, for on Linux it is a fork of this process, and keeps all that is loaded by then.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from reloader_core.supervisor.child.direct import DirectHost, DirectProcess

    if sys.platform == "linux":
        from reloader_core.supervisor.child.keeper.host import KeeperHost, KeptProcess

        Host: TypeAlias = KeeperHost | DirectHost
        Spawned: TypeAlias = KeptProcess | DirectProcess
    else:
        Host: TypeAlias = DirectHost
        Spawned: TypeAlias = DirectProcess


def open_host() -> Host:
    """Make this process one that can start others. To be called before there is a second thread.

    :returns: in a child of this process, if it was the first of a container.
    :raises OSError: there are too many processes already.
    """
    _fill_standard_streams()
    if sys.platform == "linux":
        if os.getpid() == 1:
            from reloader_core.supervisor.init import leave_pid_1

            leave_pid_1()

        from reloader_core.supervisor.child.keeper.host import KeeperHost

        return KeeperHost()
    from reloader_core.supervisor.child.direct import DirectHost

    return DirectHost()


def _fill_standard_streams() -> None:
    """Open what was closed of standard input, output and error, to and from nowhere.

    Else the next thing to be opened would have its number, and become that of the program.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)
