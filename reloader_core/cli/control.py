"""The commands that ask a running supervisor: status, restart, wait, pause, resume."""

from __future__ import annotations

import functools
import json
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from reloader_core.control import Client, ControlError, NotRunningError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reloader_core.control import Status

#: Exit codes of ``reloader wait`` beside 0.
FAILED_CODE = 1
TIMEOUT_CODE = 124  # as timeout(1) has it

_Answer = tuple[int, str, dict[str, Any]]


def _asking(function: Callable[..., _Answer]) -> Callable[..., NoReturn]:
    """Make a command of a function that returns exit code, text and JSON members."""

    @click.option(
        "--json", "is_json", is_flag=True, help="Print one JSON object, also for an error."
    )
    @click.option(
        "-C",
        "--directory",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        help="A directory of the project; default: the working directory.",
    )
    @functools.wraps(function)
    def command(*, is_json: bool, directory: str | None, **options: object) -> NoReturn:
        try:
            code, text, members = function(Client(directory), **options)
        except ControlError as error:
            code, text = error.exit_code, f"[reloader] error: {error}"
            kind = "not-running" if isinstance(error, NotRunningError) else "refused"
            members = {"error": str(error), "kind": kind}
        if is_json:
            click.echo(json.dumps({"ok": code == 0, **members}))
        elif text:
            click.echo(text, err=code != 0)
        sys.exit(code)

    return command


@click.command()
@_asking
def status(client: Client) -> _Answer:
    """Say what runs, since when, what was restarted and why, and what is wrong."""
    found = client.status()
    members = found._asdict()
    members["restarts"] = [restart._asdict() for restart in found.restarts]
    return 0, "\n".join(_describe(found)), members


@click.command()
@click.option("--wait", "is_waiting", is_flag=True, help="And wait until the program is ready.")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0), default=60.0, show_default=True
)
@_asking
def restart(client: Client, *, is_waiting: bool, timeout: float) -> _Answer:
    """Restart the program, or start it if it waits for a change."""
    client.restart()
    return _wait(client, timeout) if is_waiting else (0, "", {})


@click.command()
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long to wait at most.",
)
@_asking
def wait(client: Client, *, timeout: float) -> _Answer:
    """Wait until the process that serves runs the code that is on disk now.

    Exit code: 0 when it does and is ready; 1 when that code cannot run, with its
    traceback; 124 when the time is over; 3 if no supervisor runs here.
    """
    return _wait(client, timeout)


@click.command()
@click.option(
    "--timeout",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    help="Resume by then, whatever happens.",
)
@_asking
def pause(client: Client, *, seconds: float) -> _Answer:
    """Keep changes until `reloader resume`, which acts on them all at once."""
    client.pause(seconds)
    return 0, "", {}


@click.command()
@_asking
def resume(client: Client) -> _Answer:
    """Act on all changes since `reloader pause`."""
    client.resume()
    return 0, "", {}


def _wait(client: Client, timeout: float) -> _Answer:
    result = client.wait(timeout)
    members = result._asdict()
    if result.is_ready:
        return 0, "", members
    if result.outcome == "timeout":
        text = f"[reloader] error: not ready within {timeout:g} s: {result.error}"
        return TIMEOUT_CODE, text, members
    return FAILED_CODE, (result.error or "").rstrip("\n"), members


def _describe(found: Status) -> list[str]:
    now = time.time()
    lines = [f"{found.title}: {found.state}"]
    if found.state == "running" and not found.is_ready:
        lines[0] += ", not ready yet"
    if found.pid is not None and found.since is not None:
        lines[0] += f" for {_age(now - found.since)} (pid {found.pid}, start {found.generation})"
    if found.state == "waiting":
        lines[0] += " for a change"
    lines.append(f"watching {found.files} files with {found.backend}, below {found.project_root}")
    if found.holds:
        held = f": {', '.join(found.held)}" if found.held else ""
        lines.append(f"changes are on hold, {' and '.join(found.holds)}{held}")
    for past in found.restarts:
        when = _age(now - past.at)
        lines.append(f"restarted {when} ago in {past.seconds * 1000:.0f} ms: {past.reason}")
    if found.error:
        lines += ["last error:", *(f"  {line}" for line in found.error.splitlines())]
    return lines


def _age(seconds: float) -> str:
    """A duration for people: "3 s", "12 min", "2 h 5 min"."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
