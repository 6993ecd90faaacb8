"""Which lines of two versions of a file are the same."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

MOST_CELLS = 40_000_000  # lines times lines up to which they are compared exactly: 5 MB of bits
_WORD = re.compile(r"\w")
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


class Same(NamedTuple):
    """Lines that are the same in both files: where they start in each, from 0, and how many they are."""

    old: int
    new: int
    size: int


def of_patch(patch: bytes, old_size: int) -> list[Same]:
    """What a file's piece of a unified diff leaves as it is, in order; `old_size`: the old file's number of lines."""
    rows = patch.split(b"\n")
    heading = next((n for n, row in enumerate(rows) if _HUNK.match(row)), len(rows))
    found: list[Same] = []
    old = new = 0
    for row in rows[heading:]:
        same = 1 if row.startswith(b" ") else 0
        if match := _HUNK.match(row):
            same = int(match[1]) - (match[2] != b"0") - old
        if same:
            _append(found, Same(old, new, same))
        old += same + row.startswith(b"-")
        new += same + row.startswith(b"+")
    _append(found, Same(old, new, old_size - old))
    return found


def align(old: Sequence[str], new: Sequence[str]) -> list[Same]:
    """The lines that stay, in order: around lines that both files have once, then as many as can be.

    Not always what git finds, where several answers are as good; its own is to be had with `of_patch`.
    """
    found: list[Same] = []
    for same in _align(old, new, Same(0, 0, len(old)), len(new)):
        _append(found, same)
    return found


def _append(found: list[Same], same: Same) -> None:
    """Add a run, to the one before it where it follows at once."""
    if same.size <= 0:
        return
    last = found[-1] if found else Same(-1, -1, 0)
    if (last.old + last.size, last.new + last.size) == (same.old, same.new):
        found[-1] = last._replace(size=last.size + same.size)
    else:
        found.append(same)


def _align(old: Sequence[str], new: Sequence[str], at: Same, new_end: int) -> Iterator[Same]:
    """Runs between `at.old` and `at.old + at.size` of the one, `at.new` and `new_end` of the other."""
    a, b, a_end, b_end = at.old, at.new, at.old + at.size, new_end
    while a < a_end and b < b_end and old[a] == new[b]:
        a, b = a + 1, b + 1
    yield Same(at.old, at.new, a - at.old)
    while a < a_end and b < b_end and old[a_end - 1] == new[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
    tail = Same(a_end, b_end, at.old + at.size - a_end)
    if a < a_end and b < b_end:
        pairs = _unique_pairs(old, new, range(a, a_end), range(b, b_end))
        if pairs:
            for x, y in [*pairs, (a_end, b_end)]:
                if x >= a and y >= b:
                    yield from _align(old, new, Same(a, b, x - a), y)
                    a, b = x, y
        elif (a_end - a) * (b_end - b) <= MOST_CELLS:
            for block in LCSseq.opcodes(old[a:a_end], new[b:b_end]):
                if block.tag == "equal":
                    yield Same(a + block.src_start, b + block.dest_start, block.src_end - block.src_start)
    yield tail


def _unique_pairs(old: Sequence[str], new: Sequence[str], a: range, b: range) -> list[tuple[int, int]]:
    """Lines with words that both pieces have exactly once: the longest row of them in the same order in both."""
    count_old, count_new = Counter(old[i] for i in a), Counter(new[j] for j in b)
    where = {new[j]: j for j in b if count_new[new[j]] == 1}
    pairs = [(i, where[old[i]]) for i in a if count_old[old[i]] == 1 and old[i] in where and _WORD.search(old[i])]
    ends: list[int] = []  # of the best rows of each length: the last place in the new file
    rows: list[int] = []  # which pair that is
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect.bisect_left(ends, j)
        before.append(rows[length - 1] if length else -1)
        ends[length : length + 1], rows[length : length + 1] = [j], [number]
    chain: list[tuple[int, int]] = []
    number = rows[-1] if rows else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]
