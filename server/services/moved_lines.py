"""Which lines of a comparison moved, and where to; found once for all of its files."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from server.domain.base import shown
from server.domain.diff import Comparison, FileDiff
from server.reading import moves, rows
from server.reading.rows import Row, RowKind
from server.services import colouring, comparisons
from server.services.narrows import Narrows

AT_ONCE = 5000  # changed lines of a whole change in which moved ones are looked for while somebody waits
_finding = threading.Lock()  # in one change at a time: whoever waits finds it done

Marks = Mapping[
    str, Mapping[int | None, str]
]  # by side and number of a line that moved: what to say, as `moves.labels` does


def find(
    narrows: Narrows, comparison: Comparison, *, patient: bool, files: Sequence[FileDiff] | None = None
) -> dict[int, Marks] | None:
    """The moved lines of every file that has some, by its position; None where looking for them takes too long."""
    store, key = colouring.store(narrows), colouring.digest("moves", comparison.base_tree, comparison.tree)
    if kept := store.get([key]):
        return _unpacked(kept[key])
    if not patient and _changed_lines(narrows, comparison) > AT_ONCE:
        return None
    with _finding:
        if kept := store.get([key]):  # meanwhile
            return _unpacked(kept[key])
        found = _find_moves(comparisons.files(narrows, comparison) if files is None else files)
        store.put({key: json.dumps(found)})
    return _unpacked(json.dumps(found))


def _changed_lines(narrows: Narrows, comparison: Comparison) -> int:
    outline = comparisons.outline(narrows, comparison)
    return sum((row.additions or 0) + (row.deletions or 0) for row in outline)


def _find_moves(files: Sequence[FileDiff]) -> dict[int, dict[str, dict[int, str]]]:
    parsed = [rows.parse(each.text) for each in files]
    names = [shown(each.path) for each in files]
    found: dict[int, dict[str, dict[int, str]]] = {}
    for position, moved in enumerate(moves.find(parsed)):
        for place, label in moves.labels(moved, names).items():
            for side, number in rows.lines(parsed[position][place]):
                found.setdefault(position, {}).setdefault(side, {})[number] = label
    return found


def _unpacked(kept: str) -> dict[int, Marks]:
    return {
        int(position): {side: {int(n): label for n, label in labels.items()} for side, labels in sides.items()}
        for position, sides in json.loads(kept).items()
    }


def of(marks: Mapping[int, Marks] | None, position: int) -> Marks:
    """One file's."""
    return (marks or {}).get(position, {})


def labels(parsed: Sequence[Row], marks: Marks) -> dict[int, str]:
    """The labels by the place of the row. An unchanged line is none that moved, wherever it is one otherwise."""
    found: dict[int, str] = {}
    if not marks:
        return found
    old, new = marks.get("old", {}), marks.get("new", {})
    for place, row in enumerate(parsed):
        side, number = (old, row.old) if row.kind is RowKind.REMOVED else (new, row.new)
        if row.kind in (RowKind.REMOVED, RowKind.ADDED) and number in side:
            found[place] = side[number]
    return found
