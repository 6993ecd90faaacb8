"""Selects for forecasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import ColumnElement, String, and_, cast, func, not_, or_, tuple_
from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.file_row import FileRow
from server.domain.forecast import Forecast
from server.domain.project import Project
from server.domain.states import ChangeState
from server.domain.task import Kind, Task

AWAITED = (ChangeState.IN_REVIEW, ChangeState.LANDING)


def _awaited() -> ColumnElement[bool]:
    """Whether a change may still land: it has code, and its reader or the engine has it."""
    return and_(col(Change.state).in_(AWAITED), col(Task.kind) != Kind.RESEARCH)


def awaited(db: Session, project_id: int) -> list[tuple[Change, Revision, str]]:
    """A project's changes that may land, oldest first, each with its newest revision and its task's title."""
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()
    rows = db.exec(
        select(Change, Revision, Task.title)
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Revision, col(Revision.id) == newest)
        .where(Change.project_id == project_id, _awaited())
        .order_by(col(Change.id))
    )
    return [(change, revision, title) for change, revision, title in rows]


def awaiting(db: Session) -> list[Project]:
    """Projects that have changes that may land."""
    ids = select(Change.project_id).join(Task, col(Task.id) == col(Change.task_id)).where(_awaited())
    wanted = select(Project).where(col(Project.id).in_(ids), col(Project.removed_at).is_(None))
    return list(db.exec(wanted.order_by(col(Project.id))))


def known(db: Session, project_id: int, target: str) -> dict[tuple[str, str], bool]:
    """The pairs, first and second, that are foreseen for that commit of the target: whether each is clean."""
    wanted = select(Forecast.first, Forecast.second, _clean()).where(
        Forecast.project_id == project_id, Forecast.target == target
    )
    return {(first, second): bool(clean) for first, second, clean in db.exec(wanted)}


def _clean() -> ColumnElement[bool]:
    return cast(col(Forecast.conflicts), String) == "[]"


def telling(db: Session, project_id: int) -> list[Forecast]:
    """A project's forecasts that say something: of each revision alone, and of pairs that touch or conflict."""
    said = or_(
        col(Forecast.first) == "",
        not_(_clean()),
        cast(col(Forecast.touching), String) != "[]",
    )
    return list(db.exec(select(Forecast).where(Forecast.project_id == project_id, said).order_by(col(Forecast.id))))


def names(db: Session, diffs: Collection[tuple[str, str]]) -> defaultdict[tuple[str, str], set[str]]:
    """The names of the files of some diffs, old and new, by the two trees of each."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    wanted = tuple_(col(FileRow.base_tree), col(FileRow.head_tree)).in_(diffs)
    rows = db.exec(select(FileRow.base_tree, FileRow.head_tree, FileRow.path, FileRow.old_path).where(wanted))
    for base_tree, head_tree, path, old_path in rows:
        found[base_tree, head_tree] |= {path, old_path or path}
    return found


def texts(db: Session, base_tree: str, head_tree: str, paths: set[str]) -> defaultdict[str, list[bytes]]:
    """The diffs of those of a revision's files that have one of these names, by the names that they have there."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    rows = db.exec(
        select(FileRow.path, FileRow.old_path, FileRow.text).where(
            FileRow.base_tree == base_tree,
            FileRow.head_tree == head_tree,
            or_(col(FileRow.path).in_(paths), col(FileRow.old_path).in_(paths)),
        )
    )
    for path, old_path, text in rows:
        for name in (path, old_path):
            if name in paths:
                found[name].append(text)
    return found
