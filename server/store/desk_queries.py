"""Selects for the desk: one for all that waits, however much that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, cast, exists, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.forecast import Forecast
from server.domain.question import Question
from server.domain.review import Clock, Review, Verdict
from server.domain.risk import Risk, RiskLevel
from server.domain.states import ChangeState, QuestionState, TaskState
from server.domain.task import Task, TaskLink
from server.store.queries import ON_THE_DESK


class InLine(NamedTuple):
    """A change that waits for the person, with what its place depends on; of its newest revision where it has one."""

    id: int
    task_id: int
    note: str
    waits_since: datetime
    later_at: datetime | None
    pinned_at: datetime | None
    priority: int
    commit: str | None
    minutes: float | None
    risk: RiskLevel | None
    asks: bool
    needs_attention: bool
    read_at: datetime | None  # when any of its revisions was last read
    judged_at: datetime | None


def line(db: Session, without: int | None = None) -> list[InLine]:
    """All that waits for the person but change `without`, in no order."""
    rows = db.connection().execute(
        select_columns(
            col(Change.id),
            col(Change.task_id),
            col(Change.note),
            func.coalesce(Change.ready_at, Change.created_at),
            col(Change.later_at),
            col(Change.pinned_at),
            col(Task.priority),
            col(Revision.commit),
            col(Revision.minutes),
            col(Risk.level),
            _asks(),
            col(Change.state) == ChangeState.NEEDS_ATTENTION,
            _read_at(),
            _judged_at(),
        )
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Revision, col(Revision.id) == _newest(), isouter=True)
        .join(Risk, col(Risk.revision_id) == col(Revision.id), isouter=True)
        .where(col(Change.state).in_(ON_THE_DESK), col(Change.id) != (without or 0))
    )
    return [InLine._make(row) for row in rows.all()]


def shown(db: Session, change_ids: Collection[int]) -> dict[int, tuple[Change, str, float | None, Risk | None]]:
    """Changes with their titles, and the minutes and the risk of their newest revisions, by their numbers."""
    rows = db.exec(
        select(Change, Task.title, Revision.minutes, Risk)
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Revision, col(Revision.id) == _newest(), isouter=True)
        .join(Risk, col(Risk.revision_id) == col(Revision.id), isouter=True)
        .where(col(Change.id).in_(change_ids))
    )
    return {change.id: (change, title, minutes, risk) for change, title, minutes, risk in rows}


def waits_for(db: Session) -> defaultdict[int, list[int]]:
    """The open tasks that start after a task, by its number: those right after it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    rows = db.connection().execute(
        select_columns(col(TaskLink.after_id), col(TaskLink.task_id))
        .join(Task, col(Task.id) == col(TaskLink.task_id))
        .where(col(Task.state) == TaskState.OPEN)
    )
    for after_id, task_id in rows.all():
        found[after_id].append(task_id)
    return found


def conflicts(db: Session) -> list[tuple[str, str]]:
    """The pairs of commits, first and second, that are foreseen to conflict; first is empty where it is the target."""
    foreseen = select_columns(col(Forecast.first), col(Forecast.second))
    rows = db.connection().execute(foreseen.where(cast(col(Forecast.conflicts), String) != "[]"))
    return [(first, second) for first, second in rows.all()]


def _newest() -> Any:
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id)
    return newest.correlate(Change).scalar_subquery()


def _asks() -> ColumnElement[bool]:
    """Whether the change's agent stands still until it has an answer."""
    return exists().where(and_(col(Question.change_id) == col(Change.id), col(Question.state) == QuestionState.OPEN))


def _read_at() -> Any:
    read = select(func.max(Clock.ticked_at)).join(Revision, col(Revision.id) == col(Clock.revision_id))
    return read.where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()


def _judged_at() -> Any:
    judged = select(func.max(Review.created_at)).where(Review.change_id == Change.id, Review.verdict != Verdict.LATER)
    return judged.correlate(Change).scalar_subquery()
