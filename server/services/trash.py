"""The trash: what was put away, how long it stays, and its end. How it is had back is in `restorals`."""

from __future__ import annotations

import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from server.domain.base import now
from server.domain.change import Change
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.states import ChangeState
from server.domain.trash import HELD, Kept, Trash
from server.git import mirrors, pruning, salvage, side_work
from server.services import events, removals
from server.services.narrows import Narrows
from server.store import queries, trash_queries

MEGABYTE = 1_000_000
YOUNG = timedelta(days=1)  # nothing younger goes for want of room
UNHELD = timedelta(days=1)  # how long git keeps what nothing holds any more: it may be in somebody's hands just now
LATELY = timedelta(days=3)  # within these a cleaning a day comes when all that was removed is unheld for long enough
CHANGES = "refs/narrows/changes/"
BRANCH = "left on a branch that an agent moved, or that stood in the way of the target's"
MOST_AT_ONCE = 50  # commits on the side; what an agent made more of is found the next time
OF_CHANGE = re.compile(rf"{HELD}trees/(?:by-hand-)?(\d{{1,18}})-[0-9]*-?[0-9a-f]{{8,12}}")


@dataclass(frozen=True)
class Item:
    """Something that can be had back.

    `title`: its task's; empty where it is of no change. `until`: when it goes; None: as long as there is room.
    """

    row: Trash
    project: Project
    title: str
    until: datetime | None


def every(narrows: Narrows) -> list[Item]:
    """What can be had back, project by project, newest first."""
    days = narrows.settings.trash_days
    with narrows.reading() as db:
        found = trash_queries.there(db)
    return [Item(row, project, title, row.at + timedelta(days=days) if days else None) for row, project, title in found]


def get(narrows: Narrows, trash_id: int) -> Trash:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return trash_queries.one(db, trash_id)


def put(db: Session, change: Change) -> None:
    """An abandoned change, with all its revisions. Inside the caller's transaction."""
    newest = queries.last_revision(db, change.id)
    commit = newest.commit if newest else ""
    row = trash_queries.at_ref(db, refs_of(change.id))
    if row is None:
        row = Trash(
            project_id=change.project_id,
            change_id=change.id,
            kind=Kept.CHANGE,
            why="abandoned",
            ref=refs_of(change.id),
            commit=commit,
        )
    else:
        row.put_again(commit)
    db.add(row)


def take_back(db: Session, change: Change) -> None:
    """A change is about to be restored. Inside the caller's transaction.

    Raises:
        WrongState: It was removed for good.
    """
    row = trash_queries.at_ref(db, refs_of(change.id))
    if row is not None and change.state is ChangeState.ABANDONED:
        row.come_back()
        db.add(row)


def refs_of(change_id: int) -> str:
    """The folder of the refs that hold a change's revisions."""
    return f"{CHANGES}{change_id}/"


def overdue(narrows: Narrows) -> list[tuple[Trash, str]]:
    """What has to go, oldest first, each with why."""
    days, most = narrows.settings.trash_days, narrows.settings.trash_mb * MEGABYTE
    with narrows.reading() as db:
        rows = trash_queries.removable(db)
    total = sum(row.size for row in rows)
    going: list[tuple[Trash, str]] = []
    left = Counter(row.project_id for row in rows)
    for row in sorted(rows, key=lambda row: row.kind is Kept.PROJECT):
        age = now() - row.at
        if row.kind is Kept.PROJECT and left[row.project_id] > 1:
            continue
        if days and age >= timedelta(days=days):
            going.append((row, f"It was there for {days} days."))
        elif most and total > most and age >= YOUNG:
            going.append((row, f"The trash held more than {narrows.settings.trash_mb} MB."))
        else:
            continue
        total -= row.size
        left[row.project_id] -= 1
    return going


def remove(narrows: Narrows, trash_id: int, *, actor: Actor = Actor.YOU, why: str = "You removed it.") -> Trash:
    """Take something out of the trash for good. Git gives its room back at the next cleaning, at the latest in a day.

    Raises:
        NotFound: There is no such thing.
        WrongState: It was removed already, or it is an abandoned change that was restored, or whose agent is at work,
            or a project of which something else is kept.
    """
    with narrows.reading() as db:
        row = trash_queries.one(db, trash_id)
        project = queries.project(db, row.project_id)
    if row.kind is Kept.PROJECT:
        take_in(narrows, project)
        gather(narrows, project)
        return removals.remove(narrows, trash_id, actor=actor, why=why)
    with narrows.transaction() as db:
        row = trash_queries.one(db, trash_id)
        if row.kind is Kept.CHANGE:
            _expect_abandoned(queries.change(db, row.change_id or 0))
        row.remove()
        events.record(db, actor, "removed", row, why=why, size=row.size, at=row.at.isoformat(), kind=row.kind.value)
    let_go(narrows, row)
    return row


def _expect_abandoned(change: Change) -> None:
    if change.state is not ChangeState.ABANDONED:
        raise WrongState(f"Change {change.id} was restored, so it is not in the trash.", "Reload to see what is there.")
    if change.slot is not None:
        raise WrongState(f"The agent of change {change.id} is about to stop.", "Try again in a moment.")


def let_go(narrows: Narrows, row: Trash) -> None:
    """Delete the refs that held what was removed, an agent's own ones as well."""
    mirror = narrows.mirror(row.project_id)
    if row.kind is not Kept.CHANGE:
        mirrors.release_all(mirror, row.ref, row.ignored)
        if row.kind is Kept.SIDE:
            side_work.drop(mirror, row.commit)
        return
    with narrows.reading() as db:
        fruitless = trash_queries.fruitless_landings(db, row.change_id or 0)
    landings = [landing.ref for landing in fruitless]
    mirrors.release_all(mirror, row.ref, f"refs/narrows/compared/{row.change_id}/", *landings)


def keep(narrows: Narrows, row: Trash, also: Mapping[str, str] | None = None, besides: Sequence[str] = ()) -> Trash:
    """Hold files, then write down that they are there: after a crash between the two, `take_in` does.

    Args:
        also: Further refs to hold, with their commits.
        besides: Refs that hold the same in the mirror, and don't count.
    """
    mirror = narrows.mirror(row.project_id)
    held = {row.ref: row.commit, **(also or {})}
    for ref, commit in held.items():
        mirrors.hold(mirror, ref, commit)
    row.size = salvage.size(mirror, [*held, *besides])
    with narrows.transaction() as db:
        events.record(db, Actor.ENGINE, "put_away", row, why=row.why)
    return row


def gather(narrows: Narrows, project: Project) -> list[Trash]:
    """Put in the trash what agents of the project committed on the side, unless one of them may still be at it.

    Whose it was is known where one change alone was at work when it was committed.
    """
    mirror = narrows.mirror(project.id)
    if not mirror.exists():
        return []
    source: Path | None = Path(project.path)
    if project.removed_at is not None and not os.path.lexists(project.path):
        source = None  # the mirror may be the last that there is of it
    kept = []
    for found in side_work.find(mirror, source, project.target_branch)[:MOST_AT_ONCE]:
        with narrows.reading() as db:
            runs = trash_queries.runs_at(db, project.id, found.made)
        if not all(run.over for run in runs):
            continue
        makers = {run.change_id for run in runs}
        row = Trash(
            project_id=project.id,
            change_id=makers.pop() if len(makers) == 1 else None,
            kind=Kept.SIDE,
            why=f"left {found.where}",
            ref=f"{mirrors.BRANCHES}{found.files[:12]}-{secrets.token_hex(6)}",
            commit=found.files,
        )
        kept.append(keep(narrows, row, besides=found.refs))
    return kept


def take_in(narrows: Narrows, project: Project) -> None:
    """Rows for what the mirror holds as trash and no row knows: put away by an earlier version, or just before a
    crash. What a row says is removed goes now. Abandoned changes and removed projects that have no row get one.
    """
    mirror = narrows.mirror(project.id)
    with narrows.reading() as db:
        whole = trash_queries.of_project(db, project.id, Kept.PROJECT)
    for each in whole:
        removals.settle(narrows, each.id)
    if not mirror.exists():
        return
    if project.removed_at is not None and all(each.removed_at for each in whole):
        with narrows.transaction() as db:
            removals.put(db, project)
    held = mirrors.held(mirror, HELD)
    with narrows.reading() as db:
        rows = {row.ref: row for row in trash_queries.of_project(db, project.id)}
        rowless = trash_queries.abandoned_without_row(db, project.id)
    for ref in held:
        if (row := rows.get(ref)) and row.removed_at is not None:
            let_go(narrows, row)
    for row in rows.values():
        if row.kind is Kept.CHANGE and row.removed_at is not None and mirrors.held(mirror, row.ref):
            let_go(narrows, row)
    fresh = {ref: commit for ref, commit in held.items() if ref not in rows and not ref.endswith("-ignored")}
    if not fresh and not rowless:
        return
    sizes = {ref: salvage.size(mirror, [ref, f"{ref}-ignored"]) for ref in fresh}
    with narrows.transaction() as db:
        for change in rowless:
            put(db, change)
        for ref, commit in fresh.items():
            if trash_queries.at_ref(db, ref) is None:
                row = _found(db, project, ref, commit, sizes[ref])
                events.record(db, Actor.ENGINE, "put_away", row, why=row.why)


def _found(db: Session, project: Project, ref: str, commit: str, size: int) -> Trash:
    """A row for what a ref of the mirror's holds as trash."""
    side = ref.startswith(mirrors.BRANCHES)
    return Trash(
        project_id=project.id,
        change_id=_change_in(db, ref, project),
        kind=Kept.SIDE if side else Kept.TREE,
        why=BRANCH if side else "stood in a worktree that was used again",
        ref=ref,
        commit=commit,
        size=size,
    )


def _change_in(db: Session, ref: str, project: Project) -> int | None:
    """The change that a ref's name says that it belongs to, if there is one of that number in the project."""
    named = OF_CHANGE.fullmatch(ref)
    change = db.get(Change, int(named[1])) if named else None
    return change.id if change and change.project_id == project.id else None


def weigh(narrows: Narrows, project_id: int) -> None:
    """Find out how large the changes and projects are that were put away without asking, to be quick."""
    with narrows.reading() as db:
        waiting = trash_queries.unweighed(db, project_id)
        newest = {row.id: queries.last_revision(db, row.change_id or 0) for row in waiting}
    for row in sorted(waiting, key=lambda row: row.kind is Kept.PROJECT):
        if row.kind is Kept.PROJECT:
            _weighs(narrows, row, removals.weigh(narrows, row), "")
            continue
        if not (last := newest[row.id]):
            continue
        size = salvage.size(narrows.mirror(project_id), [row.ref])
        _weighs(narrows, row, max(size, 1), last.commit)


def _weighs(narrows: Narrows, row: Trash, size: int, commit: str) -> None:
    with narrows.transaction() as db:
        fresh = trash_queries.one(db, row.id)
        fresh.size, fresh.commit = size, commit
        db.add(fresh)


def emptied(narrows: Narrows) -> list[Project]:
    """The projects from whose trash something was removed lately, so that git has room to give back."""
    with narrows.reading() as db:
        return [queries.project(db, number) for number in trash_queries.projects_removed_from(db, now() - LATELY)]


def prune(narrows: Narrows, project: Project, older: timedelta = UNHELD) -> bool:
    """Have git drop what nothing holds in the project's mirror; whether it did. Not while anything runs there.

    Args:
        older: For how long nothing must have touched it.

    Raises:
        NarrowsError: Something that must be held is not: nothing is dropped.
    """
    mirror = narrows.mirror(project.id)
    with narrows.reading() as db:
        if trash_queries.busy(db, project.id) or not mirror.exists():
            return False
        wanted = trash_queries.refs_of_project(db, project.id)
    pruning.prune(mirror, Path(project.path), wanted, older=int(older.total_seconds()))
    return True
