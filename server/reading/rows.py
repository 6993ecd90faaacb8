"""The rows of a file's diff as HTML.

Each row is one line of the HTML's text, so that a row in HTML made long ago is found without parsing it. Line numbers
and signs are attributes that the style sheet shows: the page stays light, and what is copied is the code alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import assert_never

from server.domain.diff import View
from server.reading import long_lines, versions, visible, words
from server.reading.row import Row, RowKind, parse
from server.reading.shown_rows import NO_END, lines_of_html
from server.reading.words import Range

__all__ = ["CHUNK", "NO_END", "Row", "RowKind", "below", "chunks", "context", "html", "lines", "lines_of_html", "parse"]

CHUNK = 200  # lines of the page; the browser lays out a chunk only when it comes near (see .chunk in diff.css)
STEP = 20  # lines that the reader asks for at once around a hunk
_NOTHING = '<div class="r e"></div>'


def html(
    rows: Sequence[Row],
    *,
    view: View = View.UNIFIED,
    old: Sequence[str] | None = None,
    new: Sequence[str] | None = None,
    changed: Mapping[int, Sequence[Range]] | None = None,
    moved: Mapping[int, str] | None = None,
    length: int | None = None,
) -> list[str]:
    """The rows as chunks of at most `CHUNK` lines, each a `<div class="chunk …">`.

    Args:
        view: Split: both sides beside each other, where there are two.
        old, new: Each side's whole file as HTML lines, from `colours.lines`; None: plain. They may end early.
        changed: Ranges of characters that changed, by the row's place in `rows`, from `words.changed`.
        moved: Places of rows that are elsewhere too; where a block of them begins, the place to name, from
            `moves.labels`, else "".
        length: How many lines the new file has, if that is known: then the last row tells what lies below the rows.
    """
    if not rows:
        return []
    maker = _Maker(rows, old or (), new or (), changed or {}, moved or {})
    made = maker.split() if view is View.SPLIT and _has_two_sides(rows) else maker.unified()
    if tail := _tail(rows, length):
        made.append(tail)
    digits = len(str(max(max(row.old or 0, row.new or 0) for row in rows)))
    return chunks(made, digits)


def chunks(made: Sequence[str], digits: int) -> list[str]:
    """Rows as chunks of at most `CHUNK` lines; `digits` is how many their longest number has."""
    return [_chunk(made[start : start + CHUNK], digits) for start in range(0, len(made), CHUNK)]


def _has_two_sides(rows: Iterable[Row]) -> bool:
    """Whether there is something to see on both sides: a new or a deleted file needs one column only."""
    kinds = {row.kind for row in rows}
    return RowKind.SAME in kinds or {RowKind.ADDED, RowKind.REMOVED} <= kinds


def context(first_old: int, first_new: int, lines: Iterable[str], view: View = View.UNIFIED) -> str:
    """Rows of unchanged lines that the reader asked to see, to stand between those of a chunk.

    Args:
        first_old, first_new: The first line's numbers on both sides.
        lines: The lines as HTML, from `colours.lines` or `visible.html`.
    """
    made = []
    for place, code in enumerate(lines):
        old, new = first_old + place, first_new + place
        if view is View.SPLIT:
            made.append(_pair(_same("o", old, code), _same("n", new, code)))
        else:
            made.append(f'<div class="r s" data-o="{old}" data-n="{new}">{code}</div>')
    return "\n".join(made)


def below(chunks: Sequence[str], talk: Mapping[tuple[str, int], str]) -> tuple[list[str], list[tuple[str, int]]]:
    """The chunks with HTML put under lines, and which of the lines they don't show.

    Args:
        talk: HTML by side ("old" or "new") and line number; it goes into a `<div class="talk">` of its own.
    """
    found: dict[int, list[tuple[int, str]]] = {}
    left = []
    for line, said in talk.items():
        for number, chunk in enumerate(chunks):
            if (place := _end_of_row(chunk, *line)) >= 0:
                found.setdefault(number, []).append((place, f'\n<div class="talk">{said}</div>'))
                break
        else:
            left.append(line)
    return [_inserted(chunk, found.get(number, ())) for number, chunk in enumerate(chunks)], left


def page(chunks: Sequence[str]) -> str:
    """The chunks as a page sends them: the line feeds between rows within their end tags, where they are no text.

    A browser would keep each of 20,000 as a node of its own.
    """
    return "".join(chunks).replace("</div>\n", "</div\n>")


def _end_of_row(chunk: str, side: str, number: int) -> int:
    """Where a line's row ends, in characters; -1 where the chunk doesn't show that line."""
    wanted = f' data-{side[0]}="{number}"'  # no text of a file can look so: its quotation marks are escaped
    found = chunk.find(wanted)
    while found >= 0 and chunk.startswith('<div class="r h', chunk.rfind("\n", 0, found) + 1):
        found = chunk.find(wanted, found + 1)
    return chunk.find("\n", found) if found >= 0 else -1


def _inserted(chunk: str, pieces: Iterable[tuple[int, str]]) -> str:
    """The chunk with pieces put in at their places; what is at the same place keeps its order."""
    parts: list[str] = []
    done = 0
    for place, piece in sorted(pieces, key=lambda found: found[0]):
        parts += chunk[done:place], piece
        done = place
    return "".join((*parts, chunk[done:]))


def lines(row: Row) -> Iterator[tuple[str, int]]:
    """Each side's line that the row shows; a hunk's heading shows none."""
    if row.kind is RowKind.HUNK:
        return
    if row.old is not None:
        yield "old", row.old
    if row.new is not None:
        yield "new", row.new


class _Maker:
    """Makes one file's rows, each as one line of HTML text."""

    def __init__(
        self,
        rows: Sequence[Row],
        old: Sequence[str],
        new: Sequence[str],
        changed: Mapping[int, Sequence[Range]],
        moved: Mapping[int, str],
    ) -> None:
        self._rows, self._old, self._new = rows, old, new
        self._changed, self._moved = changed, moved
        self._gaps = _gaps(rows)

    def unified(self) -> list[str]:
        return [self._row(place, row) for place, row in enumerate(self._rows)]

    def split(self) -> list[str]:
        return [self._sides(left, right) for left, right in versions.sides(self._rows)]

    def _sides(self, left: int | None, right: int | None) -> str:
        if left is not None and left == right:
            return self._both(left, self._rows[left])
        old = _NOTHING if left is None else self._row(left, self._rows[left])
        new = _NOTHING if right is None else self._row(right, self._rows[right])
        return _pair(old, new)

    def _both(self, place: int, row: Row) -> str:
        """What stands on both sides: a hunk's heading once across them, an unchanged line on each as it is there."""
        if row.kind is RowKind.HUNK:
            return self._row(place, row)
        end = "" if row.ends else NO_END
        old = self._code(place, row.text, self._old, row.old)
        new = self._code(place, row.text, self._new, row.new)
        return _pair(_same("o", row.old, old + end), _same("n", row.new, new + end))

    def _row(self, place: int, row: Row) -> str:
        end = "" if row.ends else NO_END
        match row.kind:
            case RowKind.SAME:
                code = self._code(place, row.text, self._new, row.new)
                return f'<div class="r s" data-o="{row.old}" data-n="{row.new}">{code}{end}</div>'
            case RowKind.ADDED:
                code = self._code(place, row.text, self._new, row.new)
                if place in self._moved:
                    return self._moved_row(place, f'r a m" data-n="{row.new}"', code + end)
                return f'<div class="r a" data-n="{row.new}">{code}{end}</div>'
            case RowKind.REMOVED:
                code = self._code(place, row.text, self._old, row.old)
                if place in self._moved:
                    return self._moved_row(place, f'r d m" data-o="{row.old}"', code + end)
                return f'<div class="r d" data-o="{row.old}">{code}{end}</div>'
            case RowKind.HUNK:
                gap = _hidden(self._gaps[place])
                return (
                    f'<div class="r h" data-o="{row.old}" data-n="{row.new}"{gap} tabindex="-1">'
                    f"{visible.html(row.text)}{end}</div>"
                )
            case _:
                assert_never(row.kind)

    def _moved_row(self, place: int, head: str, code: str) -> str:
        if not (label := self._moved[place]):
            return f'<div class="{head}>{code}</div>'
        where = f' data-m="{escape(visible.plain(label))}"'
        return f'<div class="{head}{where}>{code}<i class="moved"{where}></i></div>'

    def _code(self, place: int, text: str, side: Sequence[str], number: int | None) -> str:
        """The coloured line where the whole file has it; else the text itself."""
        ranges = () if place in self._moved else self._changed.get(place, ())
        if len(text) > long_lines.SHOWN:
            return long_lines.html(text, ranges)
        coloured = side[number - 1] if number is not None and 0 < number <= len(side) else ""
        code = coloured or visible.html(text)
        return words.mark(code, ranges) if ranges else code


def _same(side: str, number: int | None, code: str) -> str:
    return f'<div class="r s" data-{side}="{number}">{code}</div>'


def _pair(left: str, right: str) -> str:
    return f'<div class="p">{left}{right}</div>'


def _chunk(rows: Sequence[str], digits: int) -> str:
    """Rows as a chunk whose classes tell its height, in tens and ones, and the width of its numbers to the style."""
    tens, ones = divmod(len(rows), 10)
    return "\n".join((f'<div class="chunk t{tens} u{ones} no-{min(max(digits, 3), 7)}">', *rows, "</div>"))


def _gaps(rows: Sequence[Row]) -> dict[int, int]:
    """How many unchanged lines lie hidden above each hunk, by the place of its row."""
    gaps: dict[int, int] = {}
    unseen = 1  # the first old line that no row so far shows
    for place, row in enumerate(rows):
        if row.kind is RowKind.HUNK:
            first = _first_old(rows, place)
            gaps[place] = max(first - unseen, 0)
            unseen = max(first, unseen)
        elif row.old is not None:
            unseen = row.old + 1
    return gaps


def _first_old(rows: Sequence[Row], hunk: int) -> int:
    """The old line that a hunk begins with, or else, for git names the one before it, the one that it stands before."""
    for place in range(hunk + 1, len(rows)):
        row = rows[place]
        if row.kind is RowKind.HUNK:
            break
        if row.old is not None:
            return row.old
    return (rows[hunk].old or 0) + 1


def _hidden(count: int) -> str:
    return f' data-up="{min(count, STEP)}" data-gap="{count}"' if count else ""


def _tail(rows: Sequence[Row], length: int | None) -> str:
    """The row that tells how many lines lie below the last one; empty where that is none or nobody knows."""
    last_old = next((row.old for row in reversed(rows) if row.old is not None and row.kind is not RowKind.HUNK), None)
    last_new = next((row.new for row in reversed(rows) if row.new is not None and row.kind is not RowKind.HUNK), None)
    if length is None or last_new is None or length <= last_new:
        return ""
    return (
        f'<div class="r h tail" data-o="{(last_old or 0) + 1}" data-n="{last_new + 1}"'
        f'{_hidden(length - last_new)} tabindex="-1"></div>'
    )
