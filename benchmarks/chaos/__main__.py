"""Do rounds, and write the page: ``python -m benchmarks.chaos``."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.chaos.rounds import Chaos, Outcome, count
from benchmarks.report import show_progress

_TEXT = """# Chaos

A program runs under `reloader run`. A round is a fault of a random kind at a random moment of the
program's life: at rest, while it starts, while it stops. After each round must hold:

- the supervisor is alive, or has ended with the right exit code;
- the program runs what is on disk, or the supervisor waits and has said why;
- nothing is orphaned: no process of an earlier program is alive, also not one in a session of its
  own, or one that has lost its parent; two seconds after the end of the supervisor none at all;
- nothing has leaked: the supervisor holds the descriptors, threads and zombies that it held.

The program has a child in a session of its own, and a daemon. To run it (Linux only):

```sh
pip install -e . psutil
python -m benchmarks.chaos --rounds 1000 --seed 1
```

The same seed makes the same faults. Several supervisors are tried at a time (`--lanes`), each
with a project of its own. It runs in a user namespace of its own, if it may make one, for the
round that leaves the user no inotify watches.
"""


def _enter_namespace() -> None:
    """Go on in a user namespace whose limits are ours to set, if that is possible."""
    if os.environ.get("CHAOS_OWN_NAMESPACE") or shutil.which("unshare") is None:
        return
    probe = ["sh", "-c", "test -w /proc/sys/user/max_inotify_watches"]
    alone = ["unshare", "-r", "-m"]
    if subprocess.run([*alone, *probe], capture_output=True, check=False).returncode == 0:
        os.environ["CHAOS_OWN_NAMESPACE"] = "1"
        again = [sys.executable, "-m", "benchmarks.chaos", *sys.argv[1:]]
        os.execvp("unshare", [*alone, *again])


def _page(outcomes: list[Outcome], command: str, seconds: float) -> str:
    rows = [
        f"| {fault.replace('_', ' ')} | {rounds} | {broken} | {longest:.1f} |"
        for fault, (rounds, broken, longest) in count(outcomes).items()
    ]
    broken = [outcome for outcome in outcomes if outcome.broken]
    notes = [f"- round {one.number}, {one.fault}: {one.broken}" for one in broken]
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    return "\n".join(
        [
            _TEXT,
            f"- CPython {platform.python_version()}, {system}",
            f"- measured by `{command}`, in {seconds:.0f} s",
            "",
            f"{len(outcomes)} rounds, {len(broken)} of them not in order.",
            "",
            "| fault | rounds | not in order | longest round, s |",
            "|---|--:|--:|--:|",
            *rows,
            *(["", *notes] if notes else []),
            "",
        ]
    )


def main() -> int:
    """Do rounds, print the page, and write it if wanted.

    :returns: 1 if a round was not in order.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=1000, help="default 1000")
    add("--seed", type=int, default=1, help="the same seed makes the same faults; default 1")
    add("--first-round", type=int, default=1, help="to do some of them again; default 1")
    add("--backend", default="inotify", help="a reloader_type; default inotify")
    add("--lanes", type=int, default=3, help="supervisors at a time; default 3")
    add("--write", type=Path, metavar="FILE", help="write the page there, too")
    arguments = parser.parse_args()
    _enter_namespace()
    outcomes: list[Outcome] = []
    turn = threading.Lock()
    began_at = time.monotonic()

    def tell(outcome: Outcome, said: list[str]) -> None:
        with turn:
            outcomes.append(outcome)
            if outcome.broken:
                print(outcome, *said, sep="\n  ", file=sys.stderr, flush=True)
            if len(outcomes) % 20 == 0:
                broken = sum(bool(one.broken) for one in outcomes)
                show_progress(f"{len(outcomes)} rounds, {broken} not in order")

    first, lanes = arguments.first_round, arguments.lanes
    numbers = range(first, first + arguments.rounds)
    threads = [
        threading.Thread(
            target=Chaos(backend=arguments.backend, seed=arguments.seed).run,
            args=(numbers[lane::lanes], tell),
        )
        for lane in range(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == arguments.rounds, "a lane has ended early"
    command = f"python -m benchmarks.chaos {shlex.join(sys.argv[1:])}".strip()
    page = _page(outcomes, command, time.monotonic() - began_at)
    sys.stdout.write(page)
    if arguments.write is not None:
        arguments.write.write_text(page, encoding="utf-8")
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
