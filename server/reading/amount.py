"""How much of a change needs reading: the lines and files that say something new to whoever reads them.

Left out is what nobody wrote by hand (`order.folded`), lines that only moved (`moves`), and lines that differ in white
space alone, as `git diff -w` tells them apart. A binary file is one file and no line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from server.domain.diff import FileDiff
from server.reading import moves, order
from server.reading.alignment import MOST_CELLS
from server.reading.moves import Move
from server.reading.row import Row, RowKind, parse

CHANGED = (RowKind.ADDED, RowKind.REMOVED)


class Amount(NamedTuple):
    """Files and changed lines, added and removed ones together."""

    files: int
    lines: int


def of(files: Sequence[FileDiff], *, moved: bool = True) -> Amount:
    """What of a change needs reading.

    Args:
        files: All files of its diff.
        moved: Whether to leave out lines that only moved, which takes longest to find out.
    """
    written = [file for file in files if not order.folded(file.path)]
    rows = [parse(file.text) for file in written]
    places: Sequence[Mapping[int, Move]] = moves.find(rows) if moved else [{}] * len(rows)
    lines = [_lines(each, gone) for each, gone in zip(rows, places, strict=True)]
    read = sum(file.binary or count > 0 for file, count in zip(written, lines, strict=True))
    return Amount(read, sum(lines))


def changed(files: Sequence[FileDiff]) -> int:
    """All changed lines, whether anybody needs to read them or not."""
    return sum((file.additions or 0) + (file.deletions or 0) for file in files)


def _lines(rows: Sequence[Row], moved: Mapping[int, Move]) -> int:
    """Changed lines of a file without those that moved or that stand beside themselves with other white space."""
    return sum(_differing(*block) for block in _blocks(rows, moved))


def _blocks(rows: Sequence[Row], moved: Mapping[int, Move]) -> Iterator[tuple[list[str], list[str]]]:
    """The removed and the added lines between two unchanged ones, without white space; those without a word are not."""
    old: list[str] = []
    new: list[str] = []
    for place, row in enumerate(rows):
        if row.kind not in CHANGED:
            if old or new:
                yield old, new
                old, new = [], []
        elif place not in moved and (text := "".join(row.text.split())):
            (new if row.kind is RowKind.ADDED else old).append(text)
    if old or new:
        yield old, new


def _differing(old: list[str], new: list[str]) -> int:
    same = LCSseq.similarity(old, new) if 0 < len(old) * len(new) <= MOST_CELLS else 0
    return len(old) + len(new) - 2 * same
