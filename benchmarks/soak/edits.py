"""Edits that change what the program has to run."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import time
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.soak.layout import (
    CROWD,
    HARD_OTHER,
    PIECES,
    Form,
    broken,
    content,
    data_piece,
    halves,
)
from benchmarks.soak.project import NO_VALUE, Project
from benchmarks.soak.saves import QUICK_SAVES, SAVES, Save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

#: Something that is done to the project.
Act: TypeAlias = "Callable[[Project, Random], None]"

SYNTAX_ERRORS = ("VALUE = (", "def", "if True:", "VALUE = 'unterminated")

_LONGER_THAN_DELETED_SECONDS = 0.4


def save_piece(project: Project, dice: Random, name: str, how: Save) -> None:
    """Give one file a new value."""
    piece = project.piece(name)
    project.note(f"{how.__name__}: {name}")
    how(project.real(piece), halves(piece, project.fresh(name)), dice)


def save(project: Project, dice: Random, *, how: Save) -> None:
    """Save one file in one way."""
    name = project.pick(dice).name
    with project.saving():
        save_piece(project, dice, name, how)


def delete_and_later_create(project: Project, dice: Random) -> None:
    """A file is gone for so long that the program has to be without it meanwhile."""
    piece = project.pick(dice)
    path = project.real(piece)
    project.note(f"delete: {piece.name}")
    with project.saving():
        os.unlink(path)
        project.values[piece.name] = NO_VALUE
    time.sleep(_LONGER_THAN_DELETED_SECONDS)
    project.note(f"create: {piece.name}")
    with project.saving():
        project.write(path, content(piece, project.fresh(piece.name)))


def write_by_other_name(project: Project, dice: Random) -> None:
    """A hard-linked module is written by its other name.

    If another save has parted the two, the module is replaced by a link to the other name.
    """
    del dice
    piece, other = PIECES["hard"], project.at(HARD_OTHER)
    are_linked = os.path.samefile(project.path(piece), other)
    project.note(f"{'in place' if are_linked else 'link'} by its other name: hard")
    with project.saving():
        project.write(other, content(piece, project.fresh("hard")))
        if not are_linked:
            os.link(other, other + ".tmp")
            os.replace(other + ".tmp", project.path(piece))


def swap_package(project: Project, dice: Random) -> None:
    """A package's directory is replaced by renaming."""
    del dice
    new, old = project.at("project/pack.new"), project.at("project/pack.old")
    for name, file in (("pack", "__init__.py"), ("pack.inner", "inner.py")):
        project.write(os.path.join(new, file), content(PIECES[name], project.fresh(name)))
    project.note("swap the directory: pack")
    with project.saving():
        os.rename(project.at("project/pack"), old)
        os.rename(new, project.at("project/pack"))
    shutil.rmtree(old)


def move_project(project: Project, dice: Random) -> None:
    """The whole project is moved away, edited there, and moved back."""
    away = project.directory + ".away"
    piece = PIECES[dice.choice(("plain", "pack.inner", "space.here", "late"))]
    project.note(f"move away, save there, move back: {piece.name}")
    with project.saving():
        os.rename(project.directory, away)
        time.sleep(dice.uniform(0, 0.04))
        path = project.path(piece).replace(project.directory, away, 1)
        project.write(path, content(piece, project.fresh(piece.name)))
        time.sleep(dice.uniform(0, 0.04))
        os.rename(away, project.directory)


def retarget(project: Project, dice: Random) -> None:
    """A symbolic link is made to lead to another file or directory."""
    link, name = dice.choice(
        (
            ("project/linked.py", "linked"),
            ("project/linkdir", "linkdir.content"),
            ("targets/hop.link", "chained"),
        )
    )
    path = project.at(link)
    before = os.readlink(path)
    # `_1` and `_2` take turns.
    after = before.replace("_1", "_x").replace("_2", "_1").replace("_x", "_2")
    target = os.path.join(os.path.dirname(path), after)
    file = os.path.join(target, "content.py") if name == "linkdir.content" else target
    project.write(file, content(PIECES[name], project.fresh(name)))
    project.note(f"retarget to {after}: {name}")
    with project.saving():
        point(path, after, is_atomic=dice.random() < 0.5)


def swap_volume(project: Project, dice: Random) -> None:
    """A Kubernetes volume gets new content: a link to its directory is replaced."""
    link = project.at("project/volume/..data")
    old, new = os.readlink(link), f"..version_{dice.randrange(10**9)}"
    directory = os.path.dirname(link)
    piece = PIECES["configured"]
    path = os.path.join(directory, new, "configured.py")
    project.write(path, content(piece, project.fresh(piece.name)))
    project.note(f"swap the volume: {piece.name}")
    with project.saving():
        point(link, new, is_atomic=True)
    shutil.rmtree(os.path.join(directory, old))


def point(link: str, target: str, *, is_atomic: bool) -> None:
    """Make a symbolic link lead to another target."""
    if is_atomic:
        os.symlink(target, link + ".tmp")
        os.replace(link + ".tmp", link)
    else:
        os.unlink(link)
        os.symlink(target, link)


def break_syntax(project: Project, dice: Random) -> None:
    """A file does not compile for a while; then it does and has another value."""
    piece = project.pick(dice, Form.MODULE, Form.SCRIPT)
    project.note(f"break the syntax: {piece.name}")
    with project.saving():
        wrong = broken(piece, project.fresh(piece.name), dice.choice(SYNTAX_ERRORS))
        project.write(project.real(piece), wrong)
        time.sleep(dice.uniform(0, 0.3))
        save_piece(project, dice, piece.name, dice.choice(QUICK_SAVES))


def break_name(project: Project, dice: Random) -> None:
    """A file fails when it is imported; then it does not and has another value."""
    # Not "late": an import that fails within a request is tried again at the next one.
    pieces = [piece for piece in PIECES.values() if piece.is_alone and piece.name != "late"]
    piece = dice.choice([piece for piece in pieces if piece.form is not Form.ARCHIVE])
    project.note(f"a name that is not defined: {piece.name}")
    with project.saving():
        wrong = broken(piece, project.fresh(piece.name), "print(not_defined)")
        project.write(project.real(piece), wrong)
        project.values[piece.name] = NO_VALUE
    time.sleep(dice.uniform(0, 0.4))
    with project.saving():
        save_piece(project, dice, piece.name, dice.choice(QUICK_SAVES))


def burst_on_one(project: Project, dice: Random) -> None:
    """One file is saved again and again."""
    name = project.pick(dice).name
    with project.saving():
        for _ in range(dice.randint(2, 10)):
            save_piece(project, dice, name, dice.choice(QUICK_SAVES))
            time.sleep(dice.uniform(0.001, 0.05))


def burst_on_many(project: Project, dice: Random) -> None:
    """Several files are saved one after the other, as by *save all*."""
    with project.saving():
        for _ in range(dice.randint(2, 10)):
            save_piece(project, dice, project.pick(dice).name, dice.choice(QUICK_SAVES))
            time.sleep(dice.uniform(0.001, 0.05))


def write_many(project: Project, dice: Random) -> None:
    """Many files at once, as by a formatter or a renaming."""
    how = dice.choice(QUICK_SAVES)
    names = [name for name in PIECES if PIECES[name].is_alone]
    with project.saving():
        for name in dice.sample(names, dice.randint(2, len(names))):
            save_piece(project, dice, name, how)


def switch_branch(project: Project, dice: Random) -> None:
    """Git rewrites many files while it holds its lock."""
    names = list(PIECES)[-dice.randint(CROWD, len(PIECES) - 1) :]
    gap_seconds = dice.choice((0.0, 0.0, 0.002, 0.01))
    with project.saving(), git_lock(project):
        for name in names:
            save_piece(project, dice, name, SAVES["delete, create at once"])
            time.sleep(gap_seconds)
        # Hooks and filters take their time before git lets go.
        time.sleep(dice.choice((0.0, 0.05, 0.3)))


@contextlib.contextmanager
def git_lock(project: Project) -> Iterator[None]:
    """Git works while the block runs: its lock is there, and becomes the index at the end."""
    lock = project.at("project/.git/index.lock")
    project.note("git's lock is there")
    project.write(lock, b"DIRC")
    yield
    project.write(project.at("project/.git/HEAD"), b"ref: refs/heads/other\n")
    os.replace(lock, project.at("project/.git/index"))
    project.note("git's lock is gone")


def change_data(project: Project, dice: Random) -> None:
    """An extra file is created, changed or deleted."""
    name = dice.choice(("settings", "data.a", "data.b", f"data.n{dice.randrange(20)}"))
    piece, how = data_piece(name), dice.choice(tuple(SAVES.values()))
    is_there = project.values.get(name, NO_VALUE) != NO_VALUE
    is_deleted = is_there and dice.random() < 0.3
    with project.saving():
        if is_deleted:
            project.note(f"delete: {name}")
            os.unlink(project.path(piece))
            project.values[name] = NO_VALUE
        elif is_there:
            save_piece(project, dice, name, how)
        else:
            project.note(f"create: {name}")
            project.write(project.path(piece), content(piece, project.fresh(name)))


#: By name, as in the report, with how often each is wanted.
EDITS: dict[str, tuple[Act, float]] = {
    **{name: (functools.partial(save, how=how), 1.0) for name, how in SAVES.items()},
    "delete, create after 0.4 s": (delete_and_later_create, 0.7),
    "hard link's other name": (write_by_other_name, 1.0),
    "package swapped": (swap_package, 1.0),
    "project moved, edited, moved back": (move_project, 1.0),
    "link retargeted": (retarget, 2.0),
    "volume swapped": (swap_volume, 1.0),
    "syntax error, repaired": (break_syntax, 1.0),
    "NameError, repaired": (break_name, 1.0),
    "burst on one file": (burst_on_one, 0.7),
    "burst on several files": (burst_on_many, 0.7),
    "many files at once": (write_many, 1.0),
    "branch switch": (switch_branch, 0.5),
    "extra file": (change_data, 2.0),
}
