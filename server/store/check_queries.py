"""Selects for checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import or_
from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.event import Actor
from server.domain.states import ChangeState, CheckState
from server.store import queries


def one(db: Session, check_id: int) -> Check:
    return queries.by_id(db, Check, check_id)


def of(db: Session, revision_id: int | None, landing_id: int | None, tree: str) -> list[Check]:
    """The checks of a revision or a landing on one tree, in order."""
    return list(
        db.exec(
            select(Check)
            .where(Check.revision_id == revision_id, Check.landing_id == landing_id, Check.tree == tree)
            .order_by(col(Check.position), col(Check.id))
        )
    )


def running(db: Session) -> list[Check]:
    return list(db.exec(select(Check).where(Check.state == CheckState.RUNNING)))


def of_revision(db: Session, revision_id: int) -> list[Check]:
    return list(db.exec(select(Check).where(Check.revision_id == revision_id).order_by(col(Check.position))))


def of_landings(db: Session, landing_ids: Collection[int]) -> defaultdict[int, list[Check]]:
    found: defaultdict[int, list[Check]] = defaultdict(list)
    for check in db.exec(select(Check).where(col(Check.landing_id).in_(landing_ids)).order_by(col(Check.id))):
        found[check.landing_id or 0].append(check)
    return found


def of_tree(db: Session, project_id: int, tree: str) -> list[Check]:
    """Every check that was planned for exactly this tree, whatever it was part of, oldest first."""
    wanted = select(Check).where(Check.project_id == project_id, Check.tree == tree)
    return list(db.exec(wanted.order_by(col(Check.id))))


def unjudged(db: Session) -> list[Revision]:
    """Revisions that no run looks after and whose checks are not over, oldest first: made without an agent, or with a
    check that the person wants run again.
    """
    waiting = select(Check.revision_id).where(col(Check.state).in_((CheckState.QUEUED, CheckState.RUNNING)))
    decided = select(Change.id).where(Change.state == ChangeState.IN_REVIEW)
    alone = or_(col(Revision.made_by) != Actor.AGENT, col(Revision.change_id).in_(decided))
    return list(db.exec(select(Revision).where(alone, col(Revision.id).in_(waiting)).order_by(col(Revision.id))))
