"""The command line: ``python -m tests.nfs.guest [options] -- CMD...``."""

from __future__ import annotations

import argparse
import sys

from tests.nfs.guest import machine, packages
from tests.nfs.guest.scripts import EXPORT_FILE_SYSTEMS


def main() -> int:
    """Run a command in a guest, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.nfs.guest",
        usage="%(prog)s [options] -- CMD...",
        description="Run a command in a throw-away Linux with an NFS server and client.",
    )
    parser.add_argument(
        "--rw",
        action="append",
        default=[],
        metavar="DIR",
        help="a directory of the host that the command may write to (may be repeated)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="S",
        help="end it after so many seconds (default: %(default)g)",
    )
    parser.add_argument(
        "--export-fs",
        choices=EXPORT_FILE_SYSTEMS,
        default="tmpfs",
        help="what the server exports (default: %(default)s)",
    )
    parser.add_argument(
        "--no-delegations",
        action="store_true",
        help="the server leaves no file to a client of NFSv4",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("there is no command")
    if reason := packages.why_not():
        parser.error(reason)
    guest = machine.Guest(
        command=command,
        writable=options.rw,
        timeout_seconds=options.timeout,
        export_fs=options.export_fs,
        has_delegations=not options.no_delegations,
    )
    return machine.run(guest)


if __name__ == "__main__":
    sys.exit(main())
