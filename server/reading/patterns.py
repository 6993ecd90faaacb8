"""The same edit in many places: found so that it is read once, with what is nearly the same and yet is not.

Two edits are the same where what they take away and put in its place is the same, token by token. What stands around
that may differ, and so may how far lines are indented, and names that are on both sides: they are moved, not chosen.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

from server.domain.review import Side
from server.reading import versions
from server.reading.row import Row, RowKind

LEAST = 3  # places that make a pattern
MOST = 60  # patterns of a change: who has read those with the most places reads the rest as it is
SECONDS = 3.0  # of work for looking through a change, however busy the machine is
LONGEST = 2000  # characters of an edit that is compared token by token; a longer one is the same where its text is
SHORTEST = 3  # letters and digits of an edit whose lines only come, or only go
TELLING = 3  # letters of a word by which an edit is known
_TOKENS = re.compile(r"[^\W_]+|\s+|.", re.DOTALL)  # parts of a name are words
_WORD = re.compile(r"[^\W_]+")

Parsed = Sequence[Sequence[Row]]
Tokens = tuple[str | int, ...]  # a number stands for a word that is moved
Piece = tuple[Tokens, Tokens]  # what goes, and what comes for it
Key = tuple[Tokens, ...]  # pieces, one after the other
Span = tuple[int, int, int, int]  # from and to on the old side, from and to on the new side
NONE: Tokens = (-1,)  # stands for a side without lines


@dataclass(frozen=True, slots=True)
class Edit:
    """Rows of one file that go, and those that come for them: places in its rows, one of the two may have none.

    `file`: which of the files that were looked at.
    """

    file: int
    removed: range
    added: range

    @property
    def size(self) -> int:
        """How many rows it has."""
        return len(self.removed) + len(self.added)

    @property
    def places(self) -> Iterator[int]:
        yield from self.removed
        yield from self.added

    def line(self, rows: Sequence[Row]) -> tuple[Side, int]:
        """Where it is said to stand: its first new line, or its first old one where nothing new comes."""
        first = rows[self.added.start if self.added else self.removed.start]
        return (Side.NEW, first.new or 0) if self.added else (Side.OLD, first.old or 0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One edit in at least `LEAST` places, in the order of the files.

    `exceptions` say the words that it takes away, and are other edits.
    """

    edits: list[Edit]
    exceptions: list[Edit]


@dataclass(frozen=True, slots=True)
class Found:
    """What a change consists of: each removed and each added row is in one edit, of a pattern or of `others`.

    The pattern with the most places comes first.
    """

    patterns: list[Pattern]
    others: list[Edit]

    def wholly(self) -> set[int]:
        """The files in which nothing but patterns' edits is."""
        return {edit.file for pattern in self.patterns for edit in pattern.edits} - {edit.file for edit in self.others}

    def beside(self) -> list[Edit]:
        """The other edits in files that have a pattern's, too."""
        patterned = {edit.file for pattern in self.patterns for edit in pattern.edits}
        return [edit for edit in self.others if edit.file in patterned]


def find(files: Parsed, seconds: float = SECONDS) -> Found | None:
    """The patterns in the rows of all files of a change; None where it takes more work than `seconds`."""
    deadline = time.thread_time() + seconds
    keyed: list[tuple[Edit, Key]] = []
    for edit in _edits(files):
        if time.thread_time() > deadline:
            return None
        keyed.append((edit, _key(files, edit)))
    often = Counter(key for _, key in keyed)
    pieces: list[tuple[Edit, Key]] = []
    for edit, key in keyed:
        if time.thread_time() > deadline:
            return None
        pieces += _pieces(files, edit, key, often)
    return _sorted(files, pieces)


def unrepeated_lines(files: Parsed, seconds: float = SECONDS) -> int:
    """How many changed lines there are to read, where a pattern is read in one place."""
    changed = sum(row.kind in (RowKind.ADDED, RowKind.REMOVED) for rows in files for row in rows)
    found = find(files, seconds)
    repeated = [edit.size for pattern in found.patterns for edit in pattern.edits[1:]] if found else []
    return changed - sum(repeated)


def _edits(files: Parsed) -> Iterator[Edit]:
    """Every removed row and every added one, those that follow each other together."""
    for file, rows in enumerate(files):
        for start, middle, end in versions.blocks(rows):
            yield Edit(file, range(start, middle), range(middle, end))


def _pieces(files: Parsed, edit: Edit, key: Key, often: Counter[Key]) -> list[tuple[Edit, Key]]:
    """An edit line by line, where lines stand against lines and it is not found elsewhere as a whole, or where all its
    lines are the same edit.
    """
    if len(edit.removed) != len(edit.added) or len(edit.removed) == 1:
        return [(edit, key)]
    lines = [
        Edit(edit.file, range(old, old + 1), range(new, new + 1))
        for old, new in zip(edit.removed, edit.added, strict=True)
    ]
    keyed = [(line, _key(files, line)) for line in lines]
    alike = len({own for _, own in keyed}) == 1
    return keyed if alike or often[key] < LEAST else [(edit, key)]


def _sorted(files: Parsed, pieces: Iterable[tuple[Edit, Key]]) -> Found:
    groups: defaultdict[Key, list[Edit]] = defaultdict(list)
    for edit, key in pieces:
        groups[key].append(edit)
    repeated = [(key, edits) for key, edits in groups.items() if len(edits) >= LEAST and _says_something(key)]
    patterned = dict(sorted(repeated, key=lambda group: (-len(group[1]), _place(group[1][0])))[:MOST])
    others = _joined(sorted((e for k, es in groups.items() if k not in patterned for e in es), key=_place))
    said = [(edit, _words(files, edit)) for edit in others]
    return Found([Pattern(edits, _exceptions(_telling(key), said)) for key, edits in patterned.items()], others)


def _place(edit: Edit) -> tuple[int, int]:
    return edit.file, edit.removed.start if edit.removed else edit.added.start


def _joined(edits: Iterable[Edit]) -> list[Edit]:
    """Edits, of which lines that were taken apart and follow each other are one again."""
    joined: list[Edit] = []
    for edit in edits:
        last = joined[-1] if joined else None
        if (
            last
            and last.file == edit.file
            and _follows(last.removed, edit.removed)
            and _follows(last.added, edit.added)
        ):
            joined[-1] = Edit(edit.file, _both(last.removed, edit.removed), _both(last.added, edit.added))
        else:
            joined.append(edit)
    return joined


def _follows(one: range, other: range) -> bool:
    return bool(one and other) and one.stop == other.start


def _both(one: range, other: range) -> range:
    return range(one.start, other.stop)


def _key(files: Parsed, edit: Edit) -> Key:
    """What an edit is known by: the same for two of the same kind."""
    rows = files[edit.file]
    removed, added = (_text(rows[place] for place in places) for places in (edit.removed, edit.added))
    return _compared(*_dedented(removed, added))


def _text(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(row.text if row.ends else f"{row.text}\0" for row in rows)


def _dedented(removed: tuple[str, ...], added: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Both sides without the blanks that all of their lines begin with; None for one that has no lines."""
    told = [line for line in (*removed, *added) if line.strip()]
    common = len(_common_start([line[: len(line) - len(line.lstrip(" \t"))] for line in told]))
    old, new = ("\n".join(line[common:] for line in lines) if lines else None for lines in (removed, added))
    return old, new


def _common_start(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    low, high = min(texts), max(texts)
    return next((low[:n] for n in range(len(low)) if low[n] != high[n]), low)


@lru_cache(maxsize=4096)
def _compared(removed: str | None, added: str | None) -> Key:
    """The pieces that change, each once, with what they were and what they are. A word on both sides is only moved:
    a number stands for it. None: there are no lines on that side.
    """
    if removed is None or added is None:
        return (NONE if removed is None else (removed,), NONE if added is None else (added,))
    if len(removed) + len(added) > LONGEST:
        return ((removed,), (added,))
    before, after = _TOKENS.findall(removed), _TOKENS.findall(added)
    pieces = [(tuple(before[a:b]), tuple(after[c:d])) for a, b, c, d in _changed(before, after)]
    gone, come = ({token for piece in pieces for token in piece[side]} for side in (0, 1))
    if moved := {token for token in gone & come if _WORD.fullmatch(token)}:
        pieces = _numbered(pieces, moved)
    return tuple(tokens for piece in dict.fromkeys(pieces) for tokens in piece)


def _changed(before: list[str], after: list[str]) -> list[Span]:
    """Where tokens go and others come for them, in as few pieces as they are from the front or from the back: a word
    that stands there twice can be taken for either.
    """
    spans = _spans(before, after)
    if len(spans) < 2:
        return spans
    ends = (len(before), len(before), len(after), len(after))
    turned = [
        (ends[1] - b, ends[0] - a, ends[3] - d, ends[2] - c)
        for a, b, c, d in reversed(_spans(before[::-1], after[::-1]))
    ]
    return turned if len(turned) < len(spans) else spans


def _spans(before: list[str], after: list[str]) -> list[Span]:
    spans: list[Span] = []
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            continue
        start, arrived = step.src_start, step.dest_start
        if spans and (spans[-1][1], spans[-1][3]) == (start, arrived):
            start, _, arrived, _ = spans.pop()
        spans.append((start, step.src_end, arrived, step.dest_end))
    return spans


def _numbered(pieces: list[Piece], moved: Collection[str]) -> list[Piece]:
    """The pieces with numbers for the words in `moved`, in the order in which these come."""
    numbers: dict[str, int] = {}

    def numbered(tokens: Tokens) -> Tokens:
        return tuple(
            numbers.setdefault(token, len(numbers)) if isinstance(token, str) and token in moved else token
            for token in tokens
        )

    return [(numbered(gone), numbered(come)) for gone, come in pieces]


def _tokens(key: Key, side: int) -> Iterator[str | int]:
    """What an edit takes away (0) or puts there (1)."""
    return (token for tokens in key[side::2] for token in tokens)


def _says_something(key: Key) -> bool:
    """Whether it is an edit that one can name: lines that only come or only go are more than a brace, or nothing."""
    if NONE not in key:
        return True
    texts = (token for side in (0, 1) for token in _tokens(key, side) if isinstance(token, str))
    return sum(map(str.isalnum, "".join(texts))) >= SHORTEST


def _telling(key: Key) -> frozenset[str]:
    """The words that it takes away; those that it puts there, where it takes none away."""
    for side in (0, 1):
        texts = (token for token in _tokens(key, side) if isinstance(token, str))
        if found := {word for text in texts for word in _WORD.findall(text) if len(word) >= TELLING}:
            return frozenset(found)
    return frozenset()


def _words(files: Parsed, edit: Edit) -> frozenset[str]:
    rows = files[edit.file]
    return frozenset(word for place in edit.places for word in _WORD.findall(rows[place].text))


def _exceptions(telling: frozenset[str], others: Sequence[tuple[Edit, frozenset[str]]]) -> list[Edit]:
    return [edit for edit, words in others if telling <= words] if telling else []
