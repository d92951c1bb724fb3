"""When a change may be acted on: at once if it stands alone, after quiet if it is one of many.

A single save must not wait. A branch switch must not restart four hundred
times. Both come from one rule: the running program is stopped at the first
confirmed change, and the next one is let go when the changes have been quiet
for a while: a very short one after a lone change, which passes while the old
program stops, and a longer one once there was a second: as long as the pace of
the writer asks for.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from reloader_core.stamp import Stamp

#: Quiet asked for after a lone change. About what a new interpreter needs to
#: boot, so it costs nothing: it passes meanwhile.
LONE_QUIET_SECONDS = 0.010

#: Quiet asked for after the second change. Longer than the gap between two
#: writes of a formatter, a checkout or an installer.
BURST_QUIET_SECONDS = 0.150

#: A change this soon after the last one of an earlier burst belongs to it,
#: though a program was started in between.
SAME_BURST_SECONDS = 0.5

#: A formatter that needs longer for each file is waited for by its own pace: this
#: many times the longest pause between two files of the burst ...
PACE_FACTOR = 1.5

#: ... but no longer than this.
LONGEST_QUIET_SECONDS = 0.75

#: A burst that never ends is acted on all the same.
LONGEST_BURST_SECONDS = 5.0

#: Version control writes many files and holds a lock meanwhile. Whether the lock
#: is gone is looked at this often, ...
LOCK_LOOK_SECONDS = 0.010

#: ... and no longer than this: a lock may have been left behind by a crash.
LONGEST_LOCK_SECONDS = 10.0

#: File times advance in ticks of the kernel's clock, of up to 10 ms: two saves within
#: one look the same. So what was judged by its content is judged again this much later.
TICK_SECONDS = 0.020

#: Some file systems keep whole seconds, FAT even ones only. There a tick is this long.
WHOLE_SECONDS_TICK_SECONDS = 2.1

#: A file system that does not answer is asked again this much later.
OUT_OF_REACH_SECONDS = 1.0

#: How often it is looked whether a writer has closed a file. Where the kernel
#: tells of that, nobody waits for the look.
WRITER_LOOK_SECONDS = 0.050


@attrs.frozen(kw_only=True)
class Burst:
    """Changes that are acted on together.

    :ivar first_at: when the first was acted on, monotonic seconds.
    :ivar last_at: when the last came in.
    :ivar count: how many times changes came in.
    :ivar pace: the longest pause between two files of it, seconds.
    :ivar held_until: not over before, whatever else; monotonic seconds.
    """

    first_at: float
    last_at: float
    count: int = 1
    paths: frozenset[str] = frozenset()
    pace: float = 0.0
    held_until: float = 0.0

    @classmethod
    def begin(cls, now: float, paths: frozenset[str] = frozenset()) -> Burst:
        """The burst that a first change at ``now`` may turn out to be.

        :param paths: the changed files: several at once are a burst already.
        """
        return cls(first_at=now, last_at=now, count=min(max(len(paths), 1), 2), paths=paths)

    @classmethod
    def after(
        cls,
        earlier: Burst | None,
        now: float,
        paths: frozenset[str] = frozenset(),
        *,
        since: float = 0.0,
    ) -> Burst:
        """The burst of a change at ``now``, told from what led to the running program.

        :param earlier: the changes it was started for, if any.
        :param paths: the changed files; without any, somebody asks for a restart, and
            does not wait for quiet.
        :param since: when it was started. A change before it has loaded the file goes
            unnoticed, so a burst may seem to pause there.
        """
        if not paths or earlier is None or now - max(earlier.last_at, since) > SAME_BURST_SECONDS:
            return cls.begin(now, paths)
        return attrs.evolve(earlier.grow(now, paths), first_at=now, count=2)

    def grow(self, now: float, paths: frozenset[str] = frozenset()) -> Burst:
        """The burst with one more change at ``now``.

        One file that is saved again and again says nothing about the pace. Whoever asks
        for a restart, without a changed file, has one on the way already.
        """
        if not paths:
            return self
        is_another = not paths <= self.paths
        return attrs.evolve(
            self,
            last_at=now,
            count=self.count + 1,
            paths=self.paths | paths,
            pace=max(self.pace, now - self.last_at) if is_another else self.pace,
        )

    def hold(self, until: float) -> Burst:
        """The burst, not over before ``until``, whatever was said of that before."""
        return attrs.evolve(self, held_until=until)

    @property
    def quiet_at(self) -> float:
        """When it counts as over if nothing else comes in, monotonic seconds."""
        quiet = LONE_QUIET_SECONDS
        if self.count > 1:
            paced = min(self.pace * PACE_FACTOR, LONGEST_QUIET_SECONDS)
            quiet = max(BURST_QUIET_SECONDS, paced)
        over = min(self.last_at + quiet, self.first_at + LONGEST_BURST_SECONDS)
        return max(over, self.held_until)


class Doubt(enum.Enum):
    """Why a difference may not last."""

    NONE = "none"
    DELETED = "it is gone"
    EMPTIED = "it is empty and was not"
    WRITER = "somebody has it open for writing"
    SAID_TO_BE_WRITTEN = "the backend says that somebody is writing it"
    UNKNOWN_WRITER = "nobody can say whether somebody is writing it"
    UNREADABLE = "it cannot be read"


_PATIENCE_SECONDS = {
    Doubt.NONE: 0.0,
    # Often on its way back: editors delete and write anew.
    Doubt.DELETED: 0.150,
    # Probably just truncated: soon it is either filled or meant to be empty.
    Doubt.EMPTIED: 0.100,
    # It is looked at again when the writer closes it. One that only keeps it open and
    # writes nothing for this long is done, or will never be.
    Doubt.WRITER: 10.0,
    Doubt.SAID_TO_BE_WRITTEN: 0.300,
    # Between two writes of one save there is less.
    Doubt.UNKNOWN_WRITER: 0.030,
    Doubt.UNREADABLE: 0.300,
}


def tick_seconds(stamp: Stamp | None) -> float:
    """When a file in this state is judged by its content once more.

    :param stamp: its times tell how coarse the clock of its file system is.
    :returns: seconds from now.
    """
    if stamp is not None and stamp.has_whole_seconds:
        return WHOLE_SECONDS_TICK_SECONDS
    return TICK_SECONDS


def patience_seconds(doubt: Doubt) -> float:
    """For how long a file has to stay as it is before a difference is believed.

    :param doubt: why it may not last.
    :returns: seconds, counted from when its stamp was first seen as it is now; 0.0
        to believe it now.
    """
    return _PATIENCE_SECONDS[doubt]
