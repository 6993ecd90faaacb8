"""Edits that a comparison makes in many places: looked for once, in the background, and kept as they are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from server.domain.diff import Comparison, FileDiff, FileStatus
from server.domain.review import Side
from server.reading import order, patterns, rows, words
from server.reading.patterns import Edit
from server.reading.rows import Row, RowKind
from server.reading.words import Range
from server.services import colouring, comparisons
from server.services.narrows import Narrows

LARGEST = 100_000  # changed lines of a comparison in which they are looked for
SECONDS = 10.0  # of work for looking, in the background
SPOTS = 40  # places of a pattern that are named, and so many exceptions
CODE = 160  # characters of a place's line
LINES, WIDE = 60, 1000  # lines of an edit that are shown on each of its sides, and characters of each
MADE = "1"  # how they are kept: another number, and those kept before are made anew


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of an edit: a line of a file, by the file's position, and how the line reads."""

    position: int
    path: str
    side: Side
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an edit, with the characters of it that are other ones than before."""

    text: str
    changed: list[Range]


@dataclass(frozen=True, slots=True)
class Pattern:
    """An edit: the lines that are gone in the first of its places, and those that came for them."""

    gone: list[Line]
    came: list[Line]
    left_out: int  # lines of it that are not among those
    places: int
    files: int
    spots: list[Spot]  # the first of its places
    excepted: int
    exceptions: list[Spot]  # the first of the edits that say the same words, and are others


@dataclass(frozen=True, slots=True)
class Patterns:
    """What repeats in a comparison, and what does not.

    `others`: how many other edits there are in the same files, but for those that are exceptions, and `beside` the
    first of them. `folded`: the positions of files in which there is nothing else. `complete` is False where looking
    would take too long: then nothing is said.
    """

    patterns: list[Pattern]
    others: int
    beside: list[Spot]
    folded: frozenset[int]
    complete: bool = True

    @property
    def nothing(self) -> bool:
        """Whether it was looked through, and no edit repeats."""
        return self.complete and not self.patterns


TOO_LARGE = Patterns([], 0, [], frozenset(), complete=False)


def known(narrows: Narrows, comparison: Comparison) -> Patterns | None:
    """What was found before; None where nobody has looked yet."""
    key = _key(comparison)
    kept = colouring.store(narrows).get([key]).get(key)
    return _unpacked(kept) if kept else None


def find(narrows: Narrows, comparison: Comparison) -> Patterns:
    """What repeats, however long that takes, which has its bounds."""
    if made := known(narrows, comparison):
        return made
    made = _find(comparisons.files(narrows, comparison))
    colouring.store(narrows).put({_key(comparison): _packed(made)})
    return made


def _find(files: Sequence[FileDiff]) -> Patterns:
    """Files that nobody wrote by hand are left out."""
    parsed = [[] if order.folded(file.path) else rows.parse(file.text) for file in files]
    if sum(row.kind in (RowKind.ADDED, RowKind.REMOVED) for each in parsed for row in each) > LARGEST:
        return TOO_LARGE
    found = patterns.find(parsed, SECONDS)
    if found is None:
        return TOO_LARGE
    told = {edit for pattern in found.patterns for edit in pattern.exceptions}
    beside = [edit for edit in found.beside() if edit not in told]
    return Patterns(
        [_pattern(files, parsed, each) for each in found.patterns],
        len(beside),
        _spots(files, parsed, beside),
        frozenset(place for place in found.wholly() if _only_lines(files[place])),
    )


def _only_lines(file: FileDiff) -> bool:
    """Whether its lines are all that changed: it has the name and the mode that it had."""
    return file.status is FileStatus.MODIFIED and file.old_mode == file.new_mode


def _pattern(files: Sequence[FileDiff], parsed: Sequence[list[Row]], found: patterns.Pattern) -> Pattern:
    first = found.edits[0]
    shown = [parsed[first.file][place] for place in first.places]
    changed = words.changed(shown)
    lines = [Line(row.text[:WIDE], changed.get(place, [])) for place, row in enumerate(shown)]
    gone, came = lines[: len(first.removed)][:LINES], lines[len(first.removed) :][:LINES]
    return Pattern(
        gone,
        came,
        len(lines) - len(gone) - len(came),
        len(found.edits),
        len({edit.file for edit in found.edits}),
        _spots(files, parsed, found.edits),
        len(found.exceptions),
        _spots(files, parsed, found.exceptions),
    )


def _spots(files: Sequence[FileDiff], parsed: Sequence[list[Row]], edits: Sequence[Edit]) -> list[Spot]:
    found = []
    for edit in edits[:SPOTS]:
        own = parsed[edit.file]
        side, line = edit.line(own)
        code = own[(edit.added or edit.removed).start].text.strip()
        found.append(Spot(edit.file, files[edit.file].path, side, line, code[:CODE]))
    return found


def _key(comparison: Comparison) -> bytes:
    return colouring.digest("patterns", MADE, comparison.base_tree, comparison.tree)


def _packed(made: Patterns) -> str:
    return json.dumps({**asdict(made), "folded": sorted(made.folded)})


def _unpacked(kept: str) -> Patterns:
    told = json.loads(kept)
    return Patterns(
        [_unpacked_pattern(one) for one in told["patterns"]],
        told["others"],
        _unpacked_spots(told["beside"]),
        frozenset(told["folded"]),
        told["complete"],
    )


def _unpacked_pattern(kept: dict[str, Any]) -> Pattern:
    lines = {side: _unpacked_lines(kept[side]) for side in ("gone", "came")}
    return Pattern(**kept | lines | {name: _unpacked_spots(kept[name]) for name in ("spots", "exceptions")})


def _unpacked_lines(kept: list[dict[str, Any]]) -> list[Line]:
    return [Line(one["text"], [(start, end) for start, end in one["changed"]]) for one in kept]


def _unpacked_spots(kept: list[dict[str, Any]]) -> list[Spot]:
    return [Spot(**one | {"side": Side(one["side"])}) for one in kept]
