"""Rows read back from the HTML that shows them, so that a page can be held against what git says."""

from __future__ import annotations

import re

from server.reading import visible
from server.reading.row import Row, RowKind

NO_END = '<i class="end"></i>'  # after a last line without line feed

_KINDS = {"h": RowKind.HUNK, "s": RowKind.SAME, "a": RowKind.ADDED, "d": RowKind.REMOVED}
_ROW = re.compile(r'<div class="r ([a-z])(?: m)?"(?: data-o="(\d+)")?(?: data-n="(\d+)")?[^>]*>(.*?)</div>')
_ROW_STARTS = ('<div class="r ', '<div class="p">')


def lines_of_html(html: str) -> list[Row]:
    """The rows that a page shows, read back from its HTML: what a reader can see, and nothing else."""
    rows: list[Row] = []
    added: list[Row] = []  # of a split view's block: they stand beside the removed ones, and git tells them after those
    for line in html.replace("</div\n>", "</div>\n").split("\n"):
        if not line.startswith(_ROW_STARTS) or line.startswith('<div class="r h tail"'):
            continue
        found = [_row_of_html(match) for match in _ROW.finditer(line) if match[1] != "e"]
        if len(found) == 2 and found[0].kind is RowKind.SAME:
            found = [Row(RowKind.SAME, found[0].old, found[1].new, found[1].text, found[1].ends)]
        for row in found:
            if row.kind is RowKind.ADDED and line.startswith('<div class="p">'):
                added.append(row)
                continue
            if row.kind is not RowKind.REMOVED:
                rows += added
                added.clear()
            rows.append(row)
    return rows + added


def _row_of_html(match: re.Match[str]) -> Row:
    letter, old, new, code = match.groups()
    return Row(
        _KINDS[letter],
        int(old) if old else None,
        int(new) if new else None,
        visible.text(code),
        ends=NO_END not in code,
    )
