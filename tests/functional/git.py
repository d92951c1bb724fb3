"""Real git repositories, made without the user's own configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    """A repository; what is in the directory is its first commit, on branch ``main``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self("init", "--quiet", "--initial-branch", "main")
        self.commit("first")

    def __call__(self, *arguments: str) -> None:
        """Run a git command."""
        environment = {key: value for key, value in os.environ.items() if key[:4] != "GIT_"}
        environment["GIT_CONFIG_GLOBAL"] = environment["GIT_CONFIG_SYSTEM"] = os.devnull
        for role in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{role}_NAME"] = "Somebody"
            environment[f"GIT_{role}_EMAIL"] = "somebody@example.org"
        command = ["git", "-c", "gc.auto=0", *arguments]
        subprocess.run(
            command, cwd=self.directory, env=environment, check=True, capture_output=True
        )

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self("add", "--all")
        self("commit", "--quiet", "--message", message)

    @property
    def index_lock(self) -> Path:
        """The file that is there while git changes the working tree."""
        return self.directory / ".git" / "index.lock"
