"""All benchmarks, one after the other, as one Markdown document: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import agent_start, first_answer, idle, memory, save_to_answer
from benchmarks.report import command_line, environment

_OPENING = """\
# Benchmarks

What the project promises about speed, measured beside its peers in one run. Compare the tools
with each other, not with figures of another machine. Each tool runs the same small program, the
servers by WSGI or ASGI, with the settings it has by default. To measure on yours (Linux only):

```sh
pip install -r benchmarks/requirements.txt
python -m benchmarks
```
"""


def _measure_all(rounds: int) -> str:
    command = command_line("benchmarks")
    sections = [
        save_to_answer.measure(rounds=rounds),
        first_answer.measure(rounds=6 * rounds),
        idle.measure(),
        memory.measure(rounds=rounds),
        agent_start.measure(rounds=75 * rounds),
    ]
    parts = [_OPENING, environment(command), *(section.to_markdown() for section in sections)]
    return "\n".join(parts)


def main() -> None:
    """Measure, print, and write the document if wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="more is longer; default 2")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the document there, too")
    arguments = parser.parse_args()
    document = _measure_all(arguments.rounds)
    sys.stdout.write(document)
    if arguments.write is not None:
        arguments.write.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
