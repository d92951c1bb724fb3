"""What is done to the project and leaves the program as it is: no restart is due."""

from __future__ import annotations

import contextlib
import os
import py_compile
import sqlite3
import time
from typing import TYPE_CHECKING

from benchmarks.soak.edits import SYNTAX_ERRORS, Act, git_lock, point
from benchmarks.soak.layout import PIECES, Form, broken, content, halves
from benchmarks.soak.saves import QUICK_SAVES, SAVES

if TYPE_CHECKING:
    from random import Random

    from benchmarks.soak.project import Project


def touch(project: Project, dice: Random) -> None:
    """New times."""
    piece = project.pick(dice)
    project.note(f"touch: {piece.name}")
    os.utime(project.real(piece))


def chmod(project: Project, dice: Random) -> None:
    """New permissions."""
    piece = project.pick(dice)
    project.note(f"chmod: {piece.name}")
    os.chmod(project.real(piece), dice.choice((0o600, 0o644, 0o664, 0o755)))


def save_identically(project: Project, dice: Random) -> None:
    """The same content, saved in any way."""
    piece = project.pick(dice)
    name = dice.choice(tuple(SAVES))
    project.note(f"{name}, identical: {piece.name}")
    with project.saving():
        SAVES[name](project.real(piece), halves(piece, project.values[piece.name]), dice)


def undo(project: Project, dice: Random) -> None:
    """An edit and its undoing within a millisecond."""
    piece, how = project.pick(dice), dice.choice(QUICK_SAVES)
    before = project.current(piece)
    value = project.values[piece.name]
    after = content(piece, project.fresh(piece.name))
    project.values[piece.name] = value
    project.note(f"{how.__name__}, undone at once: {piece.name}")
    with project.saving():
        how(project.real(piece), (after, b""), dice)
        how(project.real(piece), (before, b""), dice)


def break_and_undo(project: Project, dice: Random) -> None:
    """A file does not compile for a while; then all is as it was."""
    piece = project.pick(dice, Form.MODULE, Form.SCRIPT)
    value = project.values[piece.name]
    project.note(f"break the syntax, and undo it: {piece.name}")
    with project.saving():
        wrong = broken(piece, value, dice.choice(SYNTAX_ERRORS))
        project.write(project.real(piece), wrong)
        time.sleep(dice.uniform(0, 0.3))
        project.write(project.real(piece), content(piece, value))


def write_logs(project: Project, dice: Random) -> None:
    """Lines are appended to a log beside the code."""
    project.note("write a log")
    for _ in range(dice.randint(1, 20)):
        with open(project.at("project/app.log"), "a", encoding="utf-8") as file:
            file.write("GET / 200\n")


def write_database(project: Project, dice: Random) -> None:
    """A database beside the code is written."""
    project.note("write a database")
    database = sqlite3.connect(project.at("project/state.sqlite"))
    with contextlib.closing(database), database:
        database.execute("CREATE TABLE IF NOT EXISTS numbers (number)")
        database.execute("INSERT INTO numbers VALUES (?)", (dice.randrange(1000),))


def write_caches(project: Project, dice: Random) -> None:
    """Bytecode of a module is compiled anew, and other caches are written."""
    piece = project.pick(dice, Form.MODULE)
    project.note(f"compile, write caches: {piece.name}")
    py_compile.compile(project.path(piece), doraise=True)
    project.write(project.at(f"project/cache/{dice.randrange(5)}.json"), b"{}")
    project.write(project.at("project/__pycache__/gone.pyc"), b"stale")


def write_git(project: Project, dice: Random) -> None:
    """A commit: git writes its own files only."""
    project.note("commit")
    with git_lock(project):
        number = dice.randrange(10**9)
        project.write(project.at("project/.git/refs/heads/main"), b"%040x\n" % number)
        project.write(project.at(f"project/.git/objects/{number % 256:02x}/x"), b"blob")
        project.write(project.at("project/.git/COMMIT_EDITMSG"), b"message\n")


def write_unimported(project: Project, dice: Random) -> None:
    """Modules that the program does not import are written, or come and go."""
    project.note("write modules that are not imported")
    project.write(project.at("project/unimported.py"), b"VALUE = %d\n" % dice.randrange(1000))
    beside = project.at(f"project/pack/unimported_{dice.randrange(3)}.py")
    project.write(beside, b"VALUE = 0\n")
    if dice.random() < 0.5:
        os.unlink(beside)


def read_files(project: Project, dice: Random) -> None:
    """All files are opened and read; one also for writing, which is not done."""
    project.note("read all files")
    for piece in PIECES.values():
        with open(project.path(piece), "rb") as file:
            file.read()
    with open(project.path(project.pick(dice)), "r+b"):
        pass


def move_project_only(project: Project, dice: Random) -> None:
    """The whole project is moved away and back."""
    project.note("move away and back")
    away = project.directory + ".away"
    with project.saving():
        os.rename(project.directory, away)
        time.sleep(dice.uniform(0, 0.08))
        os.rename(away, project.directory)


def replace_links(project: Project, dice: Random) -> None:
    """A symbolic link is replaced by one that says the same; a hard link comes and goes."""
    link = project.at(dice.choice(("project/linked.py", "project/linkdir", "project/hop.link")))
    project.note("replace a link by the same")
    with project.saving():
        point(link, os.readlink(link), is_atomic=dice.random() < 0.5)
    another = project.at("targets/another_name.py")
    os.link(project.path(project.pick(dice, Form.MODULE)), another)
    os.unlink(another)


def switch_and_back(project: Project, dice: Random) -> None:
    """Git switches to another branch and back, as ``git stash; git stash pop`` does."""
    pieces = list(PIECES.values())[-dice.randint(40, 60) :]
    project.note("switch the branch and back")
    how = SAVES["delete, create at once"]
    with project.saving(), git_lock(project):
        for piece in pieces:
            how(project.real(piece), (content(piece, "r000000.0000"), b""), dice)
        for piece in pieces:
            how(project.real(piece), (project.current(piece), b""), dice)


def do_nothing(project: Project, dice: Random) -> None:
    """Nothing happens for a while."""
    project.note("nothing")
    time.sleep(dice.uniform(0.3, 0.8))


#: By name, as in the report, with how often each is wanted.
NEEDLESS: dict[str, tuple[Act, float]] = {
    "touch": (touch, 1.0),
    "chmod": (chmod, 1.0),
    "identical save": (save_identically, 2.0),
    "edit undone at once": (undo, 1.0),
    "syntax error, undone": (break_and_undo, 0.7),
    "log": (write_logs, 0.7),
    "database": (write_database, 0.5),
    "bytecode and caches": (write_caches, 1.0),
    "commit": (write_git, 0.7),
    "modules not imported": (write_unimported, 1.0),
    "files read": (read_files, 0.7),
    "project moved and back": (move_project_only, 1.0),
    "link replaced by the same": (replace_links, 0.7),
    "branch switched and back": (switch_and_back, 0.5),
    "nothing": (do_nothing, 0.3),
}
