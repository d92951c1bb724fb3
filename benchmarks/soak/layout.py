"""The files of the sample project: where each one is and what it contains.

Each file has one value, which the program answers with. A value is a ``r`` and a number of
always the same length, so that no edit changes a size. Code consists of two halves; the first
alone is valid, and wrong: its value begins with ``h``.
"""

from __future__ import annotations

import enum
import io
import os
import zipfile

import attrs

from benchmarks.soak.program import SCRIPT

#: How many modules a branch switch rewrites, beside some others.
CROWD = 50

_NEVER = (1990, 1, 1, 0, 0, 0)


class Form(enum.Enum):
    """What a file is to Python."""

    MODULE = "module"
    SCRIPT = "script"
    ARCHIVE = "archive"
    DATA = "data"


@attrs.frozen(kw_only=True)
class Piece:
    """One file with a value.

    :ivar name: what the program calls it.
    :ivar path: from the base directory, as the program spells it.
    :ivar form: what it is to Python.
    """

    name: str
    path: str
    form: Form = Form.MODULE

    @property
    def is_alone(self) -> bool:
        """Whether it is picked for edits by its own name, not as one of the crowd."""
        return not self.name.startswith("crowd")


def _pieces() -> list[Piece]:
    modules = {
        "plain": "project/plain.py",
        "other": "project/other.py",
        "pack": "project/pack/__init__.py",
        "pack.inner": "project/pack/inner.py",
        "space.here": "project/space/here.py",
        "space.there": "outside/space/there.py",
        "linked": "project/linked.py",
        "linkdir.content": "project/linkdir/content.py",
        "chained": "project/chained.py",
        "configured": "project/volume/configured.py",
        "hard": "project/hard.py",
        "outer": "outside/outer.py",
        "odd_space": "project/odd/a b.py",
        "odd_brackets": "project/odd/[x]*.py",
        "odd_newline": "project/odd/new\nline.py",
        "odd_bytes": os.fsdecode(b"project/odd/\xff\xfe.py"),
        "worker": "project/worker.py",
        "late": "project/late.py",
        "crowd": "project/crowd/__init__.py",
    }
    modules.update({f"crowd.m{at:02}": f"project/crowd/m{at:02}.py" for at in range(CROWD)})
    return [
        Piece(name="app", path="project/app.py", form=Form.SCRIPT),
        *(Piece(name=name, path=path) for name, path in modules.items()),
        Piece(name="zipped", path="project/lib.zip", form=Form.ARCHIVE),
    ]


#: All that is always there, by name. Data files come and go: see ``data_piece``.
PIECES = {piece.name: piece for piece in _pieces()}

#: Symbolic links of the project, from the base directory, and what they say.
LINKS = {
    "project/linked.py": "../targets/linked_1.py",
    "project/linkdir": "../targets/linkdir_1",
    "project/chained.py": "hop.link",
    "project/hop.link": "../targets/hop.link",
    "targets/hop.link": "chained_1.py",
    "project/volume/configured.py": "..data/configured.py",
    "project/volume/..data": "..version_1",
}

#: Where the pieces behind links are at first.
TARGETS = {
    "linked": "targets/linked_1.py",
    "linkdir.content": "targets/linkdir_1/content.py",
    "chained": "targets/chained_1.py",
    "configured": "project/volume/..version_1/configured.py",
}

#: The other name of the hard-linked module.
HARD_OTHER = "targets/hard_other.py"


def data_piece(name: str) -> Piece:
    """A data file: ``settings``, or ``data.`` and the name of one that the glob finds."""
    path = "settings.txt" if name == "settings" else f"data/{name.removeprefix('data.')}.txt"
    return Piece(name=name, path=f"project/{path}", form=Form.DATA)


def halves(piece: Piece, value: str) -> tuple[bytes, bytes]:
    """What a file with a value contains, in two parts."""
    wrong = "h" + value[1:]
    if piece.form is Form.SCRIPT:
        text = SCRIPT.replace("@WRONG@", wrong).replace("@VALUE@", value)
        text = text.replace("@CROWD@", str(CROWD))
        setup, _, start = text.partition("#@HALF@\n")
        return setup.encode(), start.encode()
    if piece.form is Form.DATA:
        return f"{wrong}\n".encode(), f"{value}\n".encode()
    first, second = f'VALUE = "{wrong}"\n'.encode(), f'VALUE = "{value}"\n'.encode()
    if piece.form is Form.MODULE:
        return first, second
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("zipped.py", _NEVER), first + second)
    whole = packed.getvalue()
    return whole[: len(whole) // 2], whole[len(whole) // 2 :]


def content(piece: Piece, value: str) -> bytes:
    """What a file with a value contains."""
    return b"".join(halves(piece, value))


def broken(piece: Piece, value: str, line: str) -> bytes:
    """Code that does not work.

    :param piece: a module or the script.
    :param value: kept, so that each content is another one.
    :param line: what is wrong with it.
    """
    first, second = halves(piece, value)
    return first + line.encode() + b"\n" + second
