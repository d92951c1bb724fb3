"""The contract on a FUSE file system: ``sshfs``, by a pipe to an SFTP server, without ssh.

Times are whole seconds there, and there are no change times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from reloader_backends import nfs
from reloader_core.testing import RuleNotCheckedError, SourceTraits, open_backend
from reloader_core.testing.disk import Disk
from reloader_core.testing.pytest import change_source_rules
from tests.functional.harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloader_core.model import ChangeSource
    from reloader_core.testing import Rule

_SERVER = "/usr/lib/openssh/sftp-server"
_INTERVAL_SECONDS = 0.05
_TRAITS = SourceTraits(quiet_seconds=4 * _INTERVAL_SECONDS)

#: What SFTP does not tell.
_BEYOND_SFTP = {
    "a write that keeps size and time is hinted at": "the change time is the modification time"
}


@attrs.frozen
class Share:
    """A directory, as it is and through ``sshfs``."""

    server: Path
    client: Path


@pytest.fixture(scope="module")
def share() -> Iterator[Share]:
    if not shutil.which("sshfs") or not os.access(_SERVER, os.X_OK):
        pytest.skip("install these packages: openssh-sftp-server sshfs")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be used here")
    with tempfile.TemporaryDirectory() as directory:
        share = Share(Path(directory, "server"), Path(directory, "client"))
        share.server.mkdir()
        share.client.mkdir()
        command = Path(directory, "command")
        command.write_text(f"#!/bin/sh\nexec {_SERVER}\n")
        command.chmod(0o700)
        options = f"ssh_command={command},dir_cache=no"
        known = subprocess.run(["sshfs", "--help"], capture_output=True, text=True, check=False)
        if "no_contain_symlinks" in known.stdout + known.stderr:
            options += ",no_contain_symlinks"  # links that lead out of their directory
        process = subprocess.Popen(
            ["sshfs", "-f", "-o", options, f"nobody:{share.server}", share.client],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: share.client.is_mount() or process.poll() is not None)
            if process.poll() is not None:
                assert process.stdout is not None
                pytest.skip(f"sshfs cannot mount here: {process.stdout.read().decode().strip()}")
            yield share
        finally:
            if share.client.is_mount():
                subprocess.run(["fusermount3", "-u", share.client], check=False)
            process.terminate()
            process.communicate(timeout=20)


def check(rule: Rule, share: Share, changed: Path) -> None:
    """Check a rule on files that are watched through ``sshfs``, and changed in ``changed``."""
    if reason := _BEYOND_SFTP.get(rule.name) or rule.why_not(share.client, _TRAITS):
        raise RuleNotCheckedError(f"{rule.name}: {reason}")
    place = Path(tempfile.mkdtemp(prefix="rule-", dir=changed))
    # A rule makes its own disk; that it may be one of the server is this module's.
    rule._check(open_source, Disk(share.client / place.name, changed_in=place), _TRAITS)


def open_source() -> ChangeSource:
    return open_backend(nfs, interval=_INTERVAL_SECONDS)


@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract(rule: Rule, share: Share) -> None:
    check(rule, share, share.client)


@pytest.mark.parametrize("rule", change_source_rules())
def test_the_backend_keeps_the_contract_for_edits_on_the_server(rule: Rule, share: Share) -> None:
    check(rule, share, share.server)
