"""Marks on files that the person has read. They belong to what the file holds on both sides of what is compared.

A rebase that leaves the file alone keeps its mark, in whichever revision or comparison the same content is met.
"""

from __future__ import annotations

from server.domain.diff import Comparison, FileOutline
from server.domain.file_row import FileRow
from server.domain.review import Viewed
from server.services.narrows import Narrows
from server.store import queries

PLAIN = ("100644", "000000")  # a file, or none


def viewed(narrows: Narrows, comparison: Comparison) -> set[int]:
    """The positions of the files that bear a mark."""
    trees = (comparison.base_tree, comparison.tree)
    with narrows.reading() as db:
        marks = queries.viewed(db, comparison.project_id, *trees)
        contents = {row.position: _content(row) for row in queries.file_outline(db, *trees)} if marks else {}
    return {position for position, mark in marks if contents[position] == (mark.old_blob, mark.new_blob)}


def mark(narrows: Narrows, comparison: Comparison, position: int) -> None:
    """The file was read.

    Raises:
        NotFound: The comparison has no such file.
    """
    with narrows.transaction() as db:
        wanted = _mark(comparison, queries.file(db, comparison.base_tree, comparison.tree, position))
        if queries.find_viewed(db, wanted) is None:
            db.add(wanted)


def unmark(narrows: Narrows, comparison: Comparison, position: int) -> None:
    """It is to be read again.

    Raises:
        NotFound: The comparison has no such file.
    """
    with narrows.transaction() as db:
        wanted = _mark(comparison, queries.file(db, comparison.base_tree, comparison.tree, position))
        if found := queries.find_viewed(db, wanted):
            db.delete(found)


def _mark(comparison: Comparison, row: FileRow) -> Viewed:
    old, new = _content(row)
    return Viewed(project_id=comparison.project_id, path=row.path, old_blob=old, new_blob=new)


def _content(row: FileRow | FileOutline) -> tuple[str, str]:
    """What the file holds on each side; with its mode where that says something, as a new mode is to be seen, too."""
    return _side(row.old_mode, row.old_blob), _side(row.new_mode, row.new_blob)


def _side(mode: str, blob: str) -> str:
    return blob if mode in PLAIN else f"{mode} {blob}"
