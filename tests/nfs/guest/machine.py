"""Runs the kernel as a process, copies what the command says, and leaves no process behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs

from tests.nfs.guest import EXPORT, EXPORT_OPTIONS, VARIABLE
from tests.nfs.guest.packages import SYSTEM_PATH
from tests.nfs.guest.scripts import EXPORT_FILE_SYSTEMS, write_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

TIMED_OUT = 124
DIED = 125

_MODULES = "/usr/lib/uml/modules"
_MEMORY_BYTES = 512 << 20
_PR_SET_CHILD_SUBREAPER = 36
#: How long a guest may take to halt when it has said how its command ended.
_HALT_SECONDS = 5.0
#: What the command keeps of the environment. The rest belongs to the host.
_KEPT = ("CI", "HOME", "LANG", "PYTHONPATH", "TERM", "VIRTUAL_ENV")


@attrs.frozen(kw_only=True)
class Guest:
    """What is asked of a guest.

    :ivar command: what it runs, in the working directory of the host.
    :ivar writable: directories of the host that it may write to.
    :ivar export_fs: what kind of file system the server exports.
    :ivar has_delegations: the server may leave files of NFSv4 to a client.
    """

    command: list[str]
    writable: list[str] = attrs.field(factory=list)
    timeout_seconds: float = 600.0
    export_fs: str = "tmpfs"
    has_delegations: bool = True


def run(guest: Guest) -> int:
    """Boot a guest, wait for its end, and return the exit status."""
    # Not below /tmp, which may be in memory and small.
    with contextlib.ExitStack() as stack:
        control = Path(tempfile.mkdtemp(prefix="nfs-guest-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, control, ignore_errors=True)
        _prepare(guest, control)
        for name, stream in (("stdout", sys.stdout.buffer), ("stderr", sys.stderr.buffer)):
            stack.enter_context(_copied(control / "shared" / name, stream))
        started = time.monotonic()
        with _kernel(control) as (process, console):
            has_time = _wait(process, control, started + guest.timeout_seconds)
        if (status := _status(control)) is not None:
            return status
        passed = time.monotonic() - started
        fault = "died" if has_time else "had no more time"
        said = b"".join(console).decode(errors="replace")[-3000:]
        print(f"the guest {fault} after {passed:.1f} s; its console:\n{said}", file=sys.stderr)
        return DIED if has_time else TIMED_OUT


def _prepare(guest: Guest, control: Path) -> None:
    for name in ("shared", "memory", "modules/lib"):
        (control / name).mkdir(parents=True)
    (control / "modules" / "lib" / "modules").symlink_to(_MODULES)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PATH": os.pathsep.join([os.environ["PATH"], SYSTEM_PATH]),
        "PYTHONDONTWRITEBYTECODE": "1",  # a copy of each file would be kept in memory
        VARIABLE: "1",
    }
    values = {
        "SYSTEM_PATH": SYSTEM_PATH,
        "EXPORT": EXPORT,
        "EXPORT_OPTIONS": EXPORT_OPTIONS,
        "MAKE_EXPORT": EXPORT_FILE_SYSTEMS[guest.export_fs],
        "HAS_DELEGATIONS": "yes" if guest.has_delegations else "no",
        "WORKING_DIRECTORY": str(Path.cwd()),
    }
    variables = [f"{name}={value}" for name, value in environment.items()]
    writable = [os.path.abspath(directory) for directory in guest.writable]
    write_scripts(control, values, writable, [*variables, *guest.command])


@contextlib.contextmanager
def _kernel(control: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[bytes]]]:
    """Run the kernel: its process, and what its console said so far."""
    environment = {"PATH": f"{os.environ['PATH']}{os.pathsep}{SYSTEM_PATH}", "HOME": str(control)}
    if shutil.disk_usage("/dev/shm").free < _MEMORY_BYTES * 1.2:
        environment["TMPDIR"] = str(control)
    argv = ["linux.uml", f"mem={_MEMORY_BYTES >> 20}M", f"uml_dir={control}", "quiet", "panic=-1"]
    argv += ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={control}/enter"]
    argv += ["con=null", "con0=null,fd:1"]
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def end(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the guest ends with us
        signal.signal(number, end)
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    console: list[bytes] = []
    reader = threading.Thread(target=console.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield process, console
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.suppress(ChildProcessError):
            while True:  # the guest's own processes have become ours
                os.waitpid(-1, 0)
        reader.join(1.0)
        process.stdout.close()


def _wait(process: subprocess.Popen[bytes], control: Path, deadline: float) -> bool:
    """Wait for the guest's end. Returns whether it came in time."""
    halts_until = None
    while process.poll() is None:
        now = time.monotonic()
        if now > deadline:
            return False
        if halts_until is None and _status(control) is not None:
            halts_until = now + _HALT_SECONDS
        if halts_until is not None and now > halts_until:
            break
        time.sleep(0.02)  # the poll of a wait with a deadline
    return True


def _status(control: Path) -> int | None:
    try:
        return int((control / "shared" / "status").read_text())
    except (FileNotFoundError, ValueError):
        return None


@contextlib.contextmanager
def _copied(path: Path, stream: BinaryIO) -> Iterator[None]:
    """Copy a file that grows to a stream, meanwhile and at the end."""
    has_ended = threading.Event()

    def copy() -> None:
        position = 0
        while True:
            is_last = has_ended.wait(0.05)
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(position)
                position += stream.write(file.read())
                stream.flush()
            if is_last:
                return

    copier = threading.Thread(target=copy, daemon=True)
    copier.start()
    try:
        yield
    finally:
        has_ended.set()
        copier.join(5.0)
