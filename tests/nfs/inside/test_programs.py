"""Real programs with their code, or with extra files, on a mount."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.functional.harness import Workshop
from tests.functional.live import Live, assign
from tests.nfs.inside import mounts, server
from tests.nfs.inside.sources import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.nfs.inside.mounts import Share

#: The core stops what does not stop itself after its ``grace_seconds``.
_PROMPT_SECONDS = 8.0


@pytest.fixture
def local(workshop: Workshop) -> Live:
    """A program whose code is not on the mount."""
    live = Live(workshop, NAME)
    live.write("pyproject.toml", f"[tool.reloader.{NAME}]\ntimeout_seconds = 2.0\n")
    return live


@pytest.fixture
def remote(share: Share) -> Iterator[Live]:
    """A program whose code is on the mount."""
    project = Workshop(share.client)
    live = Live(project, NAME)
    live.write("pyproject.toml", f"[tool.reloader.{NAME}]\ntimeout_seconds = 2.0\n")
    yield live
    project.close()


def lines_of(live: Live, share: Share) -> list[str]:
    """What the user was told of the mount itself."""
    name = re.compile(rf"{re.escape(str(share.mount_point))}(?!/)")
    return [line for line in live.err.lines if name.search(line)]


def until_told(live: Live, share: Share, *, start: int = 0) -> int:
    """Wait until the user is told of the mount.

    :returns: how many lines there were by then.
    """
    live.err.wait_for(rf"{re.escape(str(share.mount_point))}(?!/)", start=start)
    return len(live.err.lines)


def test_edits_on_the_server_restart_a_program_on_the_mount(remote: Live, share: Share) -> None:
    remote.start()
    remote.expect("one")
    for value in ("two", "three", "four"):
        share.on_server(remote.value_file).write_text(assign(value))
        remote.expect(value)
    assert remote.finish() == ["one", "two", "three", "four"]


def test_a_program_goes_on_while_the_server_of_its_extra_files_is_away(
    local: Live, share: Share
) -> None:
    settings = share.server / "settings.json"
    settings.write_text("{}")
    local.start("--extra-file", f"{share.client}/")
    local.expect("one")
    with server.stopped():
        back = time.monotonic() + 20.0
        told = until_told(local, share)
        for value in ("two", "three"):
            local.edit(value)
            local.expect(value)
        time.sleep(max(0.0, back - time.monotonic()))  # its absence is the subject
        local.edit("four")
        local.expect("four")
        assert len(lines_of(local, share)) == 1
    until_told(local, share, start=told)
    settings.write_text('{"x": 1}')
    local.err.wait_for(r"settings\.json changed: restarted")
    local.expect("four")
    assert local.finish() == ["one", "two", "three", "four", "four"]
    assert len(lines_of(local, share)) == 2


def test_a_program_on_the_mount_goes_on_when_the_server_is_back(remote: Live, share: Share) -> None:
    remote.start()
    remote.expect("one")
    with server.stopped():
        told = until_told(remote, share)
    until_told(remote, share, start=told)
    share.on_server(remote.value_file).write_text(assign("two"))
    remote.expect("two")
    assert remote.finish() == ["one", "two"]
    assert len(lines_of(remote, share)) == 2


def end_by_control_c_without_server(live: Live, share: Share) -> None:
    live.expect("one")
    with server.stopped():
        until_told(live, share)
        started = time.monotonic()
        assert live.running.stop(signal.SIGINT) == 130
        assert time.monotonic() - started < _PROMPT_SECONDS


def test_control_c_ends_it_while_the_server_of_its_extra_files_is_away(
    local: Live, share: Share
) -> None:
    (share.server / "settings.json").write_text("{}")
    local.start("--extra-file", f"{share.client}/")
    end_by_control_c_without_server(local, share)


def test_control_c_ends_a_program_on_the_mount_while_the_server_is_away(
    remote: Live, share: Share
) -> None:
    remote.start()
    end_by_control_c_without_server(remote, share)


def test_the_same_files_on_another_device_restart_nothing(
    local: Live, options: str, tmp_path: Path
) -> None:
    (point := tmp_path / "mount").mkdir()
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        first.enter_context(mounts.mounted(options, point))
        share = first.enter_context(mounts.shared(options, point))
        (share.server / "settings.json").write_text("{}")
        local.start("--extra-file", f"{share.client}/")
        local.expect("one")
        before = point.stat().st_dev
        with local.asleep():  # or it would see that there is nothing for a moment
            first.close()
            second.enter_context(mounts.mounted(options))  # takes the number that is free now
            second.enter_context(mounts.mounted(options, point))
        assert point.stat().st_dev != before
        (share.server / "settings.json").write_text('{"x": 1}')
        local.err.wait_for(r"settings\.json changed: restarted")
        local.expect("one")
        assert local.finish() == ["one", "one"]
