"""A project that was removed is in the trash as a whole; its mirror goes when nothing else of it is there any more."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from sqlmodel import Session

from server.domain.change import Change
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.states import RELOAD
from server.domain.trash import HELD, Kept, Trash
from server.git import places
from server.services import events
from server.services.narrows import Narrows
from server.store import queries, trash_queries


def put(db: Session, project: Project) -> None:
    """A project that was just removed. Inside the caller's transaction."""
    row = trash_queries.whole_project(db, project.id)
    if row is None:
        row = Trash(
            project_id=project.id,
            kind=Kept.PROJECT,
            why="the project was removed",
            ref=f"{HELD}projects/{project.id}-{secrets.token_hex(6)}",
            commit="",
        )
    else:
        row.put_again("")
        row.size = 0
    db.add(row)


def take_back(db: Session, project: Project) -> None:
    """The project is registered again. Inside the caller's transaction."""
    if row := trash_queries.whole_project(db, project.id):
        row.come_back()
        db.add(row)


def weigh(narrows: Narrows, row: Trash) -> int:
    """Bytes of the mirror that are neither the user's own, by hard links, nor another thing's in the trash."""
    files = (path.lstat() for path in narrows.mirror(row.project_id).rglob("*") if not path.is_dir())
    with narrows.reading() as db:
        counted = sum(other.size for other in trash_queries.of_project(db, row.project_id) if other.there)
    return max(1, sum(about.st_size for about in files if about.st_nlink == 1) - counted)


def remove(narrows: Narrows, trash_id: int, *, actor: Actor, why: str) -> Trash:
    """Delete the project's mirror: Narrows' own copy of the repository. What it was in is all written down still.

    Raises:
        WrongState: Something else of the project is kept, or may still be written there: nothing was changed.
    """
    with narrows.reading() as db:
        mirror = narrows.mirror(trash_queries.one(db, trash_id).project_id)
    try:
        with narrows.transaction() as db:
            row = trash_queries.one(db, trash_id)
            _expect_last(narrows, db, row)
            row.remove()
            events.record(db, actor, "removed", row, why=why, size=row.size, at=row.at.isoformat(), kind=row.kind.value)
            if mirror.exists():
                mirror.rename(_going(mirror, row))  # here, as nobody can register the project again meanwhile
    finally:
        settle(narrows, trash_id)
    return row


def _going(mirror: Path, row: Trash) -> Path:
    return mirror.with_name(f".going-{row.id}")


def settle(narrows: Narrows, trash_id: int) -> None:
    """Finish what a removal of a project began, or take it back, as its row says: it may have been broken off."""
    with narrows.reading() as db:
        row = trash_queries.one(db, trash_id)
    mirror = narrows.mirror(row.project_id)
    going = _going(mirror, row)
    if row.removed_at is not None:
        places.erase(going)
    elif going.exists() and not mirror.exists():
        going.rename(mirror)


def expect_held(db: Session, change: Change) -> None:
    """Raises: WrongState, where the change went with its project's mirror."""
    gone = trash_queries.mirror_gone_at(db, change.project_id)
    if gone is not None and change.created_at <= gone:
        raise WrongState(
            f"What Narrows held of change {change.id} was removed on {gone:%Y-%m-%d}, with its project.",
            "Take it back with git itself: git revert.",
        )


def _expect_last(narrows: Narrows, db: Session, row: Trash) -> None:
    project = queries.project(db, row.project_id)
    if project.removed_at is None:
        raise WrongState(f"{project.name} was registered again, so it is not in the trash.", RELOAD)
    others = [other for other in trash_queries.of_project(db, project.id) if other.there and other.id != row.id]
    if others:
        raise WrongState(
            f"Of {project.name} there is something else in the trash: number {others[0].id}.",
            "Restore or remove that first; it is in the same copy of the repository.",
        )
    if (
        trash_queries.under_way(db, project.id)
        or trash_queries.busy(db, project.id)
        or queries.taken_slots(db, project.id)
    ):
        raise WrongState(f"Something of {project.name} is still at work.", "Try again in a moment.")
    with contextlib.suppress(StopIteration):
        left = next(path for path in _worktrees(narrows, project) if path.is_dir())
        raise WrongState(f"The worktree {left} is still there.", "See what it says of it above; then try again.")


def _worktrees(narrows: Narrows, project: Project) -> list[Path]:
    """Those that agents or persons worked in; in clean ones nothing is anybody's work."""
    folder = narrows.settings.worktrees / str(project.id)
    return sorted(path for path in folder.glob("*") if path.name.isdecimal())
