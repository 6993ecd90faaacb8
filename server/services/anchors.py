"""Where each comment stands in the revisions after the one that it was made on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from server.domain.change import Revision
from server.domain.diff import FileOutline
from server.domain.errors import NarrowsError
from server.domain.review import Anchor, Comment, Fit, Side
from server.services.crossings import Crossing, Spot
from server.services.narrows import Narrows
from server.store import queries

log = logging.getLogger(__name__)
WORST = (Fit.EXACT, Fit.SHIFTED, Fit.EDITED, Fit.MOVED, Fit.GONE)


@dataclass(frozen=True, slots=True)
class Placed:
    """A comment as it stands in a revision.

    `number` is the revision's. `path` None: on the change, or with a `line` on its report. `line` None: the file as a
    whole. `fit` None: it was made there; GONE: its lines are not there any more, and `line` is where they would be, or,
    if `then`, where they were on the old side.
    """

    comment: Comment
    number: int
    path: str | None
    side: Side
    line: int | None
    end_line: int | None
    fit: Fit | None = None
    then: bool = False

    @property
    def outdated(self) -> bool:
        """Whether its lines are not what they were."""
        return self.fit in (Fit.EDITED, Fit.MOVED, Fit.GONE)


def here(comment: Comment, number: int, fit: Fit | None = None) -> Placed:
    """A comment at the place where it was made."""
    return Placed(comment, number, comment.path, comment.side, comment.line, comment.end_line, fit)


def placed(narrows: Narrows, change_id: int, number: int, since: int | None = None) -> list[Placed]:
    """Every comment on revision `number` and those before it, oldest first, as it stands in that revision.

    Args:
        since: The revision that the page compares with, if not with the base. Then the old side is that revision: what
            is gone since stands beside the lines as they were there, and what was said of the base's lines stands with
            the file.
    """
    with narrows.reading() as db:
        comments = [comment for comment in queries.comments(db, change_id) if comment.revision <= number]
        known = queries.anchors(db, change_id) if comments else {}
    if any(_moves(comment, number) and (comment.id, number) not in known for comment in comments):
        with narrows.reading() as db:
            revision = queries.revision(db, change_id, number)
        carry(narrows, revision)
        with narrows.reading() as db:
            known = queries.anchors(db, change_id)
    found = [_placed(comment, known, number) for comment in comments]
    return [_seen_since(each, known, since) for each in found] if since else found


def _placed(comment: Comment, known: Mapping[tuple[int, int], Anchor], number: int) -> Placed:
    if not _moves(comment, number):
        fit = None if comment.revision == number else Fit.EXACT
        return here(comment, number, fit)
    anchor = known.get((comment.id, number))
    if anchor is None:
        return here(comment, number, Fit.GONE)
    line, end_line = (anchor.line, anchor.end_line) if anchor.line else (None, None)
    return Placed(comment, number, anchor.path or None, anchor.side, line, end_line, anchor.fit)


def _seen_since(each: Placed, known: Mapping[tuple[int, int], Anchor], since: int) -> Placed:
    comment = each.comment
    if each.path is None or each.line is None:
        return each
    if each.side is Side.OLD:
        return replace(each, line=None, end_line=None)
    if each.fit is not Fit.GONE or comment.revision > since:
        return each
    then = _placed(comment, known, since)
    if then.fit is Fit.GONE:
        return each
    return replace(each, path=then.path, side=Side.OLD, line=then.line, end_line=then.end_line, then=True)


def carry(narrows: Narrows, revision: Revision) -> None:
    """Find the lines of every earlier comment again in a revision. Idempotent.

    A failure is written to the log and loses nothing: such a comment counts as gone, and is tried again when its
    revision is read.
    """
    try:
        found = _carried(narrows, revision)
    except (NarrowsError, OSError):
        log.exception("the comments of change %s were not carried to revision %s", revision.change_id, revision.number)
        return
    with narrows.transaction() as db:
        known = queries.anchors(db, revision.change_id)
        db.add_all(anchor for anchor in found if (anchor.comment_id, anchor.revision) not in known)


def _carried(narrows: Narrows, revision: Revision) -> list[Anchor]:
    with narrows.reading() as db:
        known = queries.anchors(db, revision.change_id)
        missing = [
            comment
            for comment in queries.comments(db, revision.change_id)
            if _moves(comment, revision.number) and (comment.id, revision.number) not in known
        ]
        if not missing:
            return []
        ways = _Ways(
            mirror=narrows.mirror(queries.change(db, revision.change_id).project_id),
            revisions={each.number: each for each in queries.revisions_of_change(db, revision.change_id)},
            outlines={
                each.number: queries.file_outline(db, each.base_tree, each.tree)
                for each in queries.revisions_of_change(db, revision.change_id)
                if each.number == revision.number or any(c.side is Side.OLD for c in missing)
            },
            number=revision.number,
        )
    return [_carry(comment, known, ways) for comment in missing]


@dataclass(frozen=True)
class _Ways:
    """The ways from each earlier revision to that of a number."""

    mirror: Path
    revisions: Mapping[int, Revision]
    outlines: Mapping[int, Sequence[FileOutline]]
    number: int
    _known: dict[int, Crossing] = field(default_factory=dict)

    def take(self, start: int, spot: Spot) -> tuple[Spot, Fit]:
        """From revision `start`. On the old side a file is called as in the diff there, which may be its new name."""
        if spot.side is Side.NEW or not spot.path:
            return self._from(start).take(spot)
        names = {row.path: row.old_path for row in self.outlines[start] if row.old_path}
        found, fit = self._from(start).take(spot._replace(path=names.get(spot.path, spot.path)))
        names = {row.old_path: row.path for row in self.outlines[self.number] if row.old_path}
        return found._replace(path=names.get(found.path, found.path)), fit

    def _from(self, start: int) -> Crossing:
        if start not in self._known:
            changed = {row.path for row in self.outlines[self.number]}
            earlier, later = self.revisions[start], self.revisions[self.number]
            self._known[start] = Crossing(self.mirror, earlier, later, changed)
        return self._known[start]


def _carry(comment: Comment, known: Mapping[tuple[int, int], Anchor], ways: _Ways) -> Anchor:
    """From where its lines were seen last."""
    number, spot, before = comment.revision, _own(comment), Fit.EXACT
    for later in range(ways.number - 1, comment.revision, -1):
        anchor = known.get((comment.id, later))
        if anchor and anchor.fit is not Fit.GONE:
            number, before = later, anchor.fit
            spot = Spot(anchor.path, anchor.side, anchor.line or None, anchor.end_line or None)
            break
    found, fit = ways.take(number, spot)
    return Anchor(
        comment_id=comment.id,
        revision=ways.number,
        path=found.path,
        side=found.side,
        line=found.line or 0,
        end_line=found.end_line or 0,
        fit=_together(before, fit, found == _own(comment)),
    )


def _together(before: Fit, fit: Fit, unmoved: bool) -> Fit:
    """How well the lines fit what they were at first, over several revisions."""
    if {before, fit} <= {Fit.EXACT, Fit.SHIFTED}:
        return Fit.EXACT if unmoved else Fit.SHIFTED
    return max(before, fit, key=WORST.index)


def _own(comment: Comment) -> Spot:
    return Spot(comment.path or "", comment.side, comment.line, comment.end_line)


def _moves(comment: Comment, number: int) -> bool:
    """Whether its place in revision `number` has to be found: it was made earlier, and not on the whole change."""
    return comment.revision < number and (comment.path is not None or comment.line is not None)
