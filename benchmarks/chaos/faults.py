"""The faults: each takes a session and a source of chance, and leaves a project that can run.

One that ends the supervisor returns the exit code that this must have.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.chaos.session import Session, pause
from reloader_core.control import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Fault: TypeAlias = Callable[[Session, Random], int | None]

#: How many inotify watches this user namespace may have, if it can be set.
_LIMIT = Path("/proc/sys/user/max_inotify_watches")

#: What can go wrong with a program within one round takes no longer, mostly.
_SHORT_SECONDS = 0.08


def kill_the_program(session: Session, chance: Random) -> None:
    """It dies of a signal; the next edit starts it again."""
    session.signal_program(chance.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]))
    pause(chance, _SHORT_SECONDS)
    session.edit()


def kill_the_program_while_it_restarts(session: Session, chance: Random) -> None:
    """The same, at some moment between the edit and the new code."""
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.signal_program(signal.SIGKILL)
    pause(chance, _SHORT_SECONDS)
    session.edit()


def kill_the_keeper(session: Session, chance: Random) -> None:
    """The process between supervisor and program dies, at rest or during a restart."""
    if chance.random() < 0.5:
        session.edit()
        pause(chance, _SHORT_SECONDS)
    with contextlib.suppress(IndexError):
        session.keeper.kill()
    # What had no parent but the keeper can be known to nobody now.
    pause(chance, _SHORT_SECONDS)
    session.edit()
    session.client.wait(20.0)
    for pid in session.survivors(*session.family_of(session.program or 0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def close_the_agents_pipe(session: Session, chance: Random) -> None:
    """The program closes all that it was given, as a daemon does."""
    session.signal_program(signal.SIGUSR1)
    pause(chance, _SHORT_SECONDS)
    session.edit()


def suspend_the_supervisor(session: Session, chance: Random) -> None:
    """As when the machine sleeps: two edits meanwhile."""
    session.process.send_signal(signal.SIGSTOP)
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.edit()
    session.process.send_signal(signal.SIGCONT)


def suspend_the_program(session: Session, chance: Random) -> None:
    """It is stopped when it is asked to end."""
    session.signal_program(signal.SIGSTOP)
    pause(chance, _SHORT_SECONDS)
    session.edit()


def suspend_all(session: Session, chance: Random) -> None:
    """SIGTSTP and SIGCONT to the supervisor, with an edit in between."""
    session.process.send_signal(signal.SIGTSTP)
    pause(chance, _SHORT_SECONDS)
    session.edit()
    session.process.send_signal(signal.SIGCONT)


def break_a_hook(session: Session, chance: Random) -> None:
    """A plugin raises, exits, answers nonsense or blocks, in whatever hook is called."""
    session.write("plugin_mode", chance.choice(["raise", "exit", "nonsense", "block"]))
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.write("plugin_mode", "")
    session.edit()


def fill_the_pipe(session: Session, chance: Random) -> None:
    """Nobody reads what the program writes: it hangs, and is replaced all the same."""
    session.may_read.clear()
    session.signal_program(signal.SIGUSR2)
    pause(chance, _SHORT_SECONDS)
    session.edit()
    pause(chance, 1.0)
    session.may_read.set()


def move_the_directory(session: Session, chance: Random) -> None:
    """The project is moved away and back, with an edit in it."""
    session.move_away()
    pause(chance, _SHORT_SECONDS)
    session.move_back()
    session.edit()


def remove_the_directory(session: Session, chance: Random) -> None:
    """The project is removed and made anew."""
    session.remove()
    pause(chance, 0.3)
    session.value += 1
    session.make_project()


def edit_twice(session: Session, chance: Random) -> None:
    """Two edits, the second at some moment of the restart for the first."""
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.edit()


def break_the_code(session: Session, chance: Random) -> None:
    """Code that does not compile, or that crashes, and its repair."""
    session.write("value.py", chance.choice(["VALUE = (\n", "VALUE = 1 / 0\n", "import nowhere\n"]))
    pause(chance, 0.3)
    session.edit()


def break_the_configuration(session: Session, chance: Random) -> None:
    """pyproject.toml is wrong for a while, and then means something else."""
    session.write("pyproject.toml", chance.choice(["[tool.", "[tool.reloader]\nnonsense = 1\n"]))
    pause(chance, _SHORT_SECONDS)
    session.edit()
    seconds = chance.choice([0.4, 0.5, 0.6])
    session.write("pyproject.toml", f"[tool.reloader]\ngrace_seconds = {seconds}\n")


def ask_for_restarts(session: Session, chance: Random) -> None:
    """Somebody asks, by signal and by socket, at the moment of an edit."""
    session.process.send_signal(signal.SIGHUP)
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.client.restart()


def pause_and_resume(session: Session, chance: Random) -> None:
    """A tool brackets its edits."""
    session.client.pause()
    session.edit()
    pause(chance, _SHORT_SECONDS)
    session.edit()
    session.client.resume()


def talk_nonsense(session: Session, chance: Random) -> None:
    """Somebody who connects says anything, or hangs up."""
    with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
        link.connect(session.address)
        link.send(chance.randbytes(chance.randrange(5000)))
    session.edit()


def exhaust_inotify(session: Session, chance: Random) -> int | None:
    """The user has no watches left. Another backend serves; the supervisor is ended then."""
    if not os.access(_LIMIT, os.W_OK) or os.environ.get("CHAOS_OWN_NAMESPACE") != "1":
        session.edit()
        return None
    limit = _LIMIT.read_text()
    try:
        _LIMIT.write_text("1")
        session.write("late.py", "")
        session.write("value.py", f"import late\nVALUE = {session.value}\n")
        session.client.wait(20.0)
        session.edit()
        session.client.wait(20.0)
    finally:
        _LIMIT.write_text(limit)
    return end_by(session, chance, signal.SIGTERM)


def press_ctrl_c(session: Session, chance: Random) -> int:
    """SIGINT to all, as a terminal sends it."""
    return _end_at_any_moment(session, chance, signal.SIGINT)


def terminate(session: Session, chance: Random) -> int:
    """SIGTERM to the supervisor."""
    return _end_at_any_moment(session, chance, signal.SIGTERM)


def kill_the_supervisor(session: Session, chance: Random) -> int:
    """SIGKILL to the supervisor."""
    return _end_at_any_moment(session, chance, signal.SIGKILL)


def _end_at_any_moment(session: Session, chance: Random, number: signal.Signals) -> int:
    if chance.random() < 0.5:
        session.edit()
        pause(chance, _SHORT_SECONDS)
    return end_by(session, chance, number)


def end_by(session: Session, chance: Random, number: signal.Signals) -> int:
    """End the supervisor with a signal."""
    if number == signal.SIGINT:
        with contextlib.suppress(ControlError, ProcessLookupError, PermissionError):
            os.killpg(session.process.pid, number)
    else:
        session.process.send_signal(number)
    return -number if number == signal.SIGKILL else 128 + number


#: How often each is chosen.
FAULTS: dict[Fault, int] = {
    kill_the_program: 2,
    kill_the_program_while_it_restarts: 2,
    kill_the_keeper: 1,
    close_the_agents_pipe: 1,
    suspend_the_supervisor: 2,
    suspend_the_program: 1,
    suspend_all: 1,
    break_a_hook: 1,
    fill_the_pipe: 1,
    move_the_directory: 1,
    remove_the_directory: 1,
    edit_twice: 3,
    break_the_code: 2,
    break_the_configuration: 2,
    ask_for_restarts: 1,
    pause_and_resume: 1,
    talk_nonsense: 1,
    exhaust_inotify: 1,
    press_ctrl_c: 1,
    terminate: 1,
    kill_the_supervisor: 1,
}
