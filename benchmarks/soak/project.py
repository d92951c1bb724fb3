"""The sample project on disk: its files, the values in them, and what was done to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

import attrs

from benchmarks.soak.layout import (
    HARD_OTHER,
    LINKS,
    PIECES,
    TARGETS,
    Form,
    Piece,
    content,
    data_piece,
)
from benchmarks.soak.program import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

#: The value of a file that is not there or that cannot be run.
NO_VALUE = "-"

#: Of earlier rounds. A program that runs since then may have begun amid a save.
_KEPT = 100


@attrs.frozen(kw_only=True)
class Save:
    """One save, or several that belong together: while it lasts, the code is half done.

    :ivar began_at: monotonic seconds, as ``ended_at``.
    :ivar after: the values on disk at its end.
    """

    began_at: float
    ended_at: float
    after: dict[str, str]


class Project:
    """The sample project.

    :param base: an empty directory.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.directory = os.path.join(base, "project")
        self.values: dict[str, str] = {}
        #: What was done, by monotonic seconds.
        self.history: list[tuple[float, str]] = []
        self.saves: list[Save] = []
        #: When each edit began, and its name.
        self.acts: list[tuple[float, str]] = []
        self._round = 0
        self._count = 0
        self.begin_act("making it")
        with self.saving():
            self._make()

    def _make(self) -> None:
        for path, target in LINKS.items():
            os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
            os.symlink(target, self.at(path))
        for name, piece in PIECES.items():
            self.write(self.at(TARGETS.get(name, piece.path)), content(piece, self.fresh(name)))
        os.link(self.path(PIECES["hard"]), self.at(HARD_OTHER))
        for directory in ("project/data", "project/.git/refs/heads", "project/cache", "canary"):
            os.makedirs(self.at(directory), exist_ok=True)
        self.write(self.at("project/soak_canary.py"), PLUGIN.encode())
        self.write(self.at("project/unimported.py"), b"VALUE = 0\n")
        self.write(self.at("project/.git/HEAD"), b"ref: refs/heads/main\n")
        self.set_pauses(0.0, 0.0)

    # Where things are

    def at(self, path: str) -> str:
        """A path from the base directory."""
        return os.path.join(self.base, path)

    def path(self, piece: Piece) -> str:
        """Where a piece is, as the program spells it."""
        return self.at(piece.path)

    def real(self, piece: Piece) -> str:
        """Where a piece is, with all links resolved: where an editor writes it."""
        return os.path.realpath(self.path(piece))

    @property
    def canary(self) -> str:
        """The file whose change is always noticed and never acted on."""
        return self.at("canary/canary.txt")

    # What is in it

    def begin_round(self, number: int) -> None:
        """Make values that tell of this round from here on, and forget most of what was."""
        self._round, self._count = number, 0
        del self.history[:], self.saves[:-_KEPT], self.acts[:-_KEPT]

    def fresh(self, name: str) -> str:
        """A value that was never there before, which is about to be that of ``name``."""
        self._count += 1
        value = f"r{self._round:06}.{self._count:04}"
        self.values[name] = value
        return value

    def piece(self, name: str) -> Piece:
        """The piece of a name that has a value."""
        return PIECES.get(name) or data_piece(name)

    def current(self, piece: Piece) -> bytes:
        """What a piece contains now."""
        return content(piece, self.values[piece.name])

    def pick(self, dice: Random, *forms: Form) -> Piece:
        """One of the pieces that are not of the crowd, or one of the crowd's modules."""
        names = [piece.name for piece in PIECES.values() if piece.is_alone]
        names.append(f"crowd.m{dice.randrange(10):02}")
        wanted = forms or tuple(Form)
        return dice.choice([PIECES[name] for name in names if PIECES[name].form in wanted])

    # What is done to it

    def begin_act(self, name: str) -> None:
        """An edit begins."""
        self.acts.append((time.monotonic(), name))

    def note(self, text: str) -> None:
        """Write into the history what is being done."""
        self.history.append((time.monotonic(), text))

    def write(self, path: str, data: bytes) -> None:
        """Write a file in place, creating its directories."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def set_pauses(self, start_seconds: float, stop_seconds: float) -> None:
        """How long programs that start from now on pause, halfway and when they are stopped."""
        # Not in place: a program may be reading it.
        self.write(self.at("pauses.new"), f"{start_seconds} {stop_seconds}\n".encode())
        os.replace(self.at("pauses.new"), self.at("pauses"))

    def remove_bytecode(self) -> None:
        """Remove all that Python has cached."""
        for directory, names, _ in os.walk(self.base):
            if "__pycache__" in names:
                shutil.rmtree(os.path.join(directory, "__pycache__"))
                names.remove("__pycache__")

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """What is done in this block belongs together."""
        began_at = time.monotonic()
        yield
        ended_at = time.monotonic()
        self.saves.append(Save(began_at=began_at, ended_at=ended_at, after=dict(self.values)))

    def answer(self) -> dict[str, str]:
        """What the program answers when it runs what is on disk."""
        return {name: value for name, value in self.values.items() if value != NO_VALUE}
