"""Selects for the reader's capacity: what waits, what will come, and how quickly was read what was decided."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from server.domain.change import Change, Revision
from server.domain.preference import Preference
from server.domain.review import Clock, Review, Verdict
from server.domain.run import Run
from server.domain.states import ChangeState
from server.domain.task import Kind, Task
from server.store.queries import NOT_OVER

DECIDED = (Verdict.LAND, Verdict.REQUEST_CHANGES, Verdict.ABANDON, Verdict.ACCEPT)
LOOKED_AT = 100  # first revisions of any kind and project, newest first
LEAST = 1.0  # minutes that a change takes which was read already, for the word that is still to be said
SPARED = 0.5  # of the minutes that earlier revisions were read: of a later one only what differs is


def _unread() -> ColumnElement[float]:
    """The minutes of `Revision` that are still to be read; null where there is none yet."""
    return func.max(LEAST, col(Revision.minutes) - _read(operator.eq) - _spared(_read(operator.lt)))


def _to_come() -> ColumnElement[float]:
    """The minutes that the revision after `Revision` will take, as if it were as large; null where it is the first."""
    return func.max(LEAST, col(Revision.minutes) - _spared(_read(operator.le)))


def _spared(read: ScalarSelect[float]) -> ColumnElement[float]:
    return SPARED * func.min(read, col(Revision.minutes))


def _read(which: Callable[[Any, Any], Any]) -> ScalarSelect[float]:
    """The minutes that revisions of the change of `Revision` were read: those whose numbers compare so to its own."""
    told = aliased(Revision)
    return (
        select(func.coalesce(func.sum(Clock.seconds), 0.0) / 60.0)
        .join(told, col(told.id) == col(Clock.revision_id))
        .where(col(told.change_id) == col(Revision.change_id), which(col(told.number), col(Revision.number)))
        .correlate(Revision)
        .scalar_subquery()
    )


def wished_minutes(db: Session) -> int | None:
    """The budget that the person has set; None where they have not."""
    found = db.get(Preference, "budget")
    return None if found is None else int(found.value)


def waiting(db: Session) -> tuple[int, float]:
    """Changes in review, and how many minutes what is unread of their newest revisions takes."""
    count, minutes = db.exec(_waiting()).one()
    return count, float(minutes)


@cache  # as the others below: making a statement takes longer than carrying it out
def _waiting() -> Select[int, float]:
    newest = (
        select(func.max(Revision.id))
        .join(Change, col(Change.id) == col(Revision.change_id))
        .where(Change.state == ChangeState.IN_REVIEW)
        .group_by(col(Revision.change_id))
    )
    return select(func.count(), func.coalesce(func.sum(_unread()), 0.0)).where(col(Revision.id).in_(newest))


class AtWork(NamedTuple):
    """A change that an agent is at, or is about to be; `minutes` are None before its first revision."""

    project_id: int
    kind: Kind
    minutes: float | None


def at_work(db: Session) -> list[AtWork]:
    """The changes that will come to the desk, or come back to it, with the minutes that reading them then will take;
    also those whose agents wait for an answer.
    """
    return [AtWork(project_id, Kind(kind), minutes) for project_id, kind, minutes in db.exec(_at_work())]


@cache
def _at_work() -> Select[int, str, float]:
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()
    asks = exists().where(and_(col(Run.change_id) == col(Change.id), col(Run.state).in_(NOT_OVER)))
    working = col(Change.state) == ChangeState.WORKING
    stands_still = and_(col(Change.state) == ChangeState.NEEDS_ATTENTION, asks)
    return (
        select(Change.project_id, Task.kind, _to_come())
        .select_from(Change)
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Revision, col(Revision.id) == newest, isouter=True)
        .where(or_(working, stands_still))
    )


def first_minutes(db: Session) -> list[AtWork]:
    """The newest first revisions, newest first, each as its change was."""
    return [AtWork(project_id, Kind(kind), minutes) for project_id, kind, minutes in db.exec(_first_minutes())]


@cache
def _first_minutes() -> Select[int, str, Any]:
    newest = (
        select(Revision.id, Revision.change_id, Revision.minutes)
        .where(Revision.number == 1)
        .order_by(col(Revision.id).desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    return (
        select(Change.project_id, Task.kind, newest.c.minutes)
        .select_from(newest)
        .join(Change, col(Change.id) == newest.c.change_id)
        .join(Task, col(Task.id) == col(Change.task_id))
        .order_by(newest.c.id.desc())
    )


class Reading(NamedTuple):
    """A revision that was read and decided: what needed reading, how long that was said to take, and took."""

    kind: Kind
    files: int
    lines: int
    is_report: bool
    minutes: float
    seconds: float


def readings(db: Session, limit: int, kind: Kind | None = None) -> list[Reading]:
    """The newest that were decided, of one kind or of all. Of each change it is the first that was read: of later ones
    only what differs is read. What was never opened is left out.
    """
    earlier, clock = aliased(Revision), aliased(Clock)
    read_before = exists().where(
        and_(
            col(earlier.change_id) == col(Revision.change_id),
            col(earlier.number) < col(Revision.number),
            col(clock.revision_id) == col(earlier.id),
            col(clock.seconds) > 0,
        )
    )
    decided = exists().where(
        and_(
            col(Review.change_id) == col(Revision.change_id),
            col(Review.revision_id) == col(Revision.id),
            col(Review.verdict).in_(DECIDED),
        )
    )
    wanted = (
        select_columns(
            col(Task.kind),
            col(Revision.reading_files),
            col(Revision.reading_lines),
            col(Revision.report).is_not(None),
            col(Revision.minutes),
            col(Clock.seconds),
        )
        .select_from(Revision)
        .join(Change, col(Change.id) == col(Revision.change_id))
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Clock, col(Clock.revision_id) == col(Revision.id))
        .where(col(Clock.seconds) > 0, decided, ~read_before)
        .order_by(col(Revision.id).desc())
        .limit(limit)
    )
    rows = db.connection().execute(wanted if kind is None else wanted.where(col(Task.kind) == kind))
    return [Reading._make(row) for row in rows]
