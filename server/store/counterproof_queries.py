"""Selects for counterproofs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import exists, func, or_
from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.risk import Counterproof
from server.domain.states import ChangeState, CheckState
from server.store import queries

OVER = (CheckState.PASSED, CheckState.FAILED, CheckState.ERRORED)  # what was skipped may be wanted again


def one(db: Session, number: int) -> Counterproof:
    return queries.by_id(db, Counterproof, number)


def of_revision(db: Session, revision_id: int) -> Counterproof | None:
    return db.exec(select(Counterproof).where(Counterproof.revision_id == revision_id)).first()


def due(db: Session, changes: Collection[int] | None, revisions: Collection[int]) -> list[int]:
    """Revisions that are read now, newest of their change, all green, and without a counterproof that is over; oldest
    first. Only those, and of those changes; `changes` None: all.
    """
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()
    checks = (Check.revision_id == Revision.id, ~col(Check.superseded))
    done = exists().where(Counterproof.revision_id == Revision.id, col(Counterproof.state).in_(OVER))  # type: ignore[arg-type]
    wanted = (
        select(Revision.id)
        .join(Change, col(Change.id) == Revision.change_id)
        .where(Change.state == ChangeState.IN_REVIEW, Revision.id == newest, ~done)
        .where(exists().where(*checks, Check.state == CheckState.PASSED))  # type: ignore[arg-type]
        .where(~exists().where(*checks, Check.state != CheckState.PASSED))  # type: ignore[arg-type]
        .order_by(col(Revision.id))
    )
    if changes is not None:
        wanted = wanted.where(or_(col(Change.id).in_(changes), col(Revision.id).in_(revisions)))
    return list(db.exec(wanted))


def known(db: Session, project_id: int, tree: str, command: str) -> Counterproof | None:
    """What the project's other revisions know of that command on exactly this tree."""
    wanted = (
        select(Counterproof)
        .join(Revision, col(Revision.id) == Counterproof.revision_id)
        .join(Change, col(Change.id) == Revision.change_id)
        .where(Change.project_id == project_id, Counterproof.tree == tree, Counterproof.command == command)
        .where(col(Counterproof.state).in_((CheckState.PASSED, CheckState.FAILED)))
    )
    return db.exec(wanted).first()
