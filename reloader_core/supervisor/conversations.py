"""Changes that the program deals with itself: it is asked, and restarted if it does not.

The program's end is ``reloader_core.child.conversation``, with what is said.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import Change, ChangeBatch
from reloader_core.notices import Level
from reloader_core.supervisor.channel import Channel, Due
from reloader_core.supervisor.messages import Tell, describe_changes
from reloader_core.supervisor.watch.extra_files import Entries

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from reloader_core.supervisor.watch.extra_files import ExtraFiles

#: A program that has not answered by then does not deal with a change.
_ANSWER_SECONDS = 5.0

#: How often is looked whether what it named is watched.
_LOOK_SECONDS = 0.01

#: Nobody names more, or says more at a time.
_MOST_BYTES = 1 << 20


class _LookIfWatched(Due):
    """What was named may be watched by now."""


class _WaitedLongEnough(Due):
    """The program has had its time to answer."""


@attrs.define(eq=False)
class _Partner:
    """One process of the program, and one loader in it.

    :ivar awaited: set when what it named last is watched; ``None`` when it knows that.
    """

    link: socket.socket
    named: Entries = attrs.field(factory=Entries)
    rest: bytes = b""
    awaited: threading.Event | None = None


class Conversations:
    """With the processes of one program after the other.

    :param extra_files: has what they name watched.
    :param decide: called with changes that the program does not deal with.
    :param root: paths below it are shown relative to it.
    """

    def __init__(
        self,
        *,
        channel: Channel,
        extra_files: ExtraFiles,
        decide: Callable[[ChangeBatch], None],
        root: str,
        tell: Tell,
    ) -> None:
        self._channel = channel
        self._extra_files = extra_files
        self._decide = decide
        self._root = root
        self._tell = tell
        self._partners: list[_Partner] = []
        self._last_number = 0
        self._questions: dict[int, tuple[_Partner, str]] = {}
        self._changes: dict[str, Change] = {}
        self._refused: set[str] = set()
        self._noticed_at = 0.0

    @property
    def is_asking(self) -> bool:
        """Whether the program has not answered yet."""
        return bool(self._questions)

    def begin(self, descriptors: Iterable[int]) -> None:
        """The program wants to be asked over these, which are closed here at last."""
        for descriptor in descriptors:
            try:
                link = socket.socket(fileno=descriptor)
            except OSError:
                # It may be anything: the program has the agent's channel, too.
                os.close(descriptor)
                continue
            link.setblocking(False)
            partner = _Partner(link)
            self._partners.append(partner)
            self._channel.attach(link, Due(partial(self._hear, partner)))

    def consider(self, batch: ChangeBatch) -> None:
        """Ask the program about the changes of what it has named; the others are decided on."""
        asked = {
            change.path: [partner for partner in self._partners if partner.named.has(change.path)]
            for change in batch.changes
        }
        if not any(asked.values()) and not self.is_asking:
            self._decide(batch)
            return
        if not self.is_asking:
            self._noticed_at = batch.noticed_at
        for change in batch.changes:
            self._changes[change.path] = change
            if not asked[change.path]:
                self._refused.add(change.path)
            for partner in asked[change.path]:
                self._ask(partner, change.path)
        over = _WaitedLongEnough(self._refuse_rest)
        self._channel.remind(over, time.monotonic() + _ANSWER_SECONDS)
        self._settle()

    def _ask(self, partner: _Partner, path: str) -> None:
        self._last_number += 1
        try:
            partner.link.send(b"%d %s\0" % (self._last_number, os.fsencode(path)))
        except OSError:
            # It is gone, or takes nothing any more.
            self._refused.add(path)
            return
        self._questions[self._last_number] = partner, path

    def _hear(self, partner: _Partner) -> None:
        try:
            data = partner.link.recv(_MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(partner.rest) > _MOST_BYTES:
            self._drop(partner)
            self._settle()
            return
        *items, partner.rest = (partner.rest + data).split(b"\0")
        entries = [os.fsdecode(item[1:]) for item in items if item[:1] == b"F"]
        if entries:
            named, watched = self._extra_files.add(entries)
            partner.named |= named
            partner.awaited = watched
            self._look_if_watched()
        for item in items:
            if item[:1] in (b"Y", b"N") and item[1:].isdigit():
                known, path = self._questions.pop(int(item[1:]), (None, ""))
                if known is not None and item[:1] == b"N":
                    self._refused.add(path)
        self._settle()

    def _look_if_watched(self) -> None:
        """Tell those whose files are watched by now that they are."""
        is_waited_for = False
        for partner in self._partners:
            if partner.awaited is None:
                continue
            if not partner.awaited.is_set():
                is_waited_for = True
                continue
            partner.awaited = None
            # It is noticed elsewhere if it is gone.
            with contextlib.suppress(OSError):
                partner.link.send(b"W\0")
            self._tell(Level.DETAIL, "asked", "the program is asked about changes of its files")
        if is_waited_for:
            look = _LookIfWatched(self._look_if_watched)
            self._channel.remind(look, time.monotonic() + _LOOK_SECONDS)

    def _drop(self, partner: _Partner) -> None:
        """One process less has to be asked: it has ended, and what it was asked with it."""
        self._partners.remove(partner)
        self._channel.detach(partner.link)
        partner.link.close()
        for number, (asked, path) in list(self._questions.items()):
            if asked is partner:
                del self._questions[number]
                self._refused.add(path)

    def _refuse_rest(self) -> None:
        self._refused.update(path for _, path in self._questions.values())
        self._questions.clear()
        self._settle()

    def _settle(self) -> None:
        """Act on the answers, once they are there."""
        if self._questions or not self._changes:
            return
        refused, dealt_with = self._take()
        if dealt_with:
            what = describe_changes(dealt_with, self._root)
            self._tell(Level.INFO, "taken", f"{what}: taken over by the program")
        if refused is not None:
            self._decide(refused)

    def _take(self) -> tuple[ChangeBatch | None, tuple[Change, ...]]:
        self._channel.forget(_WaitedLongEnough)
        changes = tuple(self._changes[path] for path in sorted(self._changes))
        refused = tuple(change for change in changes if change.path in self._refused)
        dealt_with = tuple(change for change in changes if change.path not in self._refused)
        self._changes.clear()
        self._refused.clear()
        if not refused:
            return None, dealt_with
        return ChangeBatch(changes=refused, noticed_at=self._noticed_at), dealt_with

    def end_program(self) -> ChangeBatch | None:
        """The program has ended.

        :returns: changes about which it was still asked.
        """
        for partner in list(self._partners):
            self._drop(partner)
        return self._take()[0] if self._changes else None
