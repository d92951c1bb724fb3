"""What the supervisor must know to load the agent into the user's program.

The agent itself is in ``inject/``, a directory put on ``PYTHONPATH`` so that
CPython's :mod:`site` imports it while the interpreter starts. It is no
sub-package: nothing here imports it, and it imports nothing from here.
"""

from __future__ import annotations

import enum
import os

__all__ = ["ENVIRONMENT_VARIABLE", "INJECT_DIRECTORY", "MODULE_NAME", "STACKS_SIGNAL", "LoadedKind"]

#: Goes first on the program's ``PYTHONPATH``.
INJECT_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject")

#: Tells the agent which descriptors it was given; see ``protocol.agent_environment``.
ENVIRONMENT_VARIABLE = "_RELOADER_AGENT"

#: Has the agent's process write the stacks of its threads (Linux). One of the real-time
#: signals, which have no meaning of their own; the C library and threads of other
#: languages take the first of them, so it is one of the last.
STACKS_SIGNAL = 59

#: In the program's ``sys.modules`` for as long as the program runs.
MODULE_NAME = "_reloader_agent"


class LoadedKind(enum.Enum):
    """What a loaded file is; the value is the letter of its record.

    ``OPENED`` is a file like any other that the program reads, not code.
    """

    SOURCE = "S"
    EXTENSION = "E"
    BYTECODE = "B"
    ARCHIVE = "A"
    OPENED = "O"
