"""Where commented lines are found again in a later version of their file.

What a diff leaves as it is stands where the diff says. Of what it changes, the place is the new lines that are most
like the old ones, with three lines around them; where none are like them enough they are gone, and nothing is guessed.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Indel

from server.domain.review import Fit
from server.reading.alignment import Same, align

AROUND = 3  # lines of surroundings, above and below
WHOLE = 12  # lines of a range that are compared as a whole; a longer one is found by its first and its last ones
NEAR = 80  # new lines in the place of the old ones, up to which each of them is tried
LIKELY = 12  # new lines that are tried for each line of the range
STRETCH = 3  # lines that a range may have gained
LINES = 0.65  # what the lines themselves count, the rest is their surroundings
HOME = 0.07  # what the place of the old lines is ahead of any other
SCRAP = 8  # characters; lines with fewer are in many places
AMBIGUOUS = 0.03  # two places elsewhere that are so close in likeness: neither is believed
_SPACE = re.compile(r"\s+")
_WORST = (Fit.EXACT, Fit.SHIFTED, Fit.EDITED, Fit.MOVED, Fit.GONE)


class _Least(NamedTuple):
    """How alike the lines themselves, and they with their surroundings, have to be: from 0 to 1."""

    lines: float
    score: float


HERE = _Least(0.35, 0.5)  # in the place of the old ones
ELSEWHERE = _Least(0.55, 0.6)


@dataclass(frozen=True, slots=True)
class Placed:
    """Lines, from 1, the last one included. Of what is gone: where it would be."""

    line: int
    end_line: int
    fit: Fit


class _Match(NamedTuple):
    """Lines of the new file, from 0, the last one included, and how like the old ones they are."""

    score: float
    start: int
    end: int


def place(
    old: Sequence[str], new: Sequence[str], line: int, end_line: int, same: Sequence[Same] | None = None
) -> Placed:
    """Where the lines `line` to `end_line` of `old` are in `new`.

    Args:
        old, new: The files' lines, without their ends.
        line, end_line: From 1, the last one included; both within `old`.
        same: What a diff leaves as it is, in order; None: it is found here.
    """
    return _Search(old, new, align(old, new) if same is None else same).place(line - 1, end_line - 1)


def place_among(
    old: Sequence[str], line: int, end_line: int, files: Mapping[str, tuple[Sequence[str], Sequence[Same]]]
) -> tuple[str, Placed] | None:
    """The file to which lines that are gone from their own have moved, and where they are in it; None: no such file.

    Args:
        files: Of each file that has new lines: all its lines, and what a diff leaves of them as it was.
    """
    found = [
        (match, path)
        for path, (lines, same) in files.items()
        for match in _Search(old, lines, same).elsewhere(line - 1, end_line - 1)
    ]
    found.sort(key=lambda each: each[0].score, reverse=True)
    if not found or (len(found) > 1 and found[0][0].score - found[1][0].score < AMBIGUOUS):
        return None
    match, path = found[0]
    return path, _placed(match.start, match.end, Fit.MOVED)


class _Search:
    """Looks for lines of one file in another. Lines count from 0 in here."""

    def __init__(self, old: Sequence[str], new: Sequence[str], same: Sequence[Same]) -> None:
        self._old, self._new, self._same = old, new, same
        self._starts = [run.old for run in same]

    def place(self, first: int, last: int) -> Placed:
        start, end = self._mapped(first), self._mapped(last)
        if start is not None and end is not None and 0 <= end - start <= 2 * (last - first) + WHOLE:
            return _placed(start, end, self._fit(first, last, start))
        if last - first >= WHOLE:
            return self._by_its_ends(first, last)
        here = self._here(first, last)
        found = _believable([*([here] if here else []), *self.elsewhere(first, last)])
        if found is None:
            return self._gone(first, last)
        return _placed(found.start, found.end, Fit.EDITED if found is here else Fit.MOVED)

    def elsewhere(self, first: int, last: int) -> list[_Match]:
        """The places among new lines that are like enough, the best first; one of those that overlap."""
        scored = self._scored(self._likely(first, last), first, last, ELSEWHERE, range(len(self._new)))
        kept: list[_Match] = []
        if sum(len(_bare(line)) for line in self._old[first : last + 1]) >= SCRAP:
            for match in sorted(scored, reverse=True):
                if all(match.end < other.start or match.start > other.end for other in kept):
                    kept.append(self._trimmed(match, first, last))
        return kept

    def _mapped(self, line: int) -> int | None:
        """Where a line that stays as it is stands now."""
        run = self._same[number] if (number := bisect.bisect_right(self._starts, line) - 1) >= 0 else Same(0, 0, 0)
        return run.new + line - run.old if line < run.old + run.size else None

    def _gap(self, first: int, last: int) -> range:
        """The new lines between what stays above the old ones and what stays below them."""
        number = bisect.bisect_right(self._starts, first) - 1
        above = self._same[number] if number >= 0 else Same(0, 0, 0)
        start = above.new + min(above.size, first - above.old)
        below = next((run for run in self._same[number + 1 :] if run.old > last), None)
        return range(start, below.new if below else len(self._new))

    def _fit(self, first: int, last: int, start: int) -> Fit:
        run = self._same[bisect.bisect_right(self._starts, first) - 1]
        if last < run.old + run.size:
            return Fit.EXACT if start == first else Fit.SHIFTED
        return Fit.EDITED

    def _by_its_ends(self, first: int, last: int) -> Placed:
        """Of a long range: from where its first lines are to where its last ones are."""
        half = WHOLE // 2
        head, tail = self.place(first, first + half - 1), self.place(last - half + 1, last)
        if Fit.GONE in (head.fit, tail.fit) or not head.line <= tail.end_line <= head.line + 2 * (last - first):
            best = min(head, tail, key=lambda found: _WORST.index(found.fit))
            if best.fit is Fit.GONE:
                return self._gone(first, last)
            return Placed(best.line, best.end_line, _worse(best.fit, Fit.EDITED))
        return Placed(head.line, tail.end_line, _worse(head.fit, tail.fit, Fit.EDITED))

    def _here(self, first: int, last: int) -> _Match | None:
        """The new lines that took the place of the old ones, if they are like them."""
        gap = self._gap(first, last)
        starts = gap if len(gap) <= NEAR else [start for start in self._likely(first, last) if start in gap]
        best = max(self._scored(starts, first, last, HERE, gap), default=None)
        return best and self._trimmed(best, first, last)._replace(score=best.score + HOME)

    def _trimmed(self, match: _Match, first: int, last: int) -> _Match:
        """The place without lines at its ends that are there for their surroundings only."""
        wanted = _bare(*self._old[first : last + 1])
        start, end = match.start, match.end
        best = _alike(wanted, _bare(*self._new[start : end + 1]))
        while start < end and (more := _alike(wanted, _bare(*self._new[start + 1 : end + 1]))) >= best:
            start, best = start + 1, more
        while start < end and (more := _alike(wanted, _bare(*self._new[start:end]))) >= best:
            end, best = end - 1, more
        return _Match(match.score, start, end)

    def _likely(self, first: int, last: int) -> set[int]:
        """Where the range may start, judged by the new lines that are most like one of its own."""
        return {
            place - (number - first)
            for number in range(first, min(last, first + WHOLE) + 1)
            if (query := _bare(self._old[number]))
            for _, _, place in process.extract(
                query, self._fresh, scorer=Indel.normalized_similarity, limit=LIKELY, score_cutoff=0.4
            )
        }

    @cached_property
    def _fresh(self) -> dict[int, str]:
        """The new lines by where they are, without their spaces."""
        kept = {place for run in self._same for place in range(run.new, run.new + run.size)}
        return {place: bare for place, line in enumerate(self._new) if place not in kept and (bare := _bare(line))}

    def _scored(self, starts: Iterable[int], first: int, last: int, least: _Least, within: range) -> Iterator[_Match]:
        """Those of the places that are like enough, each with the length that fits best."""
        size = last - first + 1
        wanted = _bare(*self._old[first : last + 1])
        above, below = _around(self._old, first, last)
        for start in starts:
            best = None
            for end in range(start + max(1, size - 1) - 1, start + size + STRETCH):
                if start not in within or end not in within:
                    continue
                lines = _alike(wanted, _bare(*self._new[start : end + 1]))
                if lines < least.lines:
                    continue
                over, under = _around(self._new, start, end)
                score = LINES * lines + (1 - LINES) * (_alike(above, over) + _alike(below, under)) / 2
                if score >= least.score and (best is None or score > best.score):
                    best = _Match(score, start, end)
            if best:
                yield best

    def _gone(self, first: int, last: int) -> Placed:
        gap = self._gap(first, last)
        start = min(gap.start, max(len(self._new) - 1, 0))
        return _placed(start, start, Fit.GONE)


def _believable(found: Sequence[_Match]) -> _Match | None:
    """The best, unless another one is nearly as good."""
    best = max(found, default=None)
    if best is None:
        return None
    rivals = [each.score for each in found if each.end < best.start or each.start > best.end]
    return None if rivals and best.score - max(rivals) < AMBIGUOUS else best


def _placed(start: int, end: int, fit: Fit) -> Placed:
    return Placed(start + 1, end + 1, fit)


def _worse(*fits: Fit) -> Fit:
    return max(fits, key=_WORST.index)


def _bare(*lines: str) -> str:
    """Lines as one, without spaces: so a line that was split or indented stays alike."""
    return _SPACE.sub("", "".join(lines))


def _around(lines: Sequence[str], first: int, last: int) -> tuple[str, str]:
    return _bare(*lines[max(0, first - AROUND) : first]), _bare(*lines[last + 1 : last + 1 + AROUND])


def _alike(one: str, other: str) -> float:
    return Indel.normalized_similarity(one, other)
