"""When and where the person last looked at a change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_
from sqlmodel import Session, col, select

from server.domain.change import Revision
from server.domain.diff import Comparison
from server.domain.file_row import FileRow
from server.domain.review import Clock, Review, Verdict, Viewed


def last_read(db: Session, change_id: int, least: float) -> tuple[int, datetime] | None:
    """The number of the revision that was read last, of those read for longer than `least` seconds; and until when."""
    row = db.exec(
        select(Revision.number, Clock.ticked_at)
        .join(Clock, col(Clock.revision_id) == col(Revision.id))
        .where(Revision.change_id == change_id, Clock.seconds > least)
        .order_by(col(Clock.ticked_at).desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None


def last_review(db: Session, change_id: int) -> tuple[Review, int | None] | None:
    """The last verdict that says something, with the number of the revision that it judged."""
    row = db.exec(
        select(Review, Revision.number)
        .join(Revision, col(Revision.id) == col(Review.revision_id), isouter=True)
        .where(Review.change_id == change_id, Review.verdict != Verdict.LATER)
        .order_by(col(Review.id).desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None


def last_viewed(db: Session, comparison: Comparison, limit: int) -> list[tuple[int, str]]:
    """Position and name of the files whose names were marked last as viewed, newest mark first."""
    same_file = and_(col(Viewed.path) == col(FileRow.path), col(Viewed.project_id) == comparison.project_id)
    rows = db.exec(
        select(FileRow.position, FileRow.path)
        .join(Viewed, same_file)
        .where(FileRow.base_tree == comparison.base_tree, FileRow.head_tree == comparison.tree)
        .order_by(col(Viewed.at).desc(), col(Viewed.id).desc())
        .limit(limit)
    )
    return [(position, path) for position, path in rows]
