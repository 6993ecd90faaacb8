"""Which words of a line changed, where a removed line and an added one are two versions of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from rapidfuzz.distance import Indel, Postfix, Prefix

from server.reading import versions
from server.reading.row import Row

LONGEST = 1000  # characters of a line whose words are compared; of a longer one, the part between its same ends counts
ALIKE = 0.4  # the share of both lines that must be the same; below, they are two lines and not two versions of one
SECONDS = 0.15  # after which the rest is left unmarked

Range = tuple[int, int]
_TOKENS = re.compile(r"[^\W_]+|\s+|.", re.DOTALL)  # parts of a name are words
_PIECES = re.compile(r'(<span class="unseen"[^>]*>[^<]*</span>|&[^;]+;)|(<[^>]*>)|[^<&]+')


def changed(rows: Sequence[Row], seconds: float = SECONDS) -> dict[int, list[Range]]:
    """The changed ranges of characters, by a row's place in `rows`."""
    deadline = time.monotonic() + seconds
    found: dict[int, list[Range]] = {}
    for removed, added in versions.pairs(rows, seconds).items():
        if time.monotonic() > deadline:
            break
        found[removed], found[added] = _compare(rows[removed].text, rows[added].text)
    return {place: ranges for place, ranges in found.items() if ranges}


def mark(html: str, ranges: Sequence[Range]) -> str:
    """A coloured line with `<span class="word">` around the characters of its text that are in `ranges`.

    Args:
        html: Text with tags and entities as `colours` and `visible` write them; a marked unseen character counts once.
        ranges: In rising order, apart from each other.
    """
    parts = groupby(_cut(html, ranges), key=itemgetter(1))
    return "".join(_marked("".join(text for text, _ in part), within=within) for within, part in parts)


def _cut(html: str, ranges: Sequence[Range]) -> Iterator[tuple[str, bool]]:
    """The pieces of a line, each wholly within a range or outside; tags are outside, so that marks never cross them."""
    cuts = [cut for both in ranges for cut in both]
    place = passed = 0  # characters so far; cuts that lie behind. An odd number of them: within a range
    for piece in _PIECES.finditer(html):
        one, tag = piece.group(1, 2)
        if tag:
            yield tag, False
            continue
        text, start = piece[0], 0
        length = 1 if one else len(text)
        while passed < len(cuts) and cuts[passed] < place + length:
            cut = max(cuts[passed] - place, 0)
            yield text[start:cut], passed % 2 == 1
            start, passed = cut, passed + 1
        yield text[start:], passed % 2 == 1
        place += length


def _marked(text: str, *, within: bool) -> str:
    return f'<span class="word">{text}</span>' if within and text else text


def _compare(old: str, new: str) -> tuple[list[Range], list[Range]]:
    """The ranges of two versions that differ; none where they have little in common."""
    if max(len(old), len(new)) > LONGEST:
        return _between_same_ends(old, new)
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    steps = Indel.opcodes(before, after)
    kept = sum(_weight(before[step.src_start : step.src_end]) for step in steps if step.tag == "equal")
    if 2 * kept < ALIKE * (_weight(before) + _weight(after)):
        return [], []
    return (
        _characters(before, ((step.src_start, step.src_end) for step in steps if step.tag != "equal")),
        _characters(after, ((step.dest_start, step.dest_end) for step in steps if step.tag != "equal")),
    )


def _between_same_ends(old: str, new: str) -> tuple[list[Range], list[Range]]:
    start = Prefix.similarity(old, new)
    end = Postfix.similarity(old[start:], new[start:])
    return _range(start, len(old) - end), _range(start, len(new) - end)


def _range(start: int, end: int) -> list[Range]:
    return [(start, end)] if end > start else []


def _weight(tokens: Sequence[str]) -> int:
    """Characters that say something: the same blanks don't make two lines alike."""
    return sum(len(token) for token in tokens if not token.isspace())


def _characters(tokens: Sequence[str], ranges: Iterable[Range]) -> list[Range]:
    """Ranges of tokens as ranges of characters; two with nothing but blanks between them are one."""
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token))
    found: list[Range] = []
    for start, end in ranges:
        if end == start:
            continue
        if found and not "".join(tokens[found[-1][1] : start]).strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(starts[start], starts[end]) for start, end in found]
