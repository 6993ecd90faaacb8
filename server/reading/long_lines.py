"""Very long lines: all of one is on the page, but only what a reader needs of it is laid out."""

from __future__ import annotations

from collections.abc import Sequence

from server.reading import visible
from server.reading.words import Range

SHOWN = 2000  # characters up to which a line is shown as it is
HEAD = 1000  # characters that a longer one, and each change in it, begins with
AROUND = 200  # characters shown on both sides of a change


def html(text: str, ranges: Sequence[Range]) -> str:
    """A very long line as HTML: its head and what surrounds the changes in it at once, what lies between in folds.

    Args:
        ranges: The characters that changed, in rising order.
    """
    shown = [(0, HEAD)] + [(max(start - AROUND, 0), min(end, start + HEAD) + AROUND) for start, end in ranges]
    parts, done = [], 0
    for start, end in sorted(shown):
        if start > done + AROUND:
            parts.append(_fold(text, ranges, done, start))
            done = start
        if end > done:
            parts.append(_piece(text, ranges, done, end))
            done = end
    if len(text) > done + AROUND:
        parts.append(_fold(text, ranges, done, len(text)))
    else:
        parts.append(_piece(text, ranges, done, len(text)))
    return "".join(parts)


def _fold(text: str, ranges: Sequence[Range], start: int, end: int) -> str:
    summary = f'<summary data-count="{end - start:,}"></summary>'
    return f'<details class="rest">{summary}{_piece(text, ranges, start, end)}</details>'


def _piece(text: str, ranges: Sequence[Range], start: int, end: int) -> str:
    """Characters of a text as HTML, with what changed in them marked."""
    parts, done = [], start
    for first, last in ranges:
        if first < end and last > done:
            parts.append(visible.html(text[done : max(first, done)]))
            done_at, done = max(first, done), min(last, end)
            parts.append(f'<span class="word">{visible.html(text[done_at:done])}</span>')
    parts.append(visible.html(text[done:end]))
    return "".join(parts)
