"""Selects for insights: each table once, and only the columns that figures are made from.

Rows are plain tuples and states their bare words: this is read whole, and an object for each row costs more than all
that is made from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, func, or_, type_coerce
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.event import Event
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.review import Clock, Review, Verdict
from server.domain.run import Run
from server.domain.states import LandingState
from server.domain.survival import Survival
from server.domain.task import Task

CAME = ("presented", "stalled")  # how a change comes to the desk
Rows = Sequence[Any]


def state(db: Session) -> tuple[Any, ...]:
    """What differs whenever anything may that figures are made from."""
    return (
        db.exec(select(func.max(Event.id))).one(),
        db.exec(select(func.max(Clock.ticked_at))).one(),
        db.exec(select(func.max(Survival.at))).one(),
    )


def changes(db: Session) -> Rows:
    """(id, task, title, project, project's name, agent, kind, state, began, split from), oldest first."""
    return _all(
        db,
        select_columns(
            col(Change.id),
            col(Change.task_id),
            col(Task.title),
            col(Change.project_id),
            col(Project.name),
            col(Change.agent),
            _word(Task.kind),
            _word(Change.state),
            col(Change.created_at),
            col(Change.part_of),
        )
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Project, col(Project.id) == col(Change.project_id))
        .order_by(col(Change.id)),
    )


def revisions(db: Session) -> Rows:
    """(id, change, number, made by, additions, deletions, lines to read, minutes), oldest first."""
    return _all(
        db,
        select_columns(
            col(Revision.id),
            col(Revision.change_id),
            col(Revision.number),
            _word(Revision.made_by),
            col(Revision.additions),
            col(Revision.deletions),
            col(Revision.reading_lines),
            col(Revision.minutes),
        ).order_by(col(Revision.id)),
    )


def clocks(db: Session) -> Rows:
    """(revision, seconds, last tick), oldest first."""
    return _all(
        db,
        select_columns(col(Clock.revision_id), col(Clock.seconds), col(Clock.ticked_at))
        .where(col(Clock.seconds) > 0)
        .order_by(col(Clock.ticked_at)),
    )


def verdicts(db: Session) -> Rows:
    """(change, revision, verdict, when), oldest first; putting off is none."""
    return _all(
        db,
        select_columns(col(Review.change_id), col(Review.revision_id), _word(Review.verdict), col(Review.created_at))
        .where(col(Review.verdict) != Verdict.LATER)
        .order_by(col(Review.id)),
    )


def landings(db: Session) -> Rows:
    """(id, change, ended) of those that landed, undone ones too, oldest first."""
    return _all(
        db,
        select_columns(col(Landing.id), col(Landing.change_id), col(Landing.ended_at))
        .where(col(Landing.state).in_((LandingState.LANDED, LandingState.UNDONE)), col(Landing.ended_at).is_not(None))
        .order_by(col(Landing.id)),
    )


def runs(db: Session) -> Rows:
    """(change, started, ended, usage) of those that are over."""
    return _all(
        db,
        select_columns(col(Run.change_id), col(Run.started_at), col(Run.ended_at), col(Run.usage)).where(
            col(Run.started_at).is_not(None), col(Run.ended_at).is_not(None)
        ),
    )


def survivals(db: Session) -> Rows:
    """(landing, added, left, reverted by, when)."""
    return _all(
        db,
        select_columns(
            col(Survival.landing_id),
            col(Survival.added),
            col(Survival.left),
            col(Survival.reverted_by),
            col(Survival.at),
        ),
    )


def moments(db: Session) -> Rows:
    """(verb, noun's number, when) of changes that came to the desk and landings that were undone, oldest first."""
    came = and_(col(Event.noun) == "change", col(Event.verb).in_(CAME))
    undone = and_(col(Event.noun) == "landing", col(Event.verb) == "undone")
    return _all(
        db,
        select_columns(col(Event.verb), col(Event.noun_id), col(Event.at))
        .where(or_(came, undone))
        .order_by(col(Event.id)),
    )


def followed(db: Session, project_id: int, most: int) -> list[Landing]:
    """The landings whose lines stand on a target branch of the project, newest first."""
    return list(
        db.exec(
            select(Landing)
            .where(
                Landing.project_id == project_id,
                Landing.state == LandingState.LANDED,
                Landing.topic == "",
                col(Landing.old).is_not(None),
                col(Landing.commit).is_not(None),
            )
            .order_by(col(Landing.id).desc())
            .limit(most)
        )
    )


def survivals_of(db: Session, landing_ids: Sequence[int]) -> dict[int, Survival]:
    """By the landing's number; one that nobody has followed is left out."""
    found = db.exec(select(Survival).where(col(Survival.landing_id).in_(landing_ids)))
    return {one.landing_id: one for one in found}


def _word(column: Any) -> ColumnElement[str]:
    return type_coerce(column, String)


def _all(db: Session, wanted: Any) -> Rows:
    return db.connection().execute(wanted).all()
