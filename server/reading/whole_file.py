"""A file's rows with all its lines: also those that are the same on both sides, which a diff leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.reading.row import Row, RowKind


@dataclass(frozen=True, slots=True)
class Lines:
    """A file's lines, and whether the last one has its end."""

    texts: Sequence[str]
    end: bool


def fill(parsed: Iterable[Row], lines: Lines) -> list[Row]:
    """The rows with those between them that are the same on both sides."""
    filled: list[Row] = []
    old = new = 1

    def fill_up(until_new: int) -> None:
        nonlocal old, new
        while new < until_new and new <= len(lines.texts):
            ends = lines.end or new < len(lines.texts)
            filled.append(Row(RowKind.SAME, old, new, lines.texts[new - 1], ends))
            old, new = old + 1, new + 1

    heading: list[Row] = []  # it stands above what is shown anyway, and below what is filled in
    for row in parsed:
        if row.kind is RowKind.HUNK:
            heading = [row]
            continue
        fill_up(row.new if row.new is not None else new + (row.old or old) - old)
        filled += heading
        heading = []
        filled.append(row)
        old, new = old + (row.old is not None), new + (row.new is not None)
    fill_up(len(lines.texts) + 1)
    return filled
