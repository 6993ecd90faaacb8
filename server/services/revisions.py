"""Snapshots of a change, and their diffs, stored once by content."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from server.domain.change import LINES_AN_HOUR, WORDS_A_MINUTE, Change, Revision, reading_minutes
from server.domain.diff import FileDiff
from server.domain.errors import NarrowsError, NotFound
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState
from server.domain.task import Kind
from server.git import configuration, diffs, heads, merges, mirrors, objects, snapshots, trees
from server.git.commands import NOBODY
from server.git.snapshots import Snapshot
from server.reading import amount, answers
from server.services import anchors, changes, checks, comparisons, events, flags, rates
from server.services.narrows import Narrows
from server.store import queries, run_queries

AT_ONCE = 2000  # changed lines of a revision in which moved ones are looked for while it is written down


def take(narrows: Narrows, run_id: int, *, summary: str, report: str | None) -> Revision | None:
    """Make what a run left in its worktree the change's next revision; None where that is nothing.

    Of research the report is the revision: `report`, or else the agent's last message. Code that came along is kept
    apart. Idempotent: a run has at most one revision.
    """
    with narrows.reading() as db:
        if known := queries.revision_of_run(db, run_id):
            return known
        run = run_queries.one(db, run_id)
        change = queries.change(db, run.change_id)
        project = queries.project(db, run.project_id)
        task = queries.task(db, run.task_id)
        number = queries.next_revision_number(db, change.id)
        last = queries.last_revision(db, change.id)
        numbers = [comment.id for comment in queries.comments(db, change.id)]
    assert change.slot is not None
    mirror, tree = narrows.mirror(project.id), narrows.tree(project.id, change.slot)
    start = base(mirror, tree, project, last)
    snapshot = snapshots.take(
        mirror,
        tree,
        base=start,
        message=f"{task.title}\n\n{summary}".strip() + "\n",
        author=configuration.identity(Path(project.path)),
        exclude=project.include,
    )
    fresh = Revision(
        change_id=change.id,
        run_id=run.id,
        number=number,
        commit=start,
        tree=objects.tree_of(mirror, start),
        base=start,
        base_tree=objects.tree_of(mirror, start),
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
    """What a run left; another try of the same step finds it written already."""
    with narrows.transaction() as db:
        if known := queries.revision_of_run(db, run.id):
            return known
        add(db, revision, files)
        if aside:
            comparisons.keep(db, revision.base_tree, aside.tree, aside.files)
    anchors.carry(narrows, revision)
    return revision


def add(db: Session, revision: Revision, files: list[FileDiff]) -> None:
    """Write a revision down with its diff and what is noticed in it, inside the caller's transaction.

    Every revision comes in here, whoever made it. The caller holds its commit by `revision.ref`, and once the
    transaction is over lets the comments follow with `anchors.carry`.
    """
    measure(revision, files, rates.of_change(db, revision.change_id))
    db.add(revision)
    comparisons.keep(db, revision.base_tree, revision.tree, files)
    flags.store(db, revision, files)
    events.record(db, revision.made_by, "revised", revision, number=revision.number)


def measure(revision: Revision, files: list[FileDiff], lines_an_hour: float = LINES_AN_HOUR) -> None:
    """How large the revision is, what of it needs reading, and how long that takes.

    In a large one, lines that only moved still count: `measure_large` takes them out later.
    """
    revision.files = len(files)
    revision.additions = sum(file.additions or 0 for file in files)
    revision.deletions = sum(file.deletions or 0 for file in files)
    _estimate(revision, amount.of(files, moved=not is_large(revision)), lines_an_hour)


def is_large(revision: Revision) -> bool:
    """Whether it has more changed lines than are looked through for moved ones while somebody waits."""
    return revision.additions + revision.deletions > AT_ONCE


def measure_large(narrows: Narrows, revision: Revision) -> None:
    """Take the lines that only moved out of what needs reading in a large revision. It takes its time, and is done
    once, before anybody has to rely on it; of others that is done when they are written down.
    """
    if not is_large(revision):
        return
    needed = amount.of(comparisons.files(narrows, revision))
    with narrows.transaction() as db:
        found = db.get_one(Revision, revision.id)
        _estimate(found, needed, rates.of_change(db, found.change_id))
        db.add(found)
    for name in ("reading_files", "reading_lines", "minutes"):
        setattr(revision, name, getattr(found, name))


def _estimate(revision: Revision, needed: amount.Amount, lines_an_hour: float) -> None:
    revision.reading_files, revision.reading_lines = needed
    words = len((revision.report or "").split())
    revision.minutes = round(reading_minutes(*needed, lines_an_hour) + words / WORDS_A_MINUTE, 1)


def take_by_hand(
    narrows: Narrows, change_id: int, *, revision: int, made: Snapshot, summary: str, made_by: Actor = Actor.YOU
) -> Revision:
    """What a person made of a change becomes its next revision; the engine checks it as it checks an agent's.

    Args:
        revision: The number of the newest revision, that the person worked on.
        made: Its commit. Nothing refers to it yet.
        made_by: The engine, where it did that for the person.

    Raises:
        WrongState: The change is not in review, or a newer revision came.
        Unchanged: It is what the newest revision is, or nothing of the change is left.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
    mirror = narrows.mirror(project.id)
    base_tree = objects.tree_of(mirror, made.base)
    if (made.tree, made.base) == (seen.tree, seen.base):
        raise Unchanged("Nothing differs from the newest revision.", "Edit something first.")
    if made.tree == base_tree:
        raise Unchanged("With this nothing of the change is left.", "Abandon the change if that is what you want.")
    files = diffs.compare(mirror, base_tree, made.tree)
    fresh = Revision(
        change_id=change_id,
        made_by=made_by,
        number=seen.number + 1,
        commit=made.commit,
        tree=made.tree,
        base=made.base,
        base_tree=base_tree,
        summary=summary,
    )
    with narrows.transaction() as db:
        changes.reviewed(db, queries.change(db, change_id), revision)
        add(db, fresh, files)
        checks.plan_in(db, project, fresh)
        _hold(mirror, fresh.ref, fresh.commit, made)  # inside: no other writer has this number by now
    anchors.carry(narrows, fresh)
    return fresh


class Unchanged(NarrowsError):
    """A person's edit came to nothing that could be a revision."""

    status = 409
    code = "unchanged"


def base(mirror: Path, tree: Path, project: Project, last: Revision | None) -> str:
    """The commit that what stands in a worktree is compared with: where its HEAD left the target branch.

    A target that the agent merged without a commit, or whose files it took over as they are, counts as merged.

    Raises:
        NotFound: There is nothing to compare with.
    """
    if not project.remote:  # as the user has it: in the mirror an agent can move it, and write ignore rules
        with suppress(NarrowsError):
            mirrors.fetch(Path(project.path), mirror, project.target_branch)
    target = mirrors.resolve(mirror, f"refs/heads/{project.target_branch}")
    fallback = last.base if last else None
    found = _left(mirror, tree, target) if target else None
    start = found or fallback or target
    if fallback and found and mirrors.is_ancestor(mirror, found, fallback):
        start = fallback  # it went back in history, or a part has landed: still compare with what was read
    if start is None:
        raise NotFound(
            f"The branch {project.target_branch!r} is gone.", "Choose another target branch on the project's page."
        )
    return target if target and _holds(mirror, tree, project, start, target) else start


def _left(mirror: Path, tree: Path, target: str) -> str | None:
    """The newest commit of the target that HEAD has, or that the agent was merging into it."""
    newest: str | None = None
    for commit in (trees.head(mirror, tree), heads.merging(mirror, tree)):
        met = mirrors.merge_base(mirror, commit, target) if commit else None
        if met and (newest is None or mirrors.is_ancestor(mirror, newest, met)):
            newest = met
    return newest


def _holds(mirror: Path, tree: Path, project: Project, start: str, target: str) -> bool:
    """Whether all that the target brought since `start` stands in the worktree: merging it would change nothing."""
    if start == target or not mirrors.is_ancestor(mirror, start, target):
        return False
    content = trees.content(mirror, tree, exclude=project.include)
    standing = objects.commit(mirror, content, [start], "standing", NOBODY, NOBODY, merges.EPOCH)
    return merges.merge(mirror, start, target, standing) == content


def get(narrows: Narrows, change_id: int, number: int) -> Revision:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.revision(db, change_id, number)


def whole(narrows: Narrows, revision_id: int) -> tuple[Revision, Project]:
    """A revision with the project that it is of."""
    with narrows.reading() as db:
        found = db.get_one(Revision, revision_id)
        return found, queries.project(db, queries.change(db, found.change_id).project_id)


def is_read(narrows: Narrows, revision_id: int) -> bool:
    """Whether the revision is what waits for its reader: its change's newest, and not sent back, landing or over."""
    with narrows.reading() as db:
        found = db.get_one(Revision, revision_id)
        newest = queries.last_revision(db, found.change_id)
        waits = queries.change(db, found.change_id).state is ChangeState.IN_REVIEW
        return waits and newest is not None and newest.id == revision_id


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


# A revision is read as any two trees are.
files, outline, file, patch, find_position = (
    comparisons.files,
    comparisons.outline,
    comparisons.file,
    comparisons.patch,
    comparisons.find_position,
)


def whole_file(narrows: Narrows, revision: Revision, path: str, *, old: bool) -> bytes | None:
    """A file's whole content at the revision, or at its base; None where it is not there or very large."""
    with narrows.reading() as db:
        change = db.get_one(Change, revision.change_id)
    return mirrors.read_file(narrows.mirror(change.project_id), revision.base if old else revision.commit, path)
