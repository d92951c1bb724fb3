"""Soak one backend after the other, and write the page: ``python -m benchmarks.soak``."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from pathlib import Path

from benchmarks.report import show_progress
from benchmarks.soak.report import Tally, page
from benchmarks.soak.rounds import Outcome, Soak

_PROGRESS_ROUNDS = 50


def _soak(arguments: argparse.Namespace, backend: str) -> Tally:
    tally = Tally(backend=backend)
    began_at = time.monotonic()

    def tell(outcome: Outcome) -> None:
        tally.add(outcome)
        tally.seconds = time.monotonic() - began_at
        if outcome.account and arguments.log is not None:
            with arguments.log.open("a", encoding="utf-8") as log:
                log.write(outcome.account + "\n")
        if outcome.lost is not None:
            print(outcome.account, file=sys.stderr, flush=True)
        if tally.rounds % _PROGRESS_ROUNDS == 0:
            show_progress(
                f"{backend}: {tally.rounds} of {arguments.rounds} rounds, {tally.rate:.1f} a"
                f" second, {len(tally.lost)} lost"
            )

    soak = Soak(
        backend=backend,
        seed=arguments.seed,
        interval=arguments.interval,
        deadline_seconds=arguments.deadline,
        lanes=arguments.lanes,
    )
    first = arguments.first_round
    soak.run(range(first, first + arguments.rounds), tell)
    return tally


def main() -> int:
    """Soak, print the page, and write it if wanted.

    :returns: 1 if a round was lost.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    add = parser.add_argument
    add("--backend", action="append", help="a reloader_type; may be repeated; default inotify")
    add("--rounds", type=int, default=2000, help="of each backend; default 2000")
    add("--seed", type=int, default=1, help="the same seed makes the same edits; default 1")
    add("--first-round", type=int, default=1, help="to do some of them again; default 1")
    add("--interval", type=float, default=0.1, help="of backends that look; default 0.1 s")
    add("--deadline", type=float, default=20.0, help="then a round is lost; default 20 s")
    add("--lanes", type=int, default=3, help="supervisors at a time; default 3")
    add("--log", type=Path, metavar="FILE", help="accounts of rounds with needless restarts")
    add("--write", type=Path, metavar="FILE", help="write the page there, too")
    arguments = parser.parse_args()
    # What was started ends with the soak, also in the background of a shell, where SIGINT is
    # ignored otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    tallies = [_soak(arguments, backend) for backend in arguments.backend or ["inotify"]]
    document = page(tallies, f"python -m benchmarks.soak {shlex.join(sys.argv[1:])}".strip())
    sys.stdout.write(document)
    if arguments.write is not None:
        arguments.write.write_text(document, encoding="utf-8")
    return 1 if any(tally.lost for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
