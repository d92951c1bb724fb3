"""Whether a source compiles, as the program's own interpreter would say it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import warnings

from reloader_core.policy.comparison import Fault

#: In another interpreter; prints what Python says of the source at ``argv[1]``.
_CHECK = """\
import sys, traceback, warnings
warnings.simplefilter("ignore")
with open(sys.argv[1], "rb") as file:
    source = file.read()
try:
    compile(source, sys.argv[1], "exec", dont_inherit=True)
except (SyntaxError, ValueError) as error:
    text = "".join(traceback.format_exception_only(type(error), error))
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
"""

#: An interpreter that takes longer has no say.
_CHECK_SECONDS = 10.0


class Compiler:
    """Compiles sources in vain, to see what is wrong with them.

    What Python 3.11 cannot compile, 3.12 perhaps can. So where the program runs
    on another version than this process, its own interpreter is asked.
    """

    def __init__(self) -> None:
        self._other: str | None = None

    def use(self, version: str, executable: str) -> None:
        """Say which interpreter the program runs on.

        :param version: such as ``3.12.1``.
        :param executable: its path.
        """
        is_same = tuple(version.split(".")[:2]) == tuple(map(str, sys.version_info[:2]))
        self._other = None if is_same else executable

    def fault_of(self, path: str) -> Fault | None:
        """What keeps a source from being compiled.

        :param path: the source.
        :returns: ``None`` when nothing does, or when that cannot be found out: then
            the program itself meets the fault.
        """
        said = self._ask_here(path) if self._other is None else self._ask(self._other, path)
        return Fault(path=path, text=said) if said else None

    def _ask_here(self, path: str) -> str:
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError:
            return ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:  # ValueError: it holds a null byte
            import traceback  # slow to import, and needed for faults only

            return "".join(traceback.format_exception_only(error)).rstrip()
        except (RecursionError, MemoryError, OverflowError):
            return ""
        return ""

    def _ask(self, executable: str, path: str) -> str:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                [executable, "-I", "-S", "-c", _CHECK, path],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_CHECK_SECONDS,
                check=True,
            )
            return done.stdout.decode("utf-8", "replace").rstrip()
        return ""
