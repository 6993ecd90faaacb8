"""A file that two sides changed: where these changes meet, and each such place as the three sides have it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeVar

from server.reading import long_lines, rows, visible
from server.reading.row import Row, RowKind

Text = TypeVar("Text", str, bytes)
AROUND = 3  # lines shown above and below a place


@dataclass(frozen=True, slots=True)
class Step:
    """Lines of the base that a side has otherwise: `count` from `start` on, from 0, became `new_count` there."""

    start: int
    count: int
    new_start: int
    new_count: int

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def new_end(self) -> int:
        return self.new_start + self.new_count


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of one side: from `start`, counted from 0, up to `end`, which is the first one behind."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, lines: Sequence[Text]) -> Sequence[Text]:
        return lines[self.start : self.end]


class Region(NamedTuple):
    """A place that the sides have in different ways. None: that side has no such file."""

    base: Span | None
    target: Span | None
    change: Span | None


def steps(diff: bytes) -> list[Step]:
    """What a piece of `git diff` does, run by run of lines."""
    found: list[Step] = []
    run: list[Row] = []
    old = new = 0  # lines that lie behind, on each side
    for row in (*rows.parse(diff), Row(RowKind.HUNK, None, None, "")):
        if row.kind in (RowKind.ADDED, RowKind.REMOVED):
            run.append(row)
            continue
        if run:
            found.append(_step(run, old, new))
            run = []
        if row.kind is RowKind.SAME:
            old, new = row.old or 0, row.new or 0
        elif row.old is not None:
            old, new = _before_hunk(row.old, row.new or 0)
    return found


def _before_hunk(old: int, new: int) -> tuple[int, int]:
    """How many lines lie before a hunk, which git counts from 1; an empty side begins at 0."""
    return max(old - 1, 0), max(new - 1, 0)


def _step(run: Sequence[Row], old: int, new: int) -> Step:
    removed = [row.old for row in run if row.old is not None]
    added = [row.new for row in run if row.new is not None]
    start = removed[0] - 1 if removed else old
    new_start = added[0] - 1 if added else new
    return Step(start, len(removed), new_start, len(added))


def regions(
    target: Sequence[Step], change: Sequence[Step], target_lines: Sequence[bytes], change_lines: Sequence[bytes]
) -> list[Region]:
    """Where what the two sides did to one base overlaps or touches, and is not the same.

    The rule is git's own (xdl_do_merge in xdiff/xmerge.c), so these are the places that it puts markers around.

    Args:
        target, change: What each side did, in order, from `steps`.
        target_lines, change_lines: The lines of each side, with their ends. Only a line feed ends one.
    """
    return [
        Region(part.base, part.target, part.change)
        for part in _joined(_overlaps(target, change, target_lines, change_lines))
        if part.of is _Of.BOTH and _differ(part.target.of(target_lines), part.change.of(change_lines))
    ]


def _differ(ours: Sequence[bytes], theirs: Sequence[bytes]) -> bool:
    """Whether it is a conflict after all: where both came to the same in several steps, git takes that."""
    return ours != theirs or not ours


class _Of(Enum):
    """Whose part it is."""

    TARGET = auto()
    CHANGE = auto()
    BOTH = auto()


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that one side has otherwise than the base, or both, as all three have them."""

    base: Span
    target: Span
    change: Span
    of: _Of


def _overlaps(
    target: Sequence[Step], change: Sequence[Step], target_lines: Sequence[bytes], change_lines: Sequence[bytes]
) -> Iterator[_Part]:
    left, right = 0, 0
    while left < len(target) and right < len(change):
        ours, theirs = target[left], change[right]
        if ours.end < theirs.start:
            yield _one_sided(ours, theirs.new_start - theirs.start, _Of.TARGET)
            left += 1
            continue
        if theirs.end < ours.start:
            yield _one_sided(theirs, ours.new_start - ours.start, _Of.CHANGE)
            right += 1
            continue
        if not _same(ours, theirs, target_lines, change_lines):
            yield _meeting(ours, theirs)
        left, right = left + (theirs.end >= ours.end), right + (ours.end >= theirs.end)
    yield from (_one_sided(step, _shift_behind(change), _Of.TARGET) for step in target[left:])
    yield from (_one_sided(step, _shift_behind(target), _Of.CHANGE) for step in change[right:])


def _same(ours: Step, theirs: Step, target_lines: Sequence[bytes], change_lines: Sequence[bytes]) -> bool:
    return (ours.start, ours.count, ours.new_count) == (theirs.start, theirs.count, theirs.new_count) and (
        target_lines[ours.new_start : ours.new_end] == change_lines[theirs.new_start : theirs.new_end]
    )


def _meeting(ours: Step, theirs: Step) -> _Part:
    start, end = min(ours.start, theirs.start), max(ours.end, theirs.end)
    return _Part(
        Span(start, end),
        Span(ours.new_start - (ours.start - start), ours.new_end + (end - ours.end)),
        Span(theirs.new_start - (theirs.start - start), theirs.new_end + (end - theirs.end)),
        _Of.BOTH,
    )


def _one_sided(step: Step, shift: int, of: _Of) -> _Part:
    """`shift`: how many lines further down the other side has what the base has there."""
    own = Span(step.new_start, step.new_end)
    other = Span(step.start + shift, step.end + shift)
    target, change = (own, other) if of is _Of.TARGET else (other, own)
    return _Part(Span(step.start, step.end), target, change, of)


def _shift_behind(done: Sequence[Step]) -> int:
    return done[-1].new_end - done[-1].end if done else 0


def _joined(parts: Iterable[_Part]) -> list[_Part]:
    """Parts without a line between them are one; where they are of two sides, the sides meet there."""
    joined: list[_Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and (part.target.start <= last.target.end or part.change.start <= last.change.end):
            joined[-1] = _Part(
                Span(last.base.start, part.base.end),
                Span(last.target.start, part.target.end),
                Span(last.change.start, part.change.end),
                last.of if last.of is part.of else _Of.BOTH,
            )
        else:
            joined.append(part)
    return joined


def pairs(changed: Sequence[Step]) -> list[tuple[Span, Span]]:
    """Where two contents differ, on both sides: for files that only two of the three sides have."""
    return [(Span(step.start, step.end), Span(step.new_start, step.new_end)) for step in changed]


def column(
    span: Span, texts: Sequence[str], coloured: Sequence[str], own: Collection[int], *, sign: str, ends: bool = True
) -> str:
    """A place as one side has it, with lines around it, as rows with one number each.

    Args:
        texts: The side's lines.
        coloured: The side's whole file as HTML lines, from `colours.lines`; may end early.
        own: Lines, counted from 0, that this side has and the base has not, or the other way round.
        sign: "a" for lines that a side added, "d" for lines of the base that one of them took away.
        ends: Whether the side's last line has its end.
    """
    first, last = max(span.start - AROUND, 0), min(span.end + AROUND, len(texts))
    made = []
    for number in range(first, last):
        inside = span.start <= number < span.end
        kind = sign if inside and number in own else "s"
        end = "" if ends or number + 1 < len(texts) else rows.NO_END
        made.append(_row(kind, number + 1, _code(texts[number], coloured, number), end, old=sign == "d", inside=inside))
    return rows.page(rows.chunks(made, len(str(last)))) if made else ""


def _code(text: str, coloured: Sequence[str], number: int) -> str:
    if len(text) > long_lines.SHOWN:
        return long_lines.html(text, ())
    return (coloured[number] if number < len(coloured) else "") or visible.html(text)


def _row(kind: str, number: int, code: str, end: str, *, old: bool, inside: bool) -> str:
    meets = " meets" if inside else ""
    return f'<div class="r {kind}{meets}" data-{"o" if old else "n"}="{number}">{code}{end}</div>'
