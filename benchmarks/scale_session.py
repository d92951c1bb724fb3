"""One tool with the sample program: start it, watch it idle, edit, read what the program told."""

from __future__ import annotations

import contextlib
import math
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.processes import cpu_seconds, cpu_seconds_between, memory_bytes, running, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scale_tree import Sample

_START_SECONDS = 180.0
_NOTICE_SECONDS = 30.0
_POLL_SECONDS = 0.005

#: While it is measured from when on edits are noticed, one is made so often.
_EDITS_EVERY_SECONDS = 0.05

#: What a tool does once, such as reading all the files, is over by then; a part for
#: every program, and some for each module.
_SETTLE_SECONDS = 6.0
_SETTLE_SECONDS_PER_MODULE = 0.0002

#: Before a further edit, after the time the tool takes until it watches again.
_PAUSE_SECONDS = 2.0


@attrs.frozen(kw_only=True)
class Mark:
    """Something the program told.

    :ivar what: ``ready`` when it has imported everything, ``end`` when it begins to end.
    :ivar at: when, monotonic seconds.
    """

    what: str
    at: float


@attrs.frozen(kw_only=True)
class Figures:
    """What one session came to; seconds and bytes.

    :ivar imported: from the start of the command until everything is imported.
    :ivar take_up: from then on until the program is told to end, while it is edited all the time.
    :ivar notices: from a lone edit until the program is told to end.
    :ivar cpu_per_minute: of all processes, idle.
    :ivar pss: of all processes.
    :ivar watches: how many inotify watches they hold.
    """

    imported: float
    take_up: float = math.nan
    notices: Sequence[float] = ()
    cpu_per_minute: float = math.nan
    pss: float = math.nan
    watches: int = 0


def measure_program(
    command: Sequence[str], sample: Sample, *, modules: int, seconds: float
) -> Figures:
    """Measure a program without any tool.

    :param command: how it is started.
    :param sample: what it loads.
    :param modules: how many modules that are.
    :param seconds: how long to watch it idle.
    """
    sample.marks.unlink(missing_ok=True)
    since = time.monotonic()
    with running(command, cwd=sample.directory) as pid:
        ready = _wait(sample, "ready", 0, _START_SECONDS)
        return _rest(pid, ready.at - since, modules, seconds)


def measure_tool(
    command: Sequence[str], sample: Sample, *, modules: int, seconds: float, edits: int
) -> Figures:
    """Measure a tool with its program; the parameters are as in :func:`measure_program`.

    :param edits: how many lone edits are measured.
    """
    sample.marks.unlink(missing_ok=True)
    pauses = random.Random(modules)
    notices = []
    since = time.monotonic()
    with running(command, cwd=sample.directory) as pid:
        imported = _wait(sample, "ready", 0, _START_SECONDS).at - since
        take_up = _take_up(sample)
        figures = _rest(pid, imported, modules, seconds)
        for _ in range(edits):
            # A look once a second shall not be met at the same moment each time.
            time.sleep(_PAUSE_SECONDS + min(take_up, _NOTICE_SECONDS) + pauses.random())
            notices.append(_notice(sample))
    return attrs.evolve(figures, take_up=take_up, notices=notices)


def _take_up(sample: Sample) -> float:
    before = _marks(sample)
    ready = before[-1].at
    while time.monotonic() < ready + _NOTICE_SECONDS:
        sample.edit()
        with contextlib.suppress(TimeoutError):
            end = _wait(sample, "end", len(before), _EDITS_EVERY_SECONDS)
            _wait(sample, "ready", len(before), _START_SECONDS)
            return end.at - ready
    return math.inf


def _notice(sample: Sample) -> float:
    before = len(_marks(sample))
    since = time.monotonic()
    sample.edit()
    try:
        end = _wait(sample, "end", before, _NOTICE_SECONDS)
    except TimeoutError:
        return math.inf
    _wait(sample, "ready", before, _START_SECONDS)
    return end.at - since


def _rest(pid: int, imported: float, modules: int, seconds: float) -> Figures:
    time.sleep(_SETTLE_SECONDS + modules * _SETTLE_SECONDS_PER_MODULE)
    before, since = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    spent = cpu_seconds_between(before, cpu_seconds(pid))
    return Figures(
        imported=imported,
        cpu_per_minute=spent * 60.0 / (time.monotonic() - since),
        pss=memory_bytes(pid),
        watches=_inotify_watches(pid),
    )


def _wait(sample: Sample, what: str, skip: int, seconds: float) -> Mark:
    """The next mark of its kind after so many marks.

    :raises TimeoutError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        for mark in _marks(sample)[skip:]:
            if mark.what == what:
                return mark
        if time.monotonic() >= deadline:
            raise TimeoutError(f"no {what!r} within {seconds:g} s")
        time.sleep(_POLL_SECONDS)


def _marks(sample: Sample) -> list[Mark]:
    try:
        text = sample.marks.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    words = (line.split() for line in text.splitlines())
    return [Mark(what=what, at=float(at)) for what, _, at in words]


def _inotify_watches(pid: int) -> int:
    """How many the processes of a tree hold."""
    count = 0
    for member in tree(pid):
        directory = Path(f"/proc/{member}/fdinfo")
        with contextlib.suppress(OSError):
            for name in os.listdir(directory):
                with contextlib.suppress(OSError):
                    count += (directory / name).read_text().count("inotify wd:")
    return count
