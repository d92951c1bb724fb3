"""When a change may be acted on: at once if it stands alone, after quiet if it is one of many.

A single save must not wait. A branch switch must not restart four hundred
times. Both come from one rule: the running program is stopped at the first
confirmed change, and the next one is let go when the changes have been quiet
for a while: a very short one after a lone change, which passes while the old
program stops, and a longer one once there was a second.
"""

from __future__ import annotations

import attrs

from reloader_core.model import ChangeKind

#: Quiet asked for after a lone change. About what a new interpreter needs to
#: boot, so it costs nothing: it passes meanwhile.
LONE_QUIET_SECONDS = 0.010

#: Quiet asked for after the second change. Longer than the gap between two
#: writes of a formatter, a checkout or an installer.
BURST_QUIET_SECONDS = 0.150

#: A change this soon after the last one of an earlier burst belongs to it,
#: though a program was started in between.
SAME_BURST_SECONDS = 0.5

#: A burst that never ends is acted on all the same.
LONGEST_BURST_SECONDS = 5.0

#: A deleted file is often on its way back: editors delete and write anew.
DELETED_RECHECK_SECONDS = 0.150

#: A file whose writer still has it open is looked at again when it was closed,
#: or after this long without a word from the writer.
WRITING_RECHECK_SECONDS = 0.300

#: An empty file that was not empty has probably just been truncated. Looked
#: at again this much later, it is either filled or meant to be empty.
EMPTIED_RECHECK_SECONDS = 0.100


@attrs.frozen(kw_only=True)
class Burst:
    """Changes that are acted on together.

    :ivar first_at: when the first was acted on, monotonic seconds.
    :ivar last_at: when the last came in.
    :ivar count: how many times changes came in.
    """

    first_at: float
    last_at: float
    count: int = 1

    @classmethod
    def begin(cls, now: float) -> Burst:
        """The burst that a first change at ``now`` may turn out to be."""
        return cls(first_at=now, last_at=now)

    @classmethod
    def after(cls, earlier: Burst | None, now: float) -> Burst:
        """The burst of a change at ``now``, told from what led to the running program.

        :param earlier: the changes it was started for, if any.
        """
        if earlier is None or now - earlier.last_at > SAME_BURST_SECONDS:
            return cls.begin(now)
        return cls(first_at=now, last_at=now, count=2)

    def grow(self, now: float) -> Burst:
        """The burst with one more change at ``now``."""
        return attrs.evolve(self, last_at=now, count=self.count + 1)

    @property
    def quiet_at(self) -> float:
        """When it counts as over if nothing else comes in, monotonic seconds."""
        quiet = LONE_QUIET_SECONDS if self.count == 1 else BURST_QUIET_SECONDS
        return min(self.last_at + quiet, self.first_at + LONGEST_BURST_SECONDS)


def recheck_seconds(kind: ChangeKind, *, is_being_written: bool, is_emptied: bool) -> float:
    """How long to wait before a difference is believed.

    :param kind: what the difference looks like now.
    :param is_being_written: a writer was seen with the file open.
    :param is_emptied: the file is empty and was not.
    :returns: seconds after which to compare again; 0.0 to believe it now.
    """
    if is_being_written:
        return WRITING_RECHECK_SECONDS
    if kind is ChangeKind.DELETED:
        return DELETED_RECHECK_SECONDS
    if is_emptied:
        return EMPTIED_RECHECK_SECONDS
    return 0.0
