"""Which rules each broken source must be found to break."""

from __future__ import annotations

import attrs

from tests.unit import broken_calls as calls
from tests.unit import broken_sources as looks


@attrs.frozen(kw_only=True)
class Breakage:
    """What a broken source makes of the contract.

    :ivar says: a part of the message.
    :ivar breaks: rules that it must be found to break; it may break others.
    """

    source: type[looks.Source]
    says: str
    breaks: tuple[str, ...]


def _breakage(source: type[looks.Source], says: str, *breaks: str) -> Breakage:
    return Breakage(source=source, says=says, breaks=breaks)


_NO_HINT = "no hint of"

BREAKAGES = [
    _breakage(
        looks.SaysItIsBeingWritten,
        "said to be under way",
        "a finished save is not said to be under way",
    ),
    _breakage(
        looks.ByInode,
        _NO_HINT,
        "a write in place is hinted at",
        "a file deleted and made again later is hinted at each time",
        "a write under another name of the file is hinted at",
        "a write under a name that was made later is hinted at",
        "a write under another name of a file in a tree is hinted at",
        "a file that appears is hinted at",
        "a removed directory may come back",
        "an edit in a tree is hinted at",
        "a file that is watched again is hinted at",
    ),
    _breakage(looks.BySizeAndTime, _NO_HINT, "a write that keeps size and time is hinted at"),
    _breakage(
        looks.ByExistence,
        _NO_HINT,
        "a file deleted and made again at once is hinted at",
        "a directory swapped for another is hinted at",
        "a file replaced by a link is hinted at",
        "an edit in a tree is hinted at",
        "each file of a burst is hinted at",
    ),
    _breakage(
        looks.Newer,
        _NO_HINT,
        "a file of another age is hinted at",
        "an older file moved over it is hinted at",
        "a deletion is hinted at",
        "a file renamed away is hinted at",
        "the removal of the directory is hinted at",
        "a removed directory may be held open and come back",
        "a project may be moved away and back",
    ),
    _breakage(
        looks.NeverMissesWhatIsGone,
        _NO_HINT,
        "a deletion is hinted at",
        "a deletion in a tree is hinted at",
        "a directory renamed in a tree is hinted at under both names",
        "a tree may be moved away and back",
    ),
    _breakage(
        looks.HoldsTheFile,
        _NO_HINT,
        "an atomic replace is hinted at",
        "a save by vim is hinted at",
        "a save by emacs is hinted at",
        "a save by pycharm is hinted at",
        "each of many changes is hinted at",
        "a link pointed elsewhere is hinted at",
    ),
    _breakage(looks.ByDirectory, "only a file that", "a file beside a watched one gives no hint"),
    _breakage(
        looks.BySecondOfTheDirectory,
        _NO_HINT,
        "a file that appears in the tick of the watch is hinted at",
    ),
    _breakage(
        looks.ExpectsItToStay,
        _NO_HINT,
        "a file deleted and made again later is hinted at each time",
        "a removed directory may come back",
        "a removed directory may be held open and come back",
        "a project may be moved away and back",
        "a tree may be moved away and back",
    ),
    _breakage(
        looks.ExpectsItToBeThere,
        _NO_HINT,
        "a file that appears is hinted at",
        "a file that is moved to its place is hinted at",
        "a file is hinted at when its directories were made before",
        "a file that appears with its directories is hinted at",
        "a path through a file is hinted at once that is a directory",
        "a link that led nowhere is hinted at once it leads somewhere",
        "a circle of links is hinted at when it is broken",
        "a tree may begin where nothing is yet",
    ),
    _breakage(looks.ExpectsOneChange, _NO_HINT, "each of many changes is hinted at"),
    _breakage(
        looks.ExpectsFewErrors,
        "raised",
        "a path through a file is hinted at once that is a directory",
        "a circle of links is hinted at when it is broken",
    ),
    _breakage(
        looks.ExpectsFewChanges,
        _NO_HINT,
        "each file of a burst is hinted at",
        "each file of a burst in a tree is hinted at",
    ),
    _breakage(looks.ExpectsPatterns, _NO_HINT, "names with any character are hinted at"),
    _breakage(
        looks.ExpectsText, "raised UnicodeEncodeError", "names that are no text are hinted at"
    ),
    _breakage(looks.Normalizes, _NO_HINT, "a path is hinted at as it was spelled"),
    _breakage(
        looks.Resolves,
        _NO_HINT,
        "a path through links is hinted at as it was spelled",
        "a link pointed elsewhere is hinted at",
        "every link of a chain counts",
        "a file in a linked directory is hinted at",
        "a swap of a kubernetes volume is hinted at",
    ),
    _breakage(
        looks.DoesNotFollow,
        _NO_HINT,
        "a write to the target of a link is hinted at",
        "every link of a chain counts",
        "a link that led nowhere is hinted at once it leads somewhere",
        "a file replaced by a link is hinted at",
        "a linked file in a tree is watched where it is",
    ),
    _breakage(
        looks.ListsTreesOnce,
        _NO_HINT,
        "a new file in a tree is hinted at",
        "a file in a new directory of a tree is hinted at",
        "a directory renamed in a tree is hinted at under both names",
        "a directory moved into a tree is hinted at",
        "a tree may begin where nothing is yet",
        "a linked directory in a tree may lead nowhere at first",
        "links that lead round in a tree come to an end",
    ),
    _breakage(
        looks.WantsAll,
        "the filter does not want",
        "a tree is silent about files its filter does not want",
        "a tree is silent about directories its filter does not want",
    ),
    _breakage(
        looks.EntersFirstAndAsksLater,
        "which the filter refused",
        "a directory is not entered before the filter is asked",
    ),
    _breakage(
        looks.LeavesLinksInTreesOut,
        _NO_HINT,
        "a linked directory in a tree is watched where it is",
        "a linked directory in a tree may be pointed elsewhere",
        "a linked directory in a tree may lead nowhere at first",
        "a linked file in a tree is watched where it is",
        "the root of a tree may be a link",
    ),
    _breakage(
        looks.GoesRound, "raised RecursionError", "links that lead round in a tree come to an end"
    ),
    _breakage(
        calls.StartsAnew,
        _NO_HINT,
        "a change before more is watched is not lost",
        "a change before less is watched is not lost",
        "a change in a tree before more is watched is not lost",
    ),
    _breakage(calls.OnlyAdds, "not watched any more", "what is not watched any more gives no hint"),
    _breakage(calls.NeverTakesBack, _NO_HINT, "a file that is watched again is hinted at"),
    _breakage(calls.GivesUpAllBelow, _NO_HINT, "what is in two trees stays watched when one goes"),
    _breakage(
        calls.HintsAtWhatItWatches, "nothing has changed", "watching something gives no hint"
    ),
    _breakage(
        calls.HintsAtEverything,
        "does not fall silent",
        "a file that is only read gives no hint",
        "a tree is silent about files its filter does not want",
    ),
    _breakage(calls.StartsAnewInWait, "never hints", "a change while nobody waits is kept"),
    _breakage(
        calls.WatchesFromTheNextWaitOn,
        "wait() did not return",
        "files may be added while a wait is blocked",
    ),
    _breakage(
        calls.LooksFirstLater,
        _NO_HINT,
        "files added one by one to a source that waits are all watched",
    ),
    _breakage(
        calls.LocksWhileItWaits,
        "watch() did not return",
        "files may be added while a wait is blocked",
    ),
    _breakage(
        calls.LocksWhileItWaits,
        "wait() did not return",
        "a change wakes a blocked wait",
    ),
    _breakage(
        calls.IgnoresTheTimeout,
        "did not return within",
        "wait returns in time when there is nothing",
    ),
    _breakage(
        calls.DoesNotBlock,
        "without a hint",
        "wait returns in time when there is nothing",
        "a change wakes a blocked wait",
    ),
    _breakage(
        calls.SleepsThroughClose,
        "wait() did not return",
        "close wakes a blocked wait",
        "a source that watched nothing may be closed",
        "wait returns at once when the source is closed",
    ),
    _breakage(calls.ClosesOnce, "close() raised RuntimeError", "close may be called again"),
    _breakage(
        calls.ClosesOnlyWhatWatched,
        "close() raised StopIteration",
        "a source that watched nothing may be closed",
    ),
    _breakage(
        calls.SpeaksAfterItWasClosed,
        "after it was closed",
        "wait returns at once when the source is closed",
    ),
    _breakage(calls.LeavesAThread, "threads are left", "close ends the threads of the source"),
    _breakage(
        calls.LeavesADescriptor,
        "file descriptors are left open",
        "close gives the file descriptors back",
    ),
]
