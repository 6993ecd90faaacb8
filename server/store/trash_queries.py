"""Selects for the trash."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.errors import NotFound
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState, CheckState, LandingState, TaskState
from server.domain.task import Task
from server.domain.trash import FILES, Kept, Trash
from server.store import landing_queries, run_queries

NEVER_LANDED = (LandingState.FAILED, LandingState.CANCELLED, LandingState.UNDONE)


def one(db: Session, trash_id: int) -> Trash:
    found = db.get(Trash, trash_id) if 0 < trash_id < 2**63 else None
    if found is None:
        raise NotFound(f"There is no number {trash_id} in the trash.", "See what there is: narrows trash.")
    return found


def at_ref(db: Session, ref: str) -> Trash | None:
    return db.exec(select(Trash).where(Trash.ref == ref)).first()


def there(db: Session) -> list[tuple[Trash, Project, str]]:
    """What can be had back, with its project and its task's title (empty: it is of no change), newest first."""
    rows = db.exec(
        select(Trash, Project, Task.title)
        .join(Project, col(Project.id) == col(Trash.project_id))
        .join(Change, col(Change.id) == col(Trash.change_id), isouter=True)
        .join(Task, col(Task.id) == col(Change.task_id), isouter=True)
        .where(col(Trash.restored_at).is_(None), col(Trash.removed_at).is_(None))
        .order_by(col(Project.name), col(Project.id), col(Trash.at).desc(), col(Trash.id).desc())
    )
    return [(row, project, title or "") for row, project, title in rows]


def removable(db: Session) -> list[Trash]:
    """What the mirrors hold for the trash alone, oldest first: files that were restored are there until their time is
    over, and a change that was is not there any more.
    """
    waits = or_(col(Trash.kind).in_(FILES), col(Trash.restored_at).is_(None))
    return list(db.exec(select(Trash).where(waits, col(Trash.removed_at).is_(None)).order_by(col(Trash.at))))


def of_project(db: Session, project_id: int, kind: Kept | None = None) -> list[Trash]:
    wanted = select(Trash).where(Trash.project_id == project_id).order_by(col(Trash.id))
    return list(db.exec(wanted.where(Trash.kind == kind) if kind else wanted))


def unweighed(db: Session, project_id: int) -> list[Trash]:
    """Abandoned changes and removed projects that have not been weighed since they were put away."""
    wanted = select(Trash).where(Trash.project_id == project_id, col(Trash.kind).not_in(FILES), Trash.size == 0)
    return list(db.exec(wanted.where(col(Trash.restored_at).is_(None), col(Trash.removed_at).is_(None))))


def whole_project(db: Session, project_id: int) -> Trash | None:
    """The project itself, if it was removed and its mirror is still there, or was registered again since."""
    wanted = select(Trash).where(Trash.project_id == project_id, Trash.kind == Kept.PROJECT)
    return db.exec(wanted.where(col(Trash.removed_at).is_(None)).order_by(col(Trash.id).desc())).first()


def mirror_gone_at(db: Session, project_id: int) -> datetime | None:
    """When the project's mirror was last deleted: what is older is written down, and held nowhere."""
    wanted = select(Trash).where(Trash.project_id == project_id, Trash.kind == Kept.PROJECT)
    found = db.exec(wanted.where(col(Trash.removed_at).is_not(None)).order_by(col(Trash.removed_at).desc())).first()
    return found.removed_at if found else None


def projects_removed_from(db: Session, since: datetime) -> list[int]:
    """The projects from whose trash something was removed since then."""
    return list(db.exec(select(Trash.project_id).where(col(Trash.removed_at) >= since).distinct()))


def abandoned_without_row(db: Session, project_id: int) -> list[Change]:
    """Changes that were abandoned before there were rows of the trash."""
    known = select(Trash.change_id).where(Trash.kind == Kept.CHANGE)
    wanted = select(Change).where(Change.project_id == project_id, Change.state == ChangeState.ABANDONED)
    return list(db.exec(wanted.where(col(Change.id).not_in(known))))


def under_way(db: Session, project_id: int) -> list[Change]:
    """The project's changes that are not decided."""
    decided = (ChangeState.LANDED, ChangeState.UNDONE, ChangeState.ABANDONED, ChangeState.ACCEPTED)
    wanted = select(Change).where(Change.project_id == project_id, col(Change.state).not_in(decided))
    return list(db.exec(wanted.order_by(col(Change.id))))


def open_tasks(db: Session, project_id: int) -> list[Task]:
    wanted = select(Task).where(Task.project_id == project_id, Task.state == TaskState.OPEN)
    return list(db.exec(wanted.order_by(col(Task.id))))


def every_project(db: Session) -> list[Project]:
    """Removed ones, too."""
    return list(db.exec(select(Project).order_by(col(Project.id))))


def fruitless_landings(db: Session, change_id: int) -> list[Landing]:
    """Landings of a change of which nothing is on a target branch."""
    return list(db.exec(select(Landing).where(Landing.change_id == change_id, col(Landing.state).in_(NEVER_LANDED))))


def busy(db: Session, project_id: int) -> bool:
    """Whether anything runs in the project: an agent, a landing, a check."""
    at_work = select(Run.id).where(Run.project_id == project_id, run_queries.admitted())
    landing = select(Landing.id).where(Landing.project_id == project_id, landing_queries.busy())
    checking = select(Check.id).where(Check.project_id == project_id, Check.state == CheckState.RUNNING)
    return any(db.exec(wanted.limit(1)).first() is not None for wanted in (at_work, landing, checking))


def runs_at(db: Session, project_id: int, moment: datetime) -> list[Run]:
    """The project's runs that were at work then, to the second."""
    second = timedelta(seconds=1)
    return list(
        db.exec(
            select(Run).where(
                Run.project_id == project_id,
                col(Run.started_at) <= moment + second,
                or_(col(Run.ended_at).is_(None), col(Run.ended_at) >= moment - second),
            )
        )
    )


def refs_of_project(db: Session, project_id: int) -> dict[str, str]:
    """Every ref of the project's mirror that must hold something, with the commit that it holds."""
    gone = select(Trash.change_id).where(Trash.kind == Kept.CHANGE, col(Trash.removed_at).is_not(None))
    wanted = (
        select(Revision)
        .join(Change, col(Change.id) == col(Revision.change_id))
        .where(Change.project_id == project_id, or_(col(Change.id).not_in(gone), Change.state != ChangeState.ABANDONED))
    )
    if since := mirror_gone_at(db, project_id):
        wanted = wanted.where(col(Change.created_at) > since)
    revisions = db.exec(wanted)
    trees = db.exec(
        select(Trash).where(Trash.project_id == project_id, col(Trash.kind).in_(FILES), col(Trash.removed_at).is_(None))
    )
    return {each.ref: each.commit for each in [*revisions, *trees]}
