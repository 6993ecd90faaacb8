"""Blocks of lines that were removed in one place of a change and added in another.

The rule is that of `git diff --color-moved`: a block says something only from twenty letters and digits on; here it
also has three lines with something in them. All lines of a block are indented more, or less, by the same blanks: code
whose indentation changed unevenly may mean something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from server.reading.row import Row, RowKind

LINES = 3  # of a block, with something in them
LETTERS = 20  # letters and digits in it
CHOICES = 8  # places that a block is looked for; what is repeated more often is no move of one of them


class Move(NamedTuple):
    """Where a row stands on the other side: the file, by its place among those looked at, and the line's number there.

    `first`: a block begins with this row. `indented`: there it has other blanks at its start.
    """

    file: int
    line: int
    first: bool
    indented: bool


class _Place(NamedTuple):
    file: int
    row: int


class _Block(NamedTuple):
    """Removed rows from `came` on that are the added ones from some place on."""

    size: int
    unclaimed: bool
    came: _Place
    indented: bool


_Key = tuple[str, ...]
_Found = list[dict[int, Move]]


def find(files: Sequence[Sequence[Row]]) -> _Found:
    """The moved rows of each file, by their place in it: removed ones with where they went, added ones whence.

    Args:
        files: The rows of all files of a change.
    """
    found: _Found = [{} for _ in files]
    if not (starts := _starts(files)):
        return found
    for file, rows in enumerate(files):
        for run in _runs(rows, RowKind.ADDED):
            done = run.start
            for place, key in _keys(rows, run):
                if place < done or key not in starts:
                    continue
                blocks = [_block(files, came, rows, range(place, run.stop), found) for came in starts[key]]
                block = max(blocks, key=lambda block: (block.size, block.unclaimed))
                if _says_something(rows, place, block.size):
                    _note(files, found, block, _Place(file, place))
                done = place + block.size
    return found


def labels(moves: Mapping[int, Move], paths: Sequence[str]) -> dict[int, str]:
    """What `rows.html` shows of moves: by a row's place the other place's name where a block begins, else "".

    Args:
        paths: The files' names as they are shown, in the order in which `find` got them.
    """
    return {place: _label(move, paths) if move.first else "" for place, move in moves.items()}


def _label(move: Move, paths: Sequence[str]) -> str:
    return f"{paths[move.file]}:{move.line}{', indented anew' if move.indented else ''}"


def _runs(rows: Sequence[Row], kind: RowKind) -> Iterator[range]:
    """Where rows of a kind follow each other, if a block fits in."""
    start = 0
    for place, row in enumerate(rows):
        if row.kind is not kind:
            if place - start >= LINES:
                yield range(start, place)
            start = place + 1
    if len(rows) - start >= LINES:
        yield range(start, len(rows))


def _starts(files: Sequence[Sequence[Row]]) -> dict[_Key, list[_Place]]:
    """Where removed blocks can begin, by the first lines of them that have something in them."""
    starts: dict[_Key, list[_Place]] = {}
    for file, rows in enumerate(files):
        for run in _runs(rows, RowKind.REMOVED):
            for place, key in _keys(rows, run):
                places = starts.setdefault(key, [])
                if len(places) < CHOICES:
                    places.append(_Place(file, place))
    return starts


def _keys(rows: Sequence[Row], run: range) -> Iterator[tuple[int, _Key]]:
    """Each line of a run that has something in it, with its text and that of the next such lines."""
    told = [(place, text) for place in run if (text := rows[place].text.strip())]
    for first, second, third in zip(told, told[1:], told[2:], strict=False):
        yield first[0], (first[1], second[1], third[1])


def _block(files: Sequence[Sequence[Row]], came: _Place, rows: Sequence[Row], run: range, found: _Found) -> _Block:
    """How far the removed rows from `came` on are the added ones of a run."""
    removed = files[came.file]
    size, told, shift = 0, 0, None
    for count in range(min(len(run), len(removed) - came.row)):
        before, after = removed[came.row + count], rows[run.start + count]
        if before.kind is not RowKind.REMOVED or before.ends is not after.ends:
            break
        if before.text.strip():
            between = _shift(before.text, after.text)
            if between is None or shift not in (None, between):
                break
            size, told, shift = count + 1, told + 1, between
        elif before.text != after.text:
            break
    whole = size if told >= LINES else 0
    return _Block(whole, came.row not in found[came.file], came, indented=shift not in (None, (True, "")))


def _shift(before: str, after: str) -> tuple[bool, str] | None:
    """By which blanks more (or else less) a line is indented; None where its text is another one."""
    if before == after:
        return True, ""
    code = before.lstrip()
    if after.lstrip() != code:
        return None
    old, new = before[: -len(code)], after[: -len(code)]
    if new.endswith(old):
        return True, new.removesuffix(old)
    return (False, old.removesuffix(new)) if old.endswith(new) else None


def _says_something(rows: Sequence[Row], start: int, size: int) -> bool:
    letters = 0
    for place in range(start, start + size):
        letters += sum(map(str.isalnum, rows[place].text))
        if letters >= LETTERS:
            return True
    return False


def _note(files: Sequence[Sequence[Row]], found: _Found, block: _Block, went: _Place) -> None:
    came = block.came
    for n in range(block.size):
        old, new = files[came.file][came.row + n].old, files[went.file][went.row + n].new
        assert old is not None
        assert new is not None
        found[went.file][went.row + n] = Move(came.file, old, n == 0, block.indented)
        found[came.file].setdefault(came.row + n, Move(went.file, new, n == 0, block.indented))
