"""Finding words in all lines of a change, shown or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from server.domain.diff import Comparison, FileDiff
from server.domain.errors import Invalid
from server.domain.review import Side
from server.reading import order, row
from server.reading.hits import LONGEST
from server.reading.lines import text_of
from server.services import comparisons
from server.services.narrows import Narrows

MOST = 500  # hits that are listed; all are counted


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that has the words: its file, its number on that side (the new one where it is on both), its text.

    `row` is its place among the rows of the file's diff, from 0.
    """

    position: int
    path: str
    side: Side
    line: int
    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """The first hits in reading order, and how many lines in how many files there are in all."""

    hits: list[Hit]
    total: int
    files: int


def find(narrows: Narrows, comparison: Comparison, wanted: str, limit: int = MOST) -> Found:
    """Lines with `wanted` in them, in whatever case its letters are.

    Raises:
        Invalid: It is too long, or spans lines.
    """
    if len(wanted) > LONGEST or "\n" in wanted:
        raise Invalid("q", f"Only up to {LONGEST} characters of one line can be looked for.", "Look for less.")
    if not wanted:
        return Found([], 0, 0)
    files = comparisons.files(narrows, comparison)
    hits: list[Hit] = []
    counts: list[int] = []
    for position in order.reading_order(files):
        places = _places(files[position], wanted)
        hits += _hits(position, files[position], places[: limit - len(hits)])
        counts.append(len(places))
    return Found(hits, sum(counts), sum(1 for count in counts if count))


def _places(file: FileDiff, wanted: str) -> list[int]:
    """Which rows of a file have the words."""
    if file.binary:
        return []
    text = text_of(file.text).lower()  # may be longer than the text itself, but has its lines
    start = text.find("\n@@ ") + 1
    return list(_rows_with(text, start, wanted.lower())) if start else []


def _rows_with(text: str, start: int, wanted: str) -> Iterator[int]:
    """A row is a line of the diff from its first hunk at `start` on, but for those that tell of a missing line end."""
    place, counted = 0, start
    found = text.find(wanted, start)
    while found >= 0:
        line = text.rfind("\n", 0, found) + 1
        end = text.find("\n", found)
        if text[line] in "@\\":  # a heading
            found = text.find(wanted, end) if end >= 0 else -1
            continue
        if found == line:  # only the sign
            found = text.find(wanted, found + 1)
            continue
        place += text.count("\n", counted, line) - text.count("\n\\", counted - 1, line)
        counted = line
        yield place
        found = text.find(wanted, end) if end >= 0 else -1


def _hits(position: int, file: FileDiff, places: list[int]) -> Iterator[Hit]:
    if not places:
        return
    rows = row.parse(file.text)
    for place in places:
        found = rows[place]
        side, number = (Side.NEW, found.new) if found.new is not None else (Side.OLD, found.old)
        assert number is not None  # each line that is no heading is on a side
        yield Hit(position, file.path, side, number, place, found.text)
