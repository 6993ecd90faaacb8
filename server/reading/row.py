"""A row: one line of a file's diff as git tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from server.reading.lines import text_of

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)", re.ASCII)


class RowKind(StrEnum):
    HUNK = "hunk"
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the diff. `old` and `new` are line numbers from 1, None where the side has no such line.

    `text` has no line feed; bytes that are no UTF-8 are lone surrogates (PEP 383). `ends` is False for a last line
    without line feed. A hunk's row has the numbers that git says it begins at, and the function's line as its text.
    """

    kind: RowKind
    old: int | None
    new: int | None
    text: str
    ends: bool = True


def parse(diff: bytes) -> list[Row]:
    """The rows of one file's piece of `git diff`; empty for a binary file or one whose content is the same."""
    rows: list[Row] = []
    old = new = old_left = new_left = 0
    same, added, removed = RowKind.SAME, RowKind.ADDED, RowKind.REMOVED
    for line in text_of(diff).split("\n"):
        if old_left <= 0 and new_left <= 0:
            if found := _HUNK.match(line):
                old, new = int(found[1]), int(found[3])
                old_left, new_left = (int(found[n]) if found[n] is not None else 1 for n in (2, 4))
                rows.append(Row(RowKind.HUNK, old, new, found[5].strip()))
            elif line.startswith("\\") and rows:
                rows[-1] = _without_end(rows[-1])
            continue
        sign = line[:1]
        if sign == "+":
            rows.append(Row(added, None, new, line[1:]))
            new, new_left = new + 1, new_left - 1
        elif sign == "-":
            rows.append(Row(removed, old, None, line[1:]))
            old, old_left = old + 1, old_left - 1
        elif sign == "\\":
            rows[-1] = _without_end(rows[-1])
        else:
            rows.append(Row(same, old, new, line[1:]))
            old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
    return rows


def _without_end(row: Row) -> Row:
    return Row(row.kind, row.old, row.new, row.text, ends=False)
