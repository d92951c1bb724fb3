"""Asking a running supervisor: what ``reloader status``, ``wait`` and so on do, from Python.

Standard library only, so that a script or a test has it at once.
"""

from __future__ import annotations

from reloader_core.control.client import (
    Client,
    ControlError,
    NotRunningError,
    Restart,
    Status,
    WaitResult,
)

__all__ = ["Client", "ControlError", "NotRunningError", "Restart", "Status", "WaitResult"]
