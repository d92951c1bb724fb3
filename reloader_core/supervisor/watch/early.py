"""Reading the project's files while the program loads, before anything is watched.

A touch is told from an edit by content, so the content that the program loaded has
to be known, and soon: right after the start is when somebody saves again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reloader_core.agent.protocol import Loaded
from reloader_core.supervisor.watch.files import digest_of, is_installed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reloader_core.agent.protocol import Record
    from reloader_core.stamp import Stamp


def read_project_files(records: Iterable[Record], contents: dict[str, tuple[Stamp, bytes]]) -> None:
    """Read the files that were reported, but for what is installed.

    :param records: what the program reports.
    :param contents: gets digests by path, each with the stamp it belongs to.
    """
    for record in records:
        if isinstance(record, Loaded) and not is_installed(record.path):
            content = digest_of(record.path)
            if content is not None:
                contents[record.path] = content
