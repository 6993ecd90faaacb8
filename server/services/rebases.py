"""Bringing a change onto its target as that is now: as its next revision, or in its worktree before a turn."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from server.domain.change import UNDONE, Change, Revision
from server.domain.errors import NarrowsError, WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.git import configuration, conflicts, heads, merges, mirrors, objects, trees
from server.git.commands import NOBODY
from server.git.snapshots import Snapshot
from server.services import changes, checkouts, events, forecasts, revisions
from server.services.forecasts import Outlook
from server.services.narrows import Narrows
from server.services.revisions import Unchanged
from server.services.targets import Target
from server.store import queries


class Conflicting(NarrowsError):
    """It does not merge with its target; `files` are those that don't."""

    status = 409
    code = "conflict"

    def __init__(self, branch: str, files: list[str]) -> None:
        super().__init__(
            f"It does not merge with {branch} as it is now: {forecasts.listed(files)}.",
            "Look at the conflict, and send it to its agent.",
        )
        self.files = files


def moved(narrows: Narrows, outlook: Outlook) -> int:
    """By how many commits the target has moved on since a change's newest revision, as far as that is foreseen."""
    if outlook.at in ("", outlook.base):
        return 0
    return _count(narrows.mirror(outlook.project_id), outlook.base, outlook.at)


@lru_cache(maxsize=4096)
def _count(mirror: Path, base: str, target: str) -> int:
    """Asked of git once in this process; none where it can't say, which is no reason to keep a page back."""
    try:
        return conflicts.count(mirror, base, target)
    except NarrowsError:
        return 0


def bring_up(narrows: Narrows, change_id: int, *, revision: int) -> Revision:
    """What a revision changes, on its target as that is now, as the change's next revision, made by the engine.

    Its agent's next turn starts from it.

    Args:
        revision: The number of the newest revision, that was read.

    Raises:
        Conflicting: It does not merge.
        Unchanged: It is on the target as that is now, or all that it changes is there already.
        WrongState: The change is not in review, has a report, or a newer revision came.
        NarrowsError: The target can't be asked.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
        title = queries.task(db, change.task_id).title
    if seen.report is not None:
        raise WrongState("A report is not brought up to date.", "Send it back to have it written anew.")
    target = Target.of(narrows, project).tip()
    made = _merged(narrows.mirror(project.id), project, seen, target, f"{title}\n\n{seen.summary}".strip())
    fresh = revisions.take_by_hand(
        narrows, change_id, revision=revision, made=made, summary=seen.summary, made_by=Actor.ENGINE
    )
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        if change.note != UNDONE:
            change.note = ""  # it was about the revision before, such as why that did not land
        events.record(db, Actor.YOU, "brought_up", change, revision=fresh.number)
    checkouts.follow(narrows, change, project, seen, fresh)
    return fresh


def _merged(mirror: Path, project: Project, seen: Revision, target: str, message: str) -> Snapshot:
    if target == seen.base:
        raise Unchanged(f"It is on {project.target_branch} as it is now.", "There is nothing to bring up.")
    tree = merges.merge(mirror, seen.base, target, seen.commit)
    if isinstance(tree, merges.Conflict):
        raise Conflicting(project.target_branch, tree.files)
    person = configuration.identity(Path(project.path))
    commit = objects.commit(mirror, tree, [target], f"{message}\n", person, person)
    return Snapshot(commit, tree, target, commit)


def into_worktree(narrows: Narrows, change: Change, project: Project, last: Revision, onto: str) -> list[str]:
    """Merge what stands in a change's worktree with a commit of its target, and put HEAD there.

    Files that don't merge hold all sides between conflict markers; their names are the answer. Idempotent: where HEAD
    has the commit already, nothing is touched. Its agent must not be at work.

    Args:
        last: The change's newest revision.

    Raises:
        GitError: It can't be written, or the commit is not in the mirror.
    """
    assert change.slot is not None
    mirror, tree = narrows.mirror(project.id), narrows.tree(project.id, change.slot)
    ref = f"refs/narrows/onto/{change.id}/{onto}"
    made = mirrors.resolve(mirror, ref) or _together(mirror, tree, project, last, onto)
    if made:
        mirrors.hold(mirror, ref, made)  # a death from here on finds it, and merges nothing twice
        trees.rewind(mirror, tree, made, exclude=project.include)
        heads.move(mirror, tree, onto)
        mirrors.release(mirror, ref)
    found = conflicts.find(mirror, base=last.base, target=onto, revision=last.commit)
    return [each.path for each in found]


def _together(mirror: Path, tree: Path, project: Project, last: Revision, onto: str) -> str | None:
    """What stands in the worktree, merged with a commit of the target, as a commit on that; None: it has it already."""
    head = trees.head(mirror, tree)
    if head is None:
        heads.move(mirror, tree, last.base)  # its agent broke it
    elif mirrors.is_ancestor(mirror, onto, head):
        return None
    own = _own(mirror, tree, project, last)
    merged = conflicts.marked(mirror, base=last.base, target=onto, revision=own)
    return objects.commit(mirror, merged, [onto], "Brought together with the target.", NOBODY, NOBODY)


def _own(mirror: Path, tree: Path, project: Project, last: Revision) -> str:
    """What stands in the worktree as a commit on the base of the newest revision."""
    content = trees.content(mirror, tree, exclude=project.include)
    if content == last.tree and last.base == mirrors.resolve(mirror, f"{last.commit}^1"):
        return last.commit
    return objects.commit(mirror, content, [last.base], "Stood in the worktree.", NOBODY, NOBODY, merges.EPOCH)
