"""Having back what is in the trash: on the desk, as a revision, as files in a folder, or as a patch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NarrowsError, NotFound, WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.states import ChangeState, stands
from server.domain.trash import Kept, Trash
from server.git import configuration, diffs, interdiff, mirrors, objects, salvage
from server.git.snapshots import Snapshot
from server.services import changes, checkouts, events, projects, reviews, revisions
from server.services.narrows import Narrows
from server.store import queries, trash_queries


@dataclass(frozen=True)
class Restored:
    """What came back: the change that it is in now, the folder that it was written to, or the project itself."""

    row: Trash
    change: Change | None = None
    folder: Path | None = None
    project: Project | None = None


def restore(narrows: Narrows, trash_id: int, to: Path | None = None) -> Restored:
    """Have something back. An abandoned change is on the desk again; files are the next revision of their change, by
    you; a project is registered again.

    Args:
        to: An absolute path: write the files there instead. It must not be there yet, or be empty. What is in the
            trash stays there.

    Raises:
        NotFound: There is no such thing.
        WrongState: It was removed for good, or its change is not where a revision can be added.
        NarrowsError: The folder can't be used.
    """
    row, project = _whole(narrows, trash_id)
    if row.kind is Kept.PROJECT:
        return Restored(row, project=projects.register(narrows, project.path))
    if to is not None:
        return Restored(row, folder=_write(narrows, row, to))
    if row.change_id is None:
        raise Invalid("to", "It belongs to no change.", _to_a_folder(row))
    if row.kind is Kept.CHANGE:
        return Restored(row, changes.restore(narrows, row.change_id))
    return Restored(row, _as_revision(narrows, row, project))


def _whole(narrows: Narrows, trash_id: int) -> tuple[Trash, Project]:
    with narrows.reading() as db:
        row = trash_queries.one(db, trash_id)
        project = queries.project(db, row.project_id)
    row.expect_there()
    return row, project


def _to_a_folder(row: Trash) -> str:
    return f"Write it to a folder: narrows trash restore {row.id} --to FOLDER."


def _write(narrows: Narrows, row: Trash, to: Path) -> Path:
    if not to.is_absolute():
        raise Invalid("to", f"{to} is no absolute path.", "Name the folder by its whole path.")
    salvage.write_out(narrows.mirror(row.project_id), _everything(narrows, row), to)
    return to


def _everything(narrows: Narrows, row: Trash) -> str:
    """The commit with all that is kept, ignored files too."""
    mirror = narrows.mirror(row.project_id)
    if row.kind is Kept.CHANGE:
        return _newest(narrows, row).commit
    found = mirrors.resolve(mirror, row.ignored) or mirrors.resolve(mirror, row.ref)
    if found is None:
        raise NotFound(f"What was in the trash is no longer in {mirror}: somebody removed it there.")
    return found


def _newest(narrows: Narrows, row: Trash) -> Revision:
    made = revisions.of_change(narrows, row.change_id or 0)
    if not made:
        raise NotFound("This change has no revision: nothing came of it.", "Restore the change to go on with it.")
    return made[-1]


def _as_revision(narrows: Narrows, row: Trash, project: Project) -> Change:
    change, seen = _open(narrows, row)
    mirror = narrows.mirror(project.id)
    person = configuration.identity(Path(project.path))
    words = "Restored from the trash."
    tree = _onto_base(mirror, row, project, seen)
    made = objects.commit(mirror, tree, [seen.base], f"{words}\n", person, person)
    try:
        fresh = revisions.take_by_hand(
            narrows,
            change.id,
            revision=seen.number,
            made=Snapshot(made, tree, seen.base, row.commit),
            summary=f"{words} It {row.why}." if row.why.startswith("stood") else f"{words} It was {row.why}.",
        )
    except revisions.Unchanged as error:
        raise WrongState("Its files are those of the newest revision.", _to_a_folder(row)) from error
    checkouts.follow(narrows, change, project, seen, fresh)
    with narrows.transaction() as db:
        mine = trash_queries.one(db, row.id)
        mine.come_back()
        events.record(db, Actor.YOU, "restored", mine, revision=fresh.number)
    return changes.get(narrows, change.id)


def _open(narrows: Narrows, row: Trash) -> tuple[Change, Revision]:
    """The change, in review, and its newest revision.

    Raises:
        WrongState: It is elsewhere.
    """
    change = changes.get(narrows, row.change_id or 0)
    if change.state is ChangeState.NEEDS_ATTENTION and revisions.of_change(narrows, change.id):
        change = reviews.keep(narrows, change.id)
    if change.state is not ChangeState.IN_REVIEW:
        first = "Restore the change first, or write it" if change.state is ChangeState.ABANDONED else "Write it"
        raise WrongState(
            f"Change {change.id} {stands(change.state)}, so it can't get another revision now.",
            f"{first} to a folder: narrows trash restore {row.id} --to FOLDER.",
        )
    return change, _newest(narrows, row)


def _onto_base(mirror: Path, row: Trash, project: Project, seen: Revision) -> str:
    """The tree that stood there, as it would be on the newest revision's base."""
    base = _base(mirror, row, project) or seen.base
    base_tree, tree = objects.tree_of(mirror, base), objects.tree_of(mirror, row.commit)
    return interdiff.onto(mirror, base_tree=base_tree, tree=tree, new_base_tree=seen.base_tree).tree


def _base(mirror: Path, row: Trash, project: Project) -> str | None:
    """Where what stood in a worktree left the target branch."""
    target = mirrors.resolve(mirror, f"refs/heads/{project.target_branch}")
    return mirrors.merge_base(mirror, row.commit, target) if target else None


def patch(narrows: Narrows, trash_id: int) -> bytes:
    """All that is kept, as a patch on top of where it left the target branch.

    Raises:
        NotFound: There is no such thing, or it has no files.
        WrongState: It was removed for good.
    """
    row, project = _whole(narrows, trash_id)
    mirror = narrows.mirror(project.id)
    if row.kind is Kept.CHANGE:
        newest = _newest(narrows, row)
        return diffs.patch(diffs.compare(mirror, newest.base_tree, newest.tree))
    base = _base(mirror, row, project)
    if base is None:
        raise NarrowsError("It has no history in common with the target branch.", _to_a_folder(row))
    return diffs.patch(
        diffs.compare(mirror, objects.tree_of(mirror, base), objects.tree_of(mirror, _everything(narrows, row)))
    )
