"""Selects for runs, and for the workers that have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from server.domain.change import Change
from server.domain.run import Executor, Run
from server.domain.states import ChangeState, RunState
from server.domain.task import Task
from server.store import queries
from server.store.queries import NOT_OVER


def one(db: Session, run_id: int) -> Run:
    return queries.by_id(db, Run, run_id)


def of_change(db: Session, change_id: int) -> list[Run]:
    return list(db.exec(select(Run).where(Run.change_id == change_id).order_by(col(Run.id))))


def of_tasks(db: Session, task_ids: Collection[int]) -> defaultdict[int, list[Run]]:
    found: defaultdict[int, list[Run]] = defaultdict(list)
    for run in db.exec(select(Run).where(col(Run.task_id).in_(task_ids)).order_by(col(Run.id))):
        found[run.task_id].append(run)
    return found


def last(db: Session, change_id: int) -> Run:
    """The change's newest run; each change is begun with one."""
    return db.exec(select(Run).where(Run.change_id == change_id).order_by(col(Run.id).desc()).limit(1)).one()


def unfinished(db: Session, change_id: int) -> list[Run]:
    return list(db.exec(select(Run).where(Run.change_id == change_id, col(Run.state).in_(NOT_OVER))))


def waiting(db: Session) -> list[Run]:
    """Queued runs that nobody has admitted and whose change no other run is at, in the order in which they start."""
    return list(
        db.exec(
            select(Run)
            .join(Task, col(Task.id) == col(Run.task_id))
            .where(_to_admit())
            .order_by(col(Task.priority).desc(), col(Run.queued_at), col(Run.id))
        )
    )


@cache
def _to_admit() -> ColumnElement[bool]:
    """Two agents never share a worktree: a change's next run waits until the one before is over."""
    other = aliased(Run)
    return and_(
        col(Run.state) == RunState.QUEUED,
        col(Run.executor).is_(None),
        queries.unpaused(Run.agent),
        ~exists().where(
            and_(
                other.change_id == col(Run.change_id),  # type: ignore[arg-type]
                col(other.state).in_(NOT_OVER),
                col(other.executor).is_not(None),
            )
        ),
    )


def admitted() -> ColumnElement[bool]:
    """Whether a worker has it, and it is not over."""
    return and_(col(Run.state).in_(NOT_OVER), col(Run.executor).is_not(None))


def admitted_by_project(db: Session) -> dict[int, int]:
    """How many runs are admitted and not over, by project."""
    rows = db.exec(select(Run.project_id, func.count()).where(admitted()).group_by(col(Run.project_id)))
    return {project_id: count for project_id, count in rows}  # noqa: C416 (rows are no tuples to mypy)


def count_at_work(db: Session) -> int:
    return db.exec(select(func.count()).select_from(Run).where(admitted())).one()


def at_work(db: Session) -> list[tuple[Run, str]]:
    rows = db.exec(
        select(Run, Task.title).join(Task, col(Task.id) == col(Run.task_id)).where(admitted()).order_by(col(Run.id))
    )
    return [(run, title) for run, title in rows]


def _undecided() -> ColumnElement[bool]:
    """Over, the last of its change, and the change still waits for its checks, or for its worktree to be given back."""
    waiting = select(Change.id).where(
        or_(
            col(Change.state) == ChangeState.WORKING,
            and_(col(Change.state) == ChangeState.ABANDONED, col(Change.slot).is_not(None)),
        )
    )
    return and_(
        col(Run.state).not_in(NOT_OVER),
        col(Run.change_id).in_(waiting),
        col(Run.id).in_(select(func.max(Run.id)).group_by(col(Run.change_id))),
    )


def of_executor(db: Session, executor: str) -> list[Run]:
    """What a worker has to go on with: its runs that are not over, or whose change is not decided on."""
    wanted = or_(col(Run.state).in_(NOT_OVER), _undecided())
    return list(db.exec(select(Run).where(Run.executor == executor, wanted).order_by(col(Run.id))))


def orphaned(db: Session, executor: str, silent_since: datetime) -> list[Run]:
    """What other workers had to go on with that were last heard from before `silent_since`, or have left."""
    wanted = or_(admitted(), _undecided())
    return list(
        db.exec(select(Run).where(wanted, Run.executor != executor, col(Run.executor).not_in(alive(silent_since))))
    )


def alive(since: datetime) -> SelectOfScalar[str]:
    """The workers that were heard from since then."""
    return select(Executor.id).where(Executor.heard_at >= since)


def executors_alive(db: Session, since: datetime) -> bool:
    """Whether any worker was heard from since then."""
    return db.exec(alive(since).limit(1)).first() is not None
