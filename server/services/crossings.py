"""From one revision to a later one: where each line of a file went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from server.domain.change import Revision
from server.domain.diff import FileStatus
from server.domain.review import Fit, Side
from server.git import blobs, diffs
from server.git.diffs import Entry
from server.reading import alignment, anchoring, lines
from server.reading.alignment import Same
from server.reading.anchoring import Placed

MOST_FILES = 200  # that are searched for lines that left their own
LONGEST = 1_000_000  # bytes of a file that is searched for them
_PLAIN = "100"  # what the modes of files begin with that are no links and no submodules


class Spot(NamedTuple):
    """Lines of a file, from 1, the last one included; `line` None: the file as a whole. `path` empty: the report."""

    path: str
    side: Side
    line: int | None
    end_line: int | None


class Crossing:
    """From `earlier` to `later`, two revisions of one change: the new side between their trees, the old one between
    their bases.
    """

    def __init__(self, mirror: Path, earlier: Revision, later: Revision, changed: Collection[str]) -> None:
        """`changed`: the files of the later revision's diff, among which lines are looked for that left their own."""
        self._earlier, self._later = earlier, later
        self._new = _Trees(mirror, earlier.tree, later.tree, changed)
        self._old = _Trees(mirror, earlier.base_tree, later.base_tree, ())

    def take(self, spot: Spot) -> tuple[Spot, Fit]:
        """Where the lines are in the later revision.

        Raises:
            GitError: The mirror has not the trees any more.
        """
        if not spot.path:
            old, new = (lines.split(each.report or "") for each in (self._earlier, self._later))
            placed = _place(old, new, spot, None)
            return _at(spot, "", placed), placed.fit
        trees = self._new if spot.side is Side.NEW else self._old
        if spot.line is None:
            path = trees.renamed(spot.path)
            return spot._replace(path=path), Fit.EXACT if path == spot.path else Fit.MOVED
        path, placed = trees.place(spot)
        moved = path != spot.path and placed.fit in (Fit.EXACT, Fit.SHIFTED)
        return _at(spot, path, placed), Fit.MOVED if moved else placed.fit


def _at(spot: Spot, path: str, placed: Placed) -> Spot:
    return Spot(path, spot.side, placed.line, placed.end_line)


def _place(old: Sequence[str], new: Sequence[str], spot: Spot, same: Sequence[Same] | None) -> Placed:
    first, last = spot.line or 1, spot.end_line or spot.line or 1
    if last > len(old):
        return Placed(first, last, Fit.GONE)
    return anchoring.place(old, new, first, last, same)


class _Trees:
    """What became of the files between two trees."""

    def __init__(self, mirror: Path, old: str, new: str, changed: Collection[str]) -> None:
        self._mirror, self._trees, self._changed = mirror, (old, new), changed

    def renamed(self, path: str) -> str:
        entry = self._entries.get(path)
        return entry.path if entry and entry.status is FileStatus.RENAMED else path

    def place(self, spot: Spot) -> tuple[str, Placed]:
        first, last = spot.line or 1, spot.end_line or spot.line or 1
        entry = self._entries.get(spot.path)
        if entry is None or entry.old_blob == entry.new_blob:
            return entry.path if entry else spot.path, Placed(first, last, Fit.EXACT)
        old, new = self._read(entry.old_blob), self._read(entry.new_blob)
        before = lines.split(lines.text_of(old))
        placed = _place(before, lines.split(lines.text_of(new)), spot, self._same(old, new, len(before)))
        gone = placed.fit is Fit.GONE and last <= len(before)
        found = anchoring.place_among(before, first, last, self._others(entry.path)) if gone else None
        return found or (entry.path, placed)

    def _same(self, old: bytes, new: bytes, size: int) -> list[Same]:
        """As git has it, and so as the page shows it."""
        return alignment.of_patch(diffs.of_texts(self._mirror, "file", old, new), size) if old and new else []

    @cached_property
    def _summary(self) -> list[tuple[Entry, diffs.Counts]]:
        if self._trees[0] == self._trees[1]:
            return []
        return list(zip(*diffs.summary(self._mirror, *self._trees), strict=True))

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        """What differs, by its earlier name."""
        old = [entry for entry, _ in self._summary if entry.status not in (FileStatus.ADDED, FileStatus.COPIED)]
        return {entry.old_path or entry.path: entry for entry in old}

    def _read(self, blob: str) -> bytes:
        """A file's bytes; none where it is absent or too large."""
        return blobs.read(self._mirror, [blob]).get(blob, b"")

    def _others(self, path: str) -> Mapping[str, tuple[Sequence[str], Sequence[Same]]]:
        return {name: found for name, found in self._fresh.items() if name != path}

    @cached_property
    def _fresh(self) -> dict[str, tuple[list[str], list[Same]]]:
        """The files that have new lines, and which of them are not new."""
        wanted = [
            entry
            for entry, (added, _) in self._summary
            if added and entry.path in self._changed and entry.new_mode.startswith(_PLAIN)
        ][:MOST_FILES]
        read = blobs.read(self._mirror, [blob for each in wanted for blob in (each.old_blob, each.new_blob)], LONGEST)
        fresh = {}
        for entry in wanted:
            old, new = (lines.split(lines.text_of(read.get(blob, b""))) for blob in (entry.old_blob, entry.new_blob))
            fresh[entry.path] = new, alignment.align(old, new)
        return fresh
