"""Which words of a line changed, where a removed line and an added one are two versions of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from server.reading import visible
from server.reading.rows import Row, RowKind

LONGEST = 300  # characters of a line; beyond, comparing takes longer than it helps
ALIKE = 0.4  # the share of both lines that must be the same; below, they are two lines and not two versions of one
SECONDS = 0.15  # after which the rest is left unmarked

Range = tuple[int, int]
_TOKENS = re.compile(r"\w+|\s+|.")
_PIECES = re.compile(r"(<[^>]*>)|&[^;]+;|.", re.DOTALL)


def changed(rows: Sequence[Row], seconds: float = SECONDS) -> dict[int, list[Range]]:
    """The changed ranges of characters, by a row's place in `rows`. Lines are paired in order, block by block."""
    deadline = time.monotonic() + seconds
    found: dict[int, list[Range]] = {}
    for removed, added in _pairs(rows):
        if time.monotonic() > deadline:
            break
        if ranges := _compare(rows[removed].text, rows[added].text):
            found[removed], found[added] = ranges
    return {place: ranges for place, ranges in found.items() if ranges}


def mark(html: str, ranges: Sequence[Range]) -> str:
    """A coloured line with `<span class="word">` around the characters of its text that are in `ranges`."""
    inside = {place for start, end in ranges for place in range(start, end)}
    marked: list[str] = []
    place, is_open = 0, False
    for piece in _PIECES.finditer(html):
        wanted = piece[1] is None and place in inside
        if wanted is not is_open:
            marked.append('<span class="word">' if wanted else "</span>")
            is_open = wanted
        marked.append(piece[0])
        place += piece[1] is None
    return "".join(marked) + ("</span>" if is_open else "")


def _pairs(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Places of removed rows with those of the added ones that follow their block, where both blocks are as long."""
    place = 0
    while place < len(rows):
        removed = _run(rows, place, RowKind.REMOVED)
        added = _run(rows, place + removed, RowKind.ADDED)
        if removed == added:
            yield from ((place + n, place + removed + n) for n in range(removed))
        place += max(removed + added, 1)


def _run(rows: Sequence[Row], start: int, kind: RowKind) -> int:
    end = start
    while end < len(rows) and rows[end].kind is kind:
        end += 1
    return end - start


def _compare(old: str, new: str) -> tuple[list[Range], list[Range]] | None:
    if max(len(old), len(new)) > LONGEST or visible.unseen(old) or visible.unseen(new):
        return None
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    kept = sum(_weight(before[block.a : block.a + block.size]) for block in matcher.get_matching_blocks())
    if 2 * kept < ALIKE * (_weight(before) + _weight(after)):
        return None
    steps = [step for step in matcher.get_opcodes() if step[0] != "equal"]
    return (
        _characters(before, [(start, end) for _, start, end, _, _ in steps]),
        _characters(after, [(start, end) for _, _, _, start, end in steps]),
    )


def _weight(tokens: Sequence[str]) -> int:
    """Characters that say something: the same blanks don't make two lines alike."""
    return sum(len(token) for token in tokens if not token.isspace())


def _characters(tokens: Sequence[str], ranges: Sequence[Range]) -> list[Range]:
    """Ranges of tokens as ranges of characters."""
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token))
    return [(starts[start], starts[end]) for start, end in ranges if end > start]
