"""Landing: build, move by compare-and-swap, write down. The engine carries it out between these steps.

What lands is exactly what was read and what was tested: `receipt` says so, or nothing moved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from server.domain.base import now, shown
from server.domain.change import Revision
from server.domain.errors import NarrowsError
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.review import Review, Verdict
from server.domain.run import SILENT_AFTER
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import commands, diffs, merges, mirrors, objects, repositories
from server.services import changes, checks, events, prompts
from server.services.assessments import Objected, Objection, assessed
from server.services.narrows import Narrows
from server.store import queries

MOST_TRIES = 5  # how often a lost race is run again


def default_message(narrows: Narrows, change_id: int) -> str:
    """The commit message that a landing gets unless the person edits it: the task's title, then the agent's summary."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        task = queries.task(db, change.task_id)
        revision = queries.last_revision(db, change_id)
    summary = revision.summary.strip() if revision else ""
    return f"{task.title}\n\n{summary}".strip() + "\n"


def land(
    narrows: Narrows, change_id: int, *, revision: int, message: str = "", acknowledge: list[str] | None = None
) -> Landing:
    """Put a change into the landing line of its target branch.

    It is built here, so that a conflict is said at once; the engine then proves and moves it.

    Raises:
        Objected: There are blockers, or warnings not acknowledged.
        WrongState: The change is not in review, or a newer revision came.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
        assessment = assessed(db, change, seen)
    message = message.strip() or default_message(narrows, change_id)
    draft = Landing(
        change_id=change.id,
        project_id=project.id,
        revision_id=seen.id,
        target_branch=project.target_branch,
        method=project.landing_method,
        message=message.strip() + "\n",
        acknowledged=sorted(set(acknowledge or [])),
    )
    if not assessment.blockers:
        built = construct(narrows, project, seen, draft)
        if isinstance(built, Objection):
            assessment.blockers.append(built)
        elif built.scope:
            assessment.warnings.append(built.scope)
    if assessment.blockers or {w.hash for w in assessment.warnings} - set(draft.acknowledged):
        raise Objected(assessment)
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        changes.reviewed(db, change, revision)
        change.start_landing()
        db.add(change)
        db.add(
            Review(
                change_id=change.id,
                revision_id=seen.id,
                commit=seen.commit,
                verdict=Verdict.LAND,
                message=draft.message,
            )
        )
        assert not isinstance(built, Objection)
        draft.build(built.old, built.commit, built.tree)
        events.record(db, Actor.YOU, "queued", draft)
    mirrors.hold(narrows.mirror(project.id), _ref(draft), built.commit)
    return draft


@dataclass(frozen=True)
class Construction:
    """A commit ready to be moved to: on top of `old`, with `scope` where it isn't what was read."""

    old: str
    commit: str
    tree: str
    scope: Objection | None


def construct(narrows: Narrows, project: Project, revision: Revision, landing: Landing) -> Construction | Objection:
    """Merge the revision with the target as it is now, in the mirror. An Objection where they conflict."""
    mirror, source = narrows.mirror(project.id), Path(project.path)
    old = mirrors.fetch(source, mirror, landing.target_branch)
    person = commands.identity(source)
    if mirrors.resolve(mirror, revision.commit) is None:
        raise NarrowsError(
            f"What was reviewed is no longer in {mirror}: somebody removed it there.",
            "Abandon the change, and open its task again.",
        )
    built = merges.build(
        mirror,
        target=old,
        base=revision.base,
        revision=revision.commit,
        method=landing.method.value,
        message=landing.message,
        author=person,
        committer=person,
    )
    if isinstance(built, merges.Conflict):
        listed = ", ".join(shown(path) for path in built.files[:5])
        more = f" and {len(built.files) - 5} more" if len(built.files) > 5 else ""
        return Objection(
            "conflict",
            f"It no longer merges with {landing.target_branch}: {listed}{more}.",
            "Send it back: the agent gets what moved.",
        )
    if old == revision.base and built.tree == revision.tree:
        return Construction(old, built.commit, built.tree, None)
    scope = merges.scope(mirror, revision.base_tree, revision.tree, objects.tree_of(mirror, old), built.tree)
    return Construction(old, built.commit, built.tree, None if scope.same else _scope_warning(landing, scope))


def _scope_warning(landing: Landing, scope: merges.Scope) -> Objection:
    gone = ", ".join(shown(path) for path in scope.only_read[:5])
    new = ", ".join(shown(path) for path in scope.only_result[:5])
    parts = [f"read but not landing: {gone}"] if gone else []
    parts += [f"landing but not read so: {new}"] if new else []
    return Objection(
        "scope",
        f"On {landing.target_branch} as it is now, this is not quite what you read ({'; '.join(parts)}).",
    )


def conflict_prompt(narrows: Narrows, change_id: int) -> str:
    """What to send the agent when its change no longer merges; empty when it does."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        project = queries.project(db, change.project_id)
        revision = queries.last_revision(db, change_id)
    if revision is None:
        return ""
    mirror = narrows.mirror(project.id)
    target = mirrors.fetch(Path(project.path), mirror, project.target_branch)
    person = commands.identity(Path(project.path))
    built = merges.build(
        mirror,
        target=target,
        base=revision.base,
        revision=revision.commit,
        method="squash",
        message="forecast\n",
        author=person,
        committer=person,
    )
    return prompts.conflict(project.target_branch, target, built.files) if isinstance(built, merges.Conflict) else ""


def claim(narrows: Narrows, executor: str) -> list[Landing]:
    """Give `executor` the landings whose turn it is, and those to be taken back.

    A landing's turn comes when nothing else lands, or is taken back, on its target branch. The caller starts each
    that it is given, under its ticket.
    """
    with narrows.reading() as db:
        if not queries.claimable_landings(db):
            return []
    with narrows.transaction() as db:
        claimed = queries.claimable_landings(db)
        for landing in claimed:
            landing.claim(executor)
            if landing.state is LandingState.QUEUED:
                landing.start()
            events.record(db, Actor.ENGINE, "started", landing)
        return claimed


def mine(narrows: Narrows, executor: str) -> list[Landing]:
    """Landings that `executor` claimed and has not done with: for its next start."""
    with narrows.reading() as db:
        return queries.landings_of_executor(db, executor)


def take_over(narrows: Narrows, executor: str) -> list[Landing]:
    """Let go of the landings of workers that are silent for too long, to be claimed again."""
    with narrows.reading() as db:
        if not queries.orphaned_landings(db, executor, now() - SILENT_AFTER):
            return []
    with narrows.transaction() as db:
        orphans = queries.orphaned_landings(db, executor, now() - SILENT_AFTER)
        for landing in orphans:
            dead, landing.executor = landing.executor, None
            events.record(db, Actor.ENGINE, "handed_over", landing, dead=dead)
        return orphans


def whole(narrows: Narrows, landing_id: int) -> tuple[Landing, Project, Revision]:
    """A landing with what it belongs to.

    Raises:
        NotFound: No such landing.
    """
    with narrows.reading() as db:
        landing = queries.landing(db, landing_id)
        return landing, queries.project(db, landing.project_id), db.get_one(Revision, landing.revision_id)


def rebuild(narrows: Narrows, landing_id: int) -> Landing:
    """After a lost race: the same again on the target as it is now.

    Raises:
        NarrowsError: It conflicts, is not what was read any more, or the target moves too often.
    """
    landing, project, revision = whole(narrows, landing_id)
    if landing.tries >= MOST_TRIES:
        raise NarrowsError(f"{landing.target_branch} moved {MOST_TRIES} times meanwhile.", "Land it again in a moment.")
    built = construct(narrows, project, revision, landing)
    if isinstance(built, Objection):
        raise NarrowsError(built.message, built.hint)
    if built.scope and built.scope.hash not in landing.acknowledged:
        raise NarrowsError(built.scope.message, "Land it again if that is what you want.")
    with narrows.transaction() as db:
        landing = queries.landing(db, landing_id)
        landing.build(built.old, built.commit, built.tree)
        events.record(db, Actor.ENGINE, "rebuilt", landing, tries=landing.tries)
    mirrors.hold(narrows.mirror(project.id), _ref(landing), built.commit)
    return landing


def may_move(narrows: Narrows, landing_id: int) -> bool:
    """Whether its tree passed every check that the project has now, or the branch has it already."""
    landing, project, _ = whole(narrows, landing_id)
    if checks.passed(narrows, project, landing.tree or ""):
        return True
    return contains(narrows.mirror(project.id), Path(project.path), landing.target_branch, landing.commit or "")


def move(narrows: Narrows, landing_id: int) -> bool:
    """Move the target branch to what was built and proven. False: somebody else moved it first.

    Idempotent: where it has moved already (the server died in between, and perhaps somebody committed on top), that
    is written down.

    Raises:
        NarrowsError: git refused; nothing was touched, and the sentence names what is in the way.
    """
    landing, project, revision = whole(narrows, landing_id)
    assert landing.old is not None
    assert landing.commit is not None
    mirror, source = narrows.mirror(project.id), Path(project.path)
    _verify(mirror, landing)
    if repositories.tip(source, landing.target_branch) != landing.commit:
        try:
            merges.move(source, mirror, landing.target_branch, landing.old, landing.commit)
        except merges.LostRace:
            if not contains(mirror, source, landing.target_branch, landing.commit):
                return False
    _write_down(narrows, landing, project, revision)
    return True


def contains(mirror: Path, source: Path, branch: str, commit: str) -> bool:
    return mirrors.is_ancestor(mirror, commit, mirrors.fetch(source, mirror, branch))


def _verify(mirror: Path, landing: Landing) -> None:
    if objects.tree_of(mirror, landing.commit or "") != landing.tree:
        raise NarrowsError(f"Landing {landing.id} is not the tree that was tested.", "Land it again, and report this.")


def _as_read(mirror: Path, landing: Landing, revision: Revision) -> bool:
    """Whether what landed is, line for line, what was read; otherwise the person had acknowledged the difference."""
    if (landing.old, landing.tree) == (revision.base, revision.tree):
        return True
    old_tree = objects.tree_of(mirror, landing.old or "")
    return merges.scope(mirror, revision.base_tree, revision.tree, old_tree, landing.tree or "").same


def _write_down(narrows: Narrows, landing: Landing, project: Project, revision: Revision) -> None:
    as_read = _as_read(narrows.mirror(project.id), landing, revision)
    with narrows.transaction() as db:
        landing = queries.landing(db, landing.id)
        if landing.state is not LandingState.RUNNING:
            return
        commands_passed = queries.commands_passed(db, project.id, landing.tree or "")
        read = hashlib.sha256(diffs.patch([row.diff for row in queries.files(db, revision.base_tree, revision.tree)]))
        landing.land(
            {
                "read": {"revision": revision.number, "commit": revision.commit, "diff_sha256": read.hexdigest()},
                "tested": {"tree": landing.tree, "checks": sorted(commands_passed)},
                "landed": {
                    "branch": landing.target_branch,
                    "from": landing.old,
                    "to": landing.commit,
                    "tree": landing.tree,
                    "as_read": as_read,
                },
            }
        )
        change = queries.change(db, landing.change_id)
        change.land()
        changes.give_back_tree(db, change)
        task = queries.task(db, change.task_id)
        if task.state is TaskState.OPEN:
            task.finish()
            events.record(db, Actor.ENGINE, "done", task)
        events.record(db, Actor.ENGINE, "landed", landing, commit=landing.commit)


def fail(narrows: Narrows, landing_id: int, why: str) -> None:
    """Nothing moved; the change is back on the desk with the reason."""
    with narrows.transaction() as db:
        landing = queries.landing(db, landing_id)
        if landing.state is not LandingState.RUNNING:
            return
        landing.fail(why)
        change = queries.change(db, landing.change_id)
        if change.state is ChangeState.LANDING:
            change.come_back(why)
            db.add(change)
        events.record(db, Actor.ENGINE, "failed", landing, why=why)


def recent(narrows: Narrows, limit: int = 50) -> list[Landing]:
    """The newest landings."""
    with narrows.reading() as db:
        return queries.recent_landings(db, limit)


def of_change(narrows: Narrows, change_id: int) -> list[Landing]:
    """A change's landings, oldest first."""
    with narrows.reading() as db:
        return queries.landings_of_change(db, change_id)


def get(narrows: Narrows, landing_id: int) -> Landing:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.landing(db, landing_id)


def _ref(landing: Landing) -> str:
    return f"refs/narrows/landings/{landing.id}"
