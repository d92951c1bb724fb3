"""Ways in which a file gets new content: editors, tools, and those that keep or set back times.

Each function takes a path and the content the file is to have.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Save: TypeAlias = Callable[[Path, str], None]

_HOUR_SECONDS = 3600


def save_in_place(path: Path, content: str) -> None:
    path.write_text(content)


def save_over_the_old_bytes(path: Path, content: str) -> None:
    """Without truncating first: the file is never empty."""
    with path.open("r+") as file:
        file.write(content)
        file.truncate()


def save_by_atomic_replace(path: Path, content: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(content)
    os.replace(temporary, path)


def save_as_vim(path: Path, content: str) -> None:
    """`backupcopy=no`: rename the old file away, write a new one, delete the backup."""
    backup = path.with_name(path.name + "~")
    os.rename(path, backup)
    path.write_text(content)
    os.unlink(backup)


def save_as_vim_by_copying(path: Path, content: str) -> None:
    """`backupcopy=yes`: try whether the directory can be written, copy, write in place."""
    probe = path.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = path.with_name(path.name + "~")
    shutil.copy2(path, backup)
    path.write_text(content)
    backup.unlink()


def save_as_emacs_by_copying(path: Path, content: str) -> None:
    """`backup-by-copying`: the lock of a file being edited is a link that leads nowhere."""
    with _emacs_lock(path):
        shutil.copy2(path, path.with_name(path.name + "~"))
        path.write_text(content)


def save_as_emacs_by_renaming(path: Path, content: str) -> None:
    """The default: the old file becomes the backup, which stays."""
    with _emacs_lock(path):
        os.rename(path, path.with_name(path.name + "~"))
        path.write_text(content)


@contextlib.contextmanager
def _emacs_lock(path: Path) -> Iterator[None]:
    lock = path.with_name(".#" + path.name)
    lock.symlink_to("user@host.1234:1700000000")
    yield
    lock.unlink()


def save_as_pycharm(path: Path, content: str) -> None:
    """`safe write`: write beside, move the old away, move the new in, delete the old."""
    new, old = (
        path.with_name(path.name + "___jb_tmp___"),
        path.with_name(path.name + "___jb_old___"),
    )
    new.write_text(content)
    os.rename(path, old)
    os.rename(new, path)
    os.unlink(old)


def save_by_delete_and_create(path: Path, content: str) -> None:
    path.unlink()
    path.write_text(content)


def save_in_place_with_the_old_times(path: Path, content: str) -> None:
    status = path.stat()
    path.write_text(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def save_by_replace_with_the_old_times(path: Path, content: str) -> None:
    status = path.stat()
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(content)
    os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(temporary, path)


def save_with_a_time_going_back(path: Path, content: str) -> None:
    earlier = path.stat().st_mtime - _HOUR_SECONDS
    path.write_text(content)
    os.utime(path, (earlier, earlier))


def save_by_moving_an_older_file_over(path: Path, content: str) -> None:
    os.replace(_older_file(path, content), path)


def save_by_copying_an_older_file(path: Path, content: str) -> None:
    """`cp -p`: writes in place, then sets the times."""
    older = _older_file(path, content)
    subprocess.run(["cp", "-p", older, path], check=True)
    older.unlink()


def save_as_rsync(path: Path, content: str) -> None:
    """`rsync -t`: a hidden file with the source's times is renamed."""
    hidden = path.with_name(f".{path.name}.Xk3fQz")
    os.replace(_older_file(path, content), hidden)
    os.replace(hidden, path)


def _older_file(path: Path, content: str) -> Path:
    older = path.with_name("older.txt")
    older.write_text(content)
    earlier = path.stat().st_mtime - _HOUR_SECONDS
    os.utime(older, (earlier, earlier))
    return older


#: Of editors and the tools that behave like them.
EDITORS_SAVES: tuple[Save, ...] = (
    save_in_place,
    save_over_the_old_bytes,
    save_by_atomic_replace,
    save_as_vim,
    save_as_vim_by_copying,
    save_as_emacs_by_copying,
    save_as_emacs_by_renaming,
    save_as_pycharm,
    save_by_delete_and_create,
)

#: After which a file is not newer than before.
SAVES_WITH_OLD_TIMES: tuple[Save, ...] = (
    save_in_place_with_the_old_times,
    save_by_replace_with_the_old_times,
    save_with_a_time_going_back,
    save_by_moving_an_older_file_over,
    save_by_copying_an_older_file,
    save_as_rsync,
)


def write_slowly(path: Path, pieces: Sequence[str], pauses_seconds: Sequence[float]) -> None:
    """Truncate a file, then write it piece by piece without closing it in between.

    :param pauses_seconds: after each piece but the last.
    """
    with path.open("w") as file:
        for piece, pause in zip(pieces, (*pauses_seconds, 0.0), strict=True):
            file.write(piece)
            file.flush()
            time.sleep(pause)  # the writer's own pace, not a wait for anything


def retarget(link: Path, target: Path | str) -> None:
    """Point a symbolic link elsewhere in one step."""
    other = link.with_name(link.name + ".new")
    other.symlink_to(target)
    os.replace(other, link)
