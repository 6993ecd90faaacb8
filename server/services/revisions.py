"""Snapshots of a change, and their diffs, stored once by content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from server.domain.base import shown
from server.domain.change import Change, Revision, reading_minutes
from server.domain.diff import FileDiff
from server.domain.errors import NotFound
from server.domain.event import Actor
from server.domain.file_row import FileRow
from server.domain.project import Project
from server.domain.run import Run
from server.domain.task import Kind
from server.git import commands, diffs, mirrors, objects, snapshots, trees
from server.git.snapshots import Snapshot
from server.reading import answers
from server.services import events
from server.services.narrows import Narrows
from server.store import queries


def take(narrows: Narrows, run_id: int, *, summary: str, report: str | None) -> Revision | None:
    """Make what a run left in its worktree the change's next revision; None where that is nothing.

    Of research the report is the revision: `report`, or else the agent's last message. Code that came along is kept
    apart. Idempotent: a run has at most one revision.
    """
    with narrows.reading() as db:
        if known := queries.revision_of_run(db, run_id):
            return known
        run = queries.run(db, run_id)
        change = queries.change(db, run.change_id)
        project = queries.project(db, run.project_id)
        task = queries.task(db, run.task_id)
        number = queries.next_revision_number(db, change.id)
        last = queries.last_revision(db, change.id)
        numbers = [comment.id for comment in queries.comments(db, change.id)]
    assert change.slot is not None
    mirror, tree = narrows.mirror(project.id), narrows.tree(project.id, change.slot)
    base = _base(mirror, tree, project, last)
    snapshot = snapshots.take(
        mirror,
        tree,
        base=base,
        message=f"{task.title}\n\n{summary}".strip() + "\n",
        author=commands.identity(Path(project.path)),
        exclude=project.include,
    )
    fresh = Revision(
        change_id=change.id,
        run_id=run.id,
        number=number,
        commit=base,
        tree=objects.tree_of(mirror, base),
        base=base,
        base_tree=objects.tree_of(mirror, base),
        summary=summary,
    )
    if task.kind is Kind.RESEARCH:
        fresh.report = report or (summary if answers.besides(summary, numbers) else None)
        return _take_report(narrows, run, fresh, snapshot, last)
    fresh.report = report
    return _take_tree(narrows, run, fresh, snapshot, last)


def _take_tree(
    narrows: Narrows, run: Run, fresh: Revision, snapshot: Snapshot | None, last: Revision | None
) -> Revision | None:
    """What differs from the base is the revision."""
    if snapshot is None:
        return None
    fresh.commit, fresh.tree = snapshot.commit, snapshot.tree
    if last and not fresh.report and (fresh.tree, fresh.base) == (last.tree, last.base):
        return None  # a follow-up that changed nothing
    mirror = narrows.mirror(run.project_id)
    _hold(mirror, fresh.ref, fresh.commit, snapshot)
    return _write(narrows, run, fresh, _compare(mirror, fresh.base_tree, fresh.tree))


def _take_report(
    narrows: Narrows, run: Run, fresh: Revision, snapshot: Snapshot | None, last: Revision | None
) -> Revision | None:
    """The report is the revision, on the base's own tree; what was changed all the same is kept beside it."""
    if not fresh.report or (last and last.report == fresh.report):
        return None
    mirror = narrows.mirror(run.project_id)
    mirrors.hold(mirror, fresh.ref, fresh.commit)
    if snapshot is None:
        return _write(narrows, run, fresh, [])
    fresh.aside = snapshot.commit
    _hold(mirror, f"{fresh.ref}-aside", snapshot.commit, snapshot)
    return _write(narrows, run, fresh, [], _Aside(snapshot.tree, _compare(mirror, fresh.base_tree, snapshot.tree)))


def _hold(mirror: Path, ref: str, commit: str, snapshot: Snapshot | None) -> None:
    """Keep a commit, and beside it what the agent itself committed."""
    mirrors.hold(mirror, ref, commit)
    if snapshot and snapshot.head not in (snapshot.commit, snapshot.base):
        mirrors.hold(mirror, f"{ref}-agent", snapshot.head)


def _compare(mirror: Path, base_tree: str, tree: str) -> list[FileDiff]:
    return diffs.compare(mirror, base_tree, tree) if tree != base_tree else []


@dataclass(frozen=True)
class _Aside:
    """Code that came along with a report."""

    tree: str
    files: list[FileDiff]


def _write(
    narrows: Narrows, run: Run, revision: Revision, files: list[FileDiff], aside: _Aside | None = None
) -> Revision:
    revision.files = len(files)
    revision.additions = sum(file.additions or 0 for file in files)
    revision.deletions = sum(file.deletions or 0 for file in files)
    words = len((revision.report or "").split())
    revision.minutes = round(reading_minutes(len(files), revision.additions + revision.deletions) + words / 200, 1)
    with narrows.transaction() as db:
        if known := queries.revision_of_run(db, run.id):
            return known
        db.add(revision)
        _store(db, revision.base_tree, revision.tree, files)
        if aside:
            _store(db, revision.base_tree, aside.tree, aside.files)
        events.record(db, Actor.AGENT, "revised", revision, number=revision.number)
    return revision


def _store(db: Session, base_tree: str, tree: str, files: list[FileDiff]) -> None:
    """A diff, unless the same one is there already."""
    if not queries.has_files(db, base_tree, tree):
        db.add_all(FileRow.of(base_tree, tree, n, file) for n, file in enumerate(files))


def _base(mirror: Path, tree: Path, project: Project, last: Revision | None) -> str:
    """The commit to compare with: where the agent's own HEAD left the target branch."""
    target = mirrors.resolve(mirror, f"refs/heads/{project.target_branch}")
    fallback = last.base if last else None
    head = trees.head(mirror, tree)
    found = mirrors.merge_base(mirror, head, target) if head and target else None
    base = found or fallback or target
    if fallback and found and mirrors.is_ancestor(mirror, found, fallback):
        base = fallback  # the agent went back in history: still compare with what was read
    if base is None:
        raise NotFound(
            f"The branch {project.target_branch!r} is gone.", "Choose another target branch on the project's page."
        )
    return base


def get(narrows: Narrows, change_id: int, number: int) -> Revision:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.revision(db, change_id, number)


def of_change(narrows: Narrows, change_id: int) -> list[Revision]:
    """A change's revisions, oldest first."""
    with narrows.reading() as db:
        return queries.revisions_of_change(db, change_id)


def of_run(narrows: Narrows, run_id: int) -> Revision | None:
    """What a run left, if it left anything."""
    with narrows.reading() as db:
        return queries.revision_of_run(db, run_id)


def aside(narrows: Narrows, revision: Revision) -> Revision | None:
    """The code that came along with a report, to be read as if it were the revision; None where there was none.

    It is in no table, and nothing can be decided about it.
    """
    if revision.aside is None:
        return None
    with narrows.reading() as db:
        change = db.get_one(Change, revision.change_id)
    tree = objects.tree_of(narrows.mirror(change.project_id), revision.aside)
    kept = {name: getattr(revision, name) for name in ("change_id", "run_id", "number", "base", "base_tree")}
    return Revision(**kept, commit=revision.aside, tree=tree)


def files(narrows: Narrows, revision: Revision) -> list[FileDiff]:
    """The revision's whole diff, in git's order. Large: for a page use `outline` and `file`."""
    with narrows.reading() as db:
        return [row.diff for row in queries.files(db, revision.base_tree, revision.tree)]


def outline(narrows: Narrows, revision: Revision) -> list[FileRow]:
    """The files without their text (`text` is empty), in git's order."""
    with narrows.reading() as db:
        return queries.file_outline(db, revision.base_tree, revision.tree)


def file(narrows: Narrows, revision: Revision, position: int) -> FileDiff:
    """One file of the diff, by its place in git's order, from 0.

    Raises:
        NotFound: The diff has no such file.
    """
    with narrows.reading() as db:
        return queries.file(db, revision.base_tree, revision.tree, position).diff


def patch(narrows: Narrows, revision: Revision) -> bytes:
    """The exact bytes that `git apply` turns the base tree into the head tree with."""
    return diffs.patch(files(narrows, revision))


def whole_file(narrows: Narrows, revision: Revision, path: str, *, old: bool) -> bytes | None:
    """A file's whole content at the revision, or at its base; None where it is not there or very large."""
    with narrows.reading() as db:
        change = db.get_one(Change, revision.change_id)
    return mirrors.read_file(narrows.mirror(change.project_id), revision.base if old else revision.commit, path)


def find_position(narrows: Narrows, revision: Revision, path: str) -> int:
    """Where in the diff a file is, by its new or old name.

    Raises:
        NotFound: It is not in the diff.
    """
    for row in outline(narrows, revision):
        if path in (row.path, row.old_path, shown(row.path)):
            return row.position
    raise NotFound(f"{shown(path)} is not part of this revision.")
