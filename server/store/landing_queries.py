"""Selects for landings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from server.domain.change import Change
from server.domain.landing import Landing
from server.domain.states import LandingState
from server.domain.task import Task
from server.store import queries, run_queries

LOOKED_AT = 2000  # landings, newest first: a conflict is with what came lately


def one(db: Session, landing_id: int) -> Landing:
    return queries.by_id(db, Landing, landing_id)


def of_change(db: Session, change_id: int) -> list[Landing]:
    return list(db.exec(select(Landing).where(Landing.change_id == change_id).order_by(col(Landing.id))))


def recent(db: Session, limit: int) -> list[Landing]:
    return list(db.exec(select(Landing).order_by(col(Landing.id).desc()).limit(limit)))


def busy() -> ColumnElement[bool]:
    """Whether it is carried out, or to be taken back."""
    return or_(col(Landing.state) == LandingState.RUNNING, col(Landing.undo_asked).is_(True))


def lines(db: Session) -> list[list[Landing]]:
    """For each target: what is to land there, and to be taken back, in the order in which it is."""
    by_target: defaultdict[tuple[int, str, str], list[Landing]] = defaultdict(list)
    for found in db.exec(select(Landing).where(or_(busy(), col(Landing.state) == LandingState.QUEUED))):
        by_target[found.target].append(found)
    return [sorted(line, key=lambda each: each.place) for line in by_target.values()]


def line(db: Session, target: tuple[int, str, str]) -> list[Landing]:
    """The same for one target."""
    return next((line for line in lines(db) if line[0].target == target), [])


def last_id(db: Session) -> int:
    return db.exec(select(func.coalesce(func.max(Landing.id), 0))).one()


def of_executor(db: Session, executor: str) -> list[Landing]:
    return list(db.exec(select(Landing).where(busy(), Landing.executor == executor).order_by(col(Landing.id))))


def orphaned(db: Session, executor: str, silent_since: datetime) -> list[Landing]:
    """Begun landings of other workers that were last heard from before `silent_since`, or have left."""
    return list(
        db.exec(
            select(Landing).where(
                busy(), Landing.executor != executor, col(Landing.executor).not_in(run_queries.alive(silent_since))
            )
        )
    )


def of_commits(db: Session, project_id: int, commits: Collection[str]) -> dict[str, tuple[int, int, str]]:
    """By commit, the landing that brought it, the change that landed, and its task's title; others are left out."""
    if not commits:
        return {}
    rows = db.exec(
        select(Landing.id, Landing.change_id, Landing.commits, Task.title)
        .join(Change, col(Change.id) == col(Landing.change_id))
        .join(Task, col(Task.id) == col(Change.task_id))
        .where(Landing.project_id == project_id, col(Landing.state).in_((LandingState.LANDED, LandingState.UNDONE)))
        .order_by(col(Landing.id).desc())
        .limit(LOOKED_AT)
    )
    return {
        commit: (landing_id, change_id, title)
        for landing_id, change_id, brought, title in rows
        for commit in brought
        if commit in commits
    }
