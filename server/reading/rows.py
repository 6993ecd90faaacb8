"""One file's diff as rows, and the rows as HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from server.reading import visible
from server.reading.lines import text_of

CHUNK = 200  # rows; the browser lays out a chunk only when it comes near (see .chunk in app.css)

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)")


class RowKind(StrEnum):
    HUNK = "hunk"
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


_COLUMNS = '<colgroup><col class="no"><col class="no"><col class="sign"><col></colgroup>'
SIGNS = {RowKind.SAME: " ", RowKind.ADDED: "+", RowKind.REMOVED: "−"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the diff. `old` and `new` are line numbers from 1, None where the side has no such line.

    `text` has no line feed; bytes that are no UTF-8 are lone surrogates (PEP 383). `ends` is False for a last line
    without line feed.
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
    for line in diff.split(b"\n"):
        if old_left <= 0 and new_left <= 0:
            if found := _HUNK.match(line):
                old, new = int(found[1]), int(found[3])
                old_left, new_left = (int(found[n]) if found[n] is not None else 1 for n in (2, 4))
                rows.append(Row(RowKind.HUNK, old, new, text_of(found[5]).strip()))
            elif line.startswith(b"\\") and rows:
                rows[-1] = _without_end(rows[-1])
            continue
        sign, text = line[:1], text_of(line[1:])
        match sign:
            case b"+":
                rows.append(Row(RowKind.ADDED, None, new, text))
                new, new_left = new + 1, new_left - 1
            case b"-":
                rows.append(Row(RowKind.REMOVED, old, None, text))
                old, old_left = old + 1, old_left - 1
            case b"\\":
                rows[-1] = _without_end(rows[-1])
            case _:
                rows.append(Row(RowKind.SAME, old, new, text))
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
    return rows


def _without_end(row: Row) -> Row:
    return Row(row.kind, row.old, row.new, row.text, ends=False)


def html(
    rows: Sequence[Row],
    old: Sequence[str] | None = None,
    new: Sequence[str] | None = None,
    below: Mapping[tuple[str, int], str] | None = None,
    emphasise: Callable[[int, str], str] | None = None,
) -> str:
    """The rows as tables of at most `CHUNK` rows each.

    Args:
        old, new: Each side's whole file as coloured HTML lines, from `colours.lines`; None: plain.
        below: HTML to show under a line, by side ("old" or "new") and line number.
        emphasise: Gives a line's HTML, by its place in `rows`, with what changed in it marked.
    """
    return "".join(_chunks(rows, old or (), new or (), below or {}, emphasise))


def _chunks(
    rows: Sequence[Row],
    old: Sequence[str],
    new: Sequence[str],
    below: Mapping[tuple[str, int], str],
    emphasise: Callable[[int, str], str] | None,
) -> Iterator[str]:
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        size = "chunk whole" if len(part) == CHUNK else "chunk"
        yield f'<div class="{size}"><table class="rows">{_COLUMNS}<tbody>'
        for place, row in enumerate(part, start):
            code = _code(row, old, new)
            yield _row(row, emphasise(place, code) if emphasise else code)
            for line in lines(row):
                if line in below:
                    yield f'<tr class="talk"><td colspan="4">{below[line]}</td></tr>'
        yield "</tbody></table></div>"


def lines(row: Row) -> Iterator[tuple[str, int]]:
    """Each side's line that the row shows; a hunk's heading shows none."""
    if row.kind is RowKind.HUNK:
        return
    if row.old is not None:
        yield "old", row.old
    if row.new is not None:
        yield "new", row.new


def _row(row: Row, code: str) -> str:
    if row.kind is RowKind.HUNK:
        return (
            f'<tr class="hunk" tabindex="-1"><td class="no" colspan="2">⋯</td>'
            f'<td class="code" colspan="2">line {row.new} {visible.html(row.text)}</td></tr>'
        )
    old = row.old if row.old is not None else ""
    new = row.new if row.new is not None else ""
    end = "" if row.ends else '<span class="unseen">no line end</span>'
    return (
        f'<tr class="{row.kind}"><td class="no o">{old}</td><td class="no n">{new}</td>'
        f'<td class="sign">{SIGNS[row.kind]}</td><td class="code">{code}{end}</td></tr>'
    )


def _code(row: Row, old: Sequence[str], new: Sequence[str]) -> str:
    """The coloured line where the whole file has it and is the one that the diff was made of."""
    if row.kind is RowKind.HUNK:
        return ""
    side, number = (old, row.old) if row.kind is RowKind.REMOVED else (new, row.new)
    if number is not None and number <= len(side) and (coloured := side[number - 1]):
        return coloured
    return visible.html(row.text) or "\n"
