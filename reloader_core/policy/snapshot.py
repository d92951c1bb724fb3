"""What the program runs, file by file, to be held against what is on disk.

The program's agent reports each file with the stamp it had *before* it was
read. A file is unchanged while the disk shows that stamp, or another stamp and
the same content. Nothing here looks at the disk: stamps and digests come in.

Files come from three sides, which differ in what a new start of the program
means for them:

- **loaded**: reported by the running program. At a new start they become
  *inherited*: known, but silent until the new program reports them itself, so
  that an edit the new program already has is not taken for a change, and a
  module nobody imports any more restarts nothing. They speak again while no
  program runs.
- **missing**: an import looked here and found nothing. Creation is the change.
- **extra**: named by the configuration or a plugin, whatever the program does.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

from reloader_core.model import ChangeKind, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Origin(enum.Enum):
    """Who said that a file matters."""

    LOADED = "loaded"
    INHERITED = "inherited"
    EXTRA = "extra"


class Judgement(enum.Enum):
    """What a look at a file's stamp tells."""

    UNCHANGED = "unchanged"
    #: The stamp differs; the content decides.
    NEEDS_DIGEST = "needs digest"
    MODIFIED = "modified"
    CREATED = "created"
    DELETED = "deleted"
    #: Not a file that matters now.
    IRRELEVANT = "irrelevant"


#: The judgements that are changes, as users see them.
CHANGES = {
    Judgement.MODIFIED: ChangeKind.MODIFIED,
    Judgement.CREATED: ChangeKind.CREATED,
    Judgement.DELETED: ChangeKind.DELETED,
}


@attrs.define(kw_only=True)
class _Expectation:
    """``stamp`` is ``None`` for a file that was not there."""

    stamp: Stamp | None
    origin: Origin
    digest: bytes | None = None
    is_source: bool = False


class Snapshot:
    """The files that matter and the state in which the program has them."""

    def __init__(self) -> None:
        self._expected: dict[str, _Expectation] = {}
        # The last content known of each file. Kept over restarts: most files are
        # the same, and are not read again.
        self._contents: dict[str, tuple[Stamp, bytes]] = {}
        self._reported: set[str] = set()
        self._is_program_running = False

    def begin_program(self) -> None:
        """A new program is about to run: what the old one loaded is inherited."""
        self._is_program_running = True
        self._reported.clear()
        for expectation in self._expected.values():
            if expectation.origin is Origin.LOADED:
                expectation.origin = Origin.INHERITED

    def end_program(self) -> None:
        """No program runs: an edit of any file known from before is a reason to try again."""
        self._is_program_running = False

    def drop_inherited(self) -> set[str]:
        """Forget what no longer belongs to the program, and return those paths."""
        gone = {
            path
            for path, expectation in self._expected.items()
            if expectation.origin is Origin.INHERITED
        }
        for path in gone:
            del self._expected[path]
            self._contents.pop(path, None)
        return gone

    def loaded(self, path: str, stamp: Stamp | None, *, is_source: bool = False) -> None:
        """The program loaded a file, or with ``None`` looked for it in vain.

        The first report of a program counts. A later one may be another process's, which
        has loaded an edit that the first one does not have: that is a change.

        :param is_source: it is Python source, which has to compile.
        """
        known = self._expected.get(path)
        if known is not None and known.stamp is not None and path in self._reported:
            # It may have been opened as data before it was imported.
            known.is_source = known.is_source or is_source
            return
        self._reported.add(path)
        # Both may apply; the program's own report is the truth about content.
        is_extra = known is not None and known.origin is Origin.EXTRA
        self._expect(path, stamp, Origin.EXTRA if is_extra else Origin.LOADED)
        self._expected[path].is_source = is_source

    def extra(self, path: str, stamp: Stamp | None) -> None:
        """A file matters from now on whatever the program loads; its state now is the base."""
        if (known := self._expected.get(path)) is not None:
            known.origin = Origin.EXTRA
            return
        self._expect(path, stamp, Origin.EXTRA)

    def forget(self, paths: Iterable[str]) -> None:
        """These matter no more, whoever said that they do."""
        for path in paths:
            self._expected.pop(path, None)
            self._contents.pop(path, None)

    def _expect(self, path: str, stamp: Stamp | None, origin: Origin) -> None:
        known_stamp, digest = self._contents.get(path, (None, None))
        if stamp is None or stamp != known_stamp:
            digest = None
        known = self._expected.get(path)
        is_source = known is not None and known.is_source
        self._expected[path] = _Expectation(
            stamp=stamp, origin=origin, digest=digest, is_source=is_source
        )

    def accept(self, path: str, stamp: Stamp | None) -> None:
        """Take the disk's state for the expected one: the change was acted on or vetoed."""
        if (known := self._expected.get(path)) is not None:
            self._expect(path, stamp, known.origin)

    def learn_digest(self, path: str, stamp: Stamp, digest: bytes) -> None:
        """The content of a file in the state that ``stamp`` names."""
        self._contents[path] = (stamp, digest)
        known = self._expected.get(path)
        if known is not None and known.stamp == stamp:
            known.digest = digest

    def judge(self, path: str, stamp: Stamp | None) -> Judgement:
        """Hold a file's present stamp against the expected one.

        :param path: the file.
        :param stamp: its stamp now; ``None`` when it is not there.
        :returns: what the stamp alone can tell.
        """
        known = self._expected.get(path)
        if known is None or not self._speaks(known):
            return Judgement.IRRELEVANT
        if stamp == known.stamp:
            return Judgement.UNCHANGED
        if stamp is None:
            return Judgement.DELETED
        if known.stamp is None:
            return Judgement.CREATED
        if known.digest is None:
            return Judgement.MODIFIED
        return Judgement.NEEDS_DIGEST

    def judge_content(self, path: str, stamp: Stamp, digest: bytes) -> Judgement:
        """Hold a file's present content against the expected one.

        An identical save, a touch or a chmod is accepted on the way: the file
        is expected with its new stamp from then on.
        """
        known = self._expected.get(path)
        if known is None:
            return Judgement.IRRELEVANT
        # Also of a change: the program it is started for is held against this.
        self._contents[path] = (stamp, digest)
        if known.digest != digest:
            return Judgement.MODIFIED
        known.stamp = stamp
        return Judgement.UNCHANGED

    def _speaks(self, expectation: _Expectation) -> bool:
        return expectation.origin is not Origin.INHERITED or not self._is_program_running

    def expected_stamp(self, path: str) -> Stamp | None:
        """The stamp a file is expected with; ``None`` also when it is unknown."""
        known = self._expected.get(path)
        return None if known is None else known.stamp

    def knows_content(self, path: str, stamp: Stamp) -> bool:
        """Whether a file is expected with this stamp and a known content."""
        known = self._expected.get(path)
        return known is not None and known.stamp == stamp and known.digest is not None

    def has_content_times(self, path: str, stamp: Stamp) -> bool:
        """Whether a stamp differs in nothing that a change of content would change."""
        expected = self.expected_stamp(path)
        return expected is not None and expected._replace(ctime_ns=stamp.ctime_ns) == stamp

    def is_source(self, path: str) -> bool:
        """Whether a file is Python source, as the program reported it."""
        known = self._expected.get(path)
        return known is not None and known.is_source

    def __contains__(self, path: object) -> bool:
        return path in self._expected

    def __len__(self) -> int:
        return len(self._expected)

    def paths(self) -> frozenset[str]:
        """All files that matter, now or while no program runs."""
        return frozenset(self._expected)

    def iter_paths_below(self, directory: str, separator: str) -> Iterator[str]:
        """The files that matter in a directory, at any depth."""
        prefix = directory.rstrip(separator) + separator
        return (path for path in self._expected if path.startswith(prefix))

    def iter_without_digest(self, paths: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
        """Those of ``paths`` that are there and whose content is not known yet."""
        for path in paths:
            known = self._expected.get(path)
            if known is not None and known.stamp is not None and known.digest is None:
                yield path, known.stamp
