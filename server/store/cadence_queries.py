"""Selects for the refactoring that is drafted every so many landed changes."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, select

from server.domain.change import Change
from server.domain.event import Event
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import LandingState, TaskState
from server.domain.task import Kind, Task

DRAFTED = "drafted"  # what happened to a landing after which a refactoring was drafted


def uncounted(db: Session, project_id: int) -> list[Landing]:
    """What landed since a refactoring landed last, or was drafted last; oldest first. What was undone is left out."""
    drafted = select(func.coalesce(func.max(Event.noun_id), 0)).where(
        Event.project_id == project_id, Event.noun == "landing", Event.verb == DRAFTED
    )
    refactored = select(func.coalesce(func.max(Landing.id), 0)).where(
        *_landed(project_id), Task.kind == Kind.REFACTORING, *_task_of_landing()
    )
    after = max(db.exec(drafted).one(), db.exec(refactored).one())
    wanted = select(Landing).where(*_landed(project_id), Landing.id > after).order_by(col(Landing.id))
    return list(db.exec(wanted))


def refactors(db: Session, project_id: int) -> bool:
    """Whether a refactoring of the project is under way, or in the backlog."""
    wanted = select(Task.id).where(
        Task.project_id == project_id, Task.state == TaskState.OPEN, Task.kind == Kind.REFACTORING
    )
    return db.exec(wanted.limit(1)).first() is not None


def projects(db: Session) -> list[int]:
    """Those for which refactorings are drafted."""
    wanted = select(Project.id).where(col(Project.refactor_every) > 0, col(Project.removed_at).is_(None))
    return list(db.exec(wanted.order_by(col(Project.id))))


def _landed(project_id: int) -> tuple[bool, ...]:
    return Landing.project_id == project_id, Landing.state == LandingState.LANDED


def _task_of_landing() -> tuple[bool, ...]:
    return Landing.change_id == Change.id, Change.task_id == Task.id
