"""Lines as a page shows them, and as comments keep them."""

from __future__ import annotations

from typing import NamedTuple

from server.domain.change import Change, Revision
from server.domain.diff import Comparison, FileOutline
from server.domain.errors import Invalid, NotFound
from server.domain.review import Comment, Side
from server.git import mirrors
from server.reading import anchoring, lines
from server.reading.lines import text_of
from server.services import changes, comparisons, revisions
from server.services.anchors import Placed
from server.services.narrows import Narrows

AROUND = 3  # lines around those that a comment was made on


class Spot(NamedTuple):
    """A place that a comment is made on, as `reviews.comment` takes it."""

    revision: int
    path: str | None
    side: str
    line: int | None
    end_line: int | None


class Row(NamedTuple):
    """A line as it was; `meant`: the comment is about it."""

    number: int
    text: str
    meant: bool


def find(
    narrows: Narrows,
    change_id: int,
    number: int,
    *,
    since: int | None,
    position: int | None,
    side: str,
    line: int | None,
    end_line: int | None,
) -> Spot:
    """A place of the page that reads revision `number` against `since` (None: its base).

    Against an earlier revision, the old side is that one's work: so a comment there is one on that revision.

    Raises:
        NotFound: There is no such file or revision.
    """
    if position is None:
        return Spot(number, None, side, line, end_line)
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    comparison = comparisons.of(narrows, change, revision, since)
    row = comparisons.file(narrows, comparison, position)
    if since is None or side != Side.OLD:
        return Spot(number, row.path, side, line, end_line)
    name = row.old_path or row.path
    if line is not None:
        earlier = revisions.get(narrows, change_id, since)
        line, end_line = _in_revision(narrows, change, comparison, earlier, name, line, end_line or line)
    return Spot(since, name, Side.NEW, line, end_line)


def _in_revision(
    narrows: Narrows, change: Change, comparison: Comparison, earlier: Revision, name: str, line: int, end_line: int
) -> tuple[int, int]:
    """Lines of the earlier revision as they are in it; the page shows it on a later one's base."""
    if comparison.base_tree == earlier.tree:
        return line, end_line
    mirror = narrows.mirror(change.project_id)
    rebased, own = (mirrors.read_file(mirror, tree, name) for tree in (comparison.base_tree, earlier.tree))
    if rebased is None or own is None or rebased == own:
        return line, end_line
    seen, kept = lines.split(text_of(rebased)), lines.split(text_of(own))
    if not 1 <= line <= end_line <= len(seen):
        raise Invalid("line", f"The file has {len(seen)} lines there.", f"Line {end_line} does not exist.")
    placed = anchoring.place(seen, kept, line, end_line)
    return placed.line, placed.end_line


def position(narrows: Narrows, here: Placed) -> int | None:
    """Where a comment's file is in its revision's diff; None where it is not, or the comment is on no file."""
    if here.path is None:
        return None
    try:
        return revisions.find_position(narrows, revisions.get(narrows, here.comment.change_id, here.number), here.path)
    except NotFound:
        return None


def around(narrows: Narrows, comment: Comment) -> list[Row]:
    """The lines that a comment was made on and a few around them, as they were; its own where no more is there."""
    first, last = comment.line or 1, comment.end_line or comment.line or 1
    whole = _whole(narrows, comment)
    if last <= len(whole):
        start, stop = max(1, first - AROUND), min(len(whole), last + AROUND)
        return [Row(n, whole[n - 1], first <= n <= last) for n in range(start, stop + 1)]
    return [Row(n, text, True) for n, text in enumerate(comment.quoted.split("\n"), first)]


def _whole(narrows: Narrows, comment: Comment) -> list[str]:
    revision = revisions.get(narrows, comment.change_id, comment.revision)
    if comment.path is None:
        return lines.split(revision.report or "")
    old = comment.side is Side.OLD
    name = _old_name(revisions.outline(narrows, revision), comment.path) if old else comment.path
    content = revisions.whole_file(narrows, revision, name, old=old)
    return lines.split(content.decode("utf-8", "replace")) if content is not None else []


def _old_name(outline: list[FileOutline], path: str) -> str:
    return next((row.old_path for row in outline if row.path == path and row.old_path), path)
