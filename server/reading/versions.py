"""Which removed line and which added one are two versions of the same line."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rapidfuzz.distance import Indel
from rapidfuzz.process import extract

from server.reading.row import Row, RowKind

ALIKE = 0.5  # the share of both lines' characters that must be the same
PLAINLY = 0.75  # beyond, lines that stand in the same order are taken for versions without looking further
LARGEST = 400  # lines of a block that are all compared with each other; in larger ones, only with what stands opposite
CHOICES = 6  # candidates of a line that are weighed against each other
LONGEST = 1000  # characters of a line that are compared
SECONDS = 0.15  # after which the rest of a file is left unpaired


def pairs(rows: Sequence[Row], seconds: float = SECONDS) -> dict[int, int]:
    """Places of removed rows with those of the added ones that are their new versions; both in rising order."""
    deadline = time.monotonic() + seconds
    found: dict[int, int] = {}
    for start, middle, end in blocks(rows):
        if time.monotonic() > deadline:
            break
        removed, added = _texts(rows, start, middle), _texts(rows, middle, end)
        found |= {start + one: middle + other for one, other in _paired(removed, added)}
    return found


def sides(rows: Sequence[Row]) -> Iterator[tuple[int | None, int | None]]:
    """Places of rows that stand side by side: versions of a line, or what is left over between them; None: nothing.

    An unchanged line and a hunk's heading stand beside themselves.
    """
    versions = pairs(rows)
    place = 0
    for start, middle, end in blocks(rows):
        yield from ((same, same) for same in range(place, start))
        left, right = start, middle
        for one, other in [(one, versions[one]) for one in range(start, middle) if one in versions]:
            yield from zip_longest(range(left, one), range(right, other))
            yield one, other
            left, right = one + 1, other + 1
        yield from zip_longest(range(left, middle), range(right, end))
        place = end
    yield from ((same, same) for same in range(place, len(rows)))


def blocks(rows: Sequence[Row]) -> Iterator[tuple[int, int, int]]:
    """Where rows were removed, added or both: the first place, the first of the added ones, the place behind."""
    place, count = 0, len(rows)
    while place < count:
        start = place
        while place < count and rows[place].kind is RowKind.REMOVED:
            place += 1
        middle = place
        while place < count and rows[place].kind is RowKind.ADDED:
            place += 1
        if place > start:
            yield start, middle, place
        else:
            place += 1


def _texts(rows: Sequence[Row], start: int, end: int) -> list[str]:
    """What is compared of them: indentation makes no two lines alike."""
    return [rows[place].text.strip()[:LONGEST] for place in range(start, end)]


def _paired(removed: Sequence[str], added: Sequence[str]) -> list[tuple[int, int]]:
    if len(removed) == len(added):
        alike = [Indel.normalized_similarity(*both) for both in zip(removed, added, strict=True)]
        if len(removed) == 1 or len(removed) > LARGEST or min(alike) >= PLAINLY:
            return [(n, n) for n, share in enumerate(alike) if share >= ALIKE]
    if max(len(removed), len(added)) > LARGEST:
        return []
    return _best_in_order([_candidates(text, added) for text in removed])


def _candidates(text: str, added: Sequence[str]) -> list[tuple[int, float]]:
    """The places of lines most like a text, with how much they are."""
    if not text:
        return []
    found = extract(text, added, scorer=Indel.normalized_similarity, score_cutoff=ALIKE, limit=CHOICES)
    return [(place, share) for _, share, place in found]


class _Link(NamedTuple):
    """A line, the place that it is paired with, and the pairs before it."""

    weight: float
    line: int
    place: int
    before: _Link | None


def _best_in_order(candidates: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, int]]:
    """Of each line at most one candidate, in rising order, so that all of them together are the most alike.

    The heaviest increasing subsequence: `ends` holds rising places, `chains` the heaviest chain that ends at each; one
    that ends later and weighs no more is dropped.
    """
    ends: list[int] = []
    chains: list[_Link] = []
    for line, choices in enumerate(candidates):
        for place, share in sorted(choices, reverse=True):  # so that no choice of a line follows another one of it
            at = bisect_left(ends, place)
            before = chains[at - 1] if at else None
            weight = share + (before.weight if before else 0)
            if at < len(ends) and ends[at] == place and chains[at].weight >= weight:
                continue
            last = at
            while last < len(ends) and chains[last].weight <= weight:
                last += 1
            ends[at:last], chains[at:last] = [place], [_Link(weight, line, place, before)]
    return _unchained(chains[-1] if chains else None)


def _unchained(link: _Link | None) -> list[tuple[int, int]]:
    found = []
    while link:
        found.append((link.line, link.place))
        link = link.before
    return found[::-1]
