"""Landing: build, move by compare-and-swap, write down. The engine carries it out between these steps.

What lands is exactly what was read and what was tested: `receipts` says so, or nothing moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.domain.base import few, shown
from server.domain.change import Revision
from server.domain.errors import GitError, NarrowsError, Unavailable
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import LandingMethod, Project
from server.domain.review import Review, Verdict
from server.domain.states import ChangeState, LandingState
from server.git import merges, mirrors, objects
from server.services import assessments, attempts, changes, checks, events, hooks, line, messages, receipts, targets
from server.services.assessments import Assessment, Objected, Objection, assessed
from server.services.line import Stand, claim, mine, take_over
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import landing_queries, queries

__all__ = [
    "Construction",
    "arrived",
    "claim",
    "construct",
    "fail",
    "get",
    "land",
    "may_move",
    "mine",
    "move",
    "of_change",
    "rebuild",
    "recent",
    "take_over",
    "to_prove",
    "unobjected",
    "whole",
]

MOST_TRIES = 5  # how often a lost race is run again
SCOPE = "scope"  # the code of the warning that something else would land than was read


def land(
    narrows: Narrows,
    change_id: int,
    *,
    revision: int,
    message: str = "",
    method: LandingMethod | None = None,
    acknowledge: list[str] | None = None,
    insist: str = "",
) -> Landing:
    """Put a change into the landing line of its target branch.

    It is built here, on top of the last one in line, so that a conflict is said at once; the engine then proves and
    moves it.

    Args:
        message: What the person wrote; empty: what is proposed.
        method: This landing's own; the project's when None.
        insist: Why it lands although a check is red, in the person's words; empty: a red check stops it.

    Raises:
        Objected: There are blockers, or warnings not acknowledged.
        WrongState: The change is not in review, or a newer revision came.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
        title = queries.task(db, change.task_id).title
        topic = targets.topic(project, change_id, title, landing_queries.of_change(db, change_id))
        assessment = assessed(db, change, seen)
    draft = Landing(
        change_id=change.id,
        project_id=project.id,
        revision_id=seen.id,
        target_branch=project.target_branch,
        remote=project.remote,
        topic=topic,
        method=method or project.landing_method,
        message=message,
        acknowledged=sorted(set(acknowledge or [])),
        insisted=insist.strip(),
    )
    for _ in range(MOST_TRIES):
        built = unobjected(narrows, project, seen, draft, assessment)
        if _join(narrows, draft, seen, built):
            return draft
    raise Unavailable(f"The line of {draft.target_branch} moves too fast just now.", "Land it again in a moment.")


def unobjected(
    narrows: Narrows, project: Project, revision: Revision, draft: Landing, assessment: Assessment
) -> Construction:
    """What would land, built; `draft` says where to, which warnings are acknowledged, and whether the person insists.

    Raises:
        Objected: By the assessment, by a conflict, by a red check, or because it is not quite what was read.
    """
    against = Assessment([*assessment.blockers], [*assessment.warnings], assessment.doubtful)
    built = None if against.stops(draft) else construct(narrows, project, revision, draft)
    if isinstance(built, Objection):
        against.blockers.append(built)
    elif built:
        known = [assessments.red(command) for command in checks.red_on(narrows, project, built.tree)]
        against.blockers.extend(each for each in known if each not in against.blockers)
        against.warnings.extend(built.differs)
    if not isinstance(built, Construction) or against.stops(draft) or against.unacknowledged(draft):
        raise Objected(against)
    built.despite = sorted(each.hash for each in against.over_red) if draft.insisted else []
    return built


def _join(narrows: Narrows, draft: Landing, revision: Revision, built: Construction) -> bool:
    """Into the line, behind the one that it was built on. False: that is not the last one any more."""
    with narrows.transaction() as db:
        change = queries.change(db, draft.change_id)
        changes.reviewed(db, change, revision.number)
        if not built.still_follows(line.before(db, draft)):
            return False
        change.start_landing()
        db.add(change)
        draft.insisted = draft.insisted if built.despite else ""
        draft.acknowledged = sorted({*draft.acknowledged, *built.despite})
        built.write(draft)
        verdict = Review(change_id=change.id, revision_id=revision.id, commit=revision.commit, verdict=Verdict.LAND)
        verdict.message = draft.message
        db.add(verdict)
        events.record(db, Actor.YOU, "queued", draft)
        if draft.insisted:
            events.record(db, Actor.YOU, "insisted", draft, why=draft.insisted)
    mirrors.hold(narrows.mirror(draft.project_id), draft.ref, built.commit)
    return True


@dataclass
class Construction:
    """Commits ready to be moved to, oldest first, on top of `old`: what the landing `behind` brings, or the target."""

    old: str
    behind: Landing | None
    commits: list[str]
    tree: str
    message: str
    heard: str  # what the repository's own hooks said
    differs: list[Objection]  # warnings: where it isn't what was read, or changes hooks that the project runs
    despite: list[str]  # hashes of the red checks that the person insists over

    @property
    def commit(self) -> str:
        return self.commits[-1]

    def still_follows(self, before: Landing | None) -> bool:
        """Whether the one in front of it is the one that it was built on, with the same commit."""
        ours = (self.behind.id, self.behind.commit) if self.behind else None
        return ours == ((before.id, before.commit) if before else None)

    def write(self, landing: Landing) -> None:
        landing.message, landing.heard = self.message, self.heard or landing.heard
        as_read = not any(each.code == SCOPE for each in self.differs)
        landing.build(self.old, self.commits, self.tree, self.behind.id if self.behind else None, as_read)


def construct(narrows: Narrows, project: Project, revision: Revision, landing: Landing) -> Construction | Objection:
    """Merge the revision in the mirror with what the one before it in line brings, or with the target as it is now.

    An Objection where they conflict.
    """
    mirror = narrows.mirror(project.id)
    with narrows.reading() as db:
        before = line.before(db, landing)
    old = before.commit if before and before.under_way else None
    old = old or Target.of(narrows, project, landing).tip()
    wording = messages.worded(narrows, project, revision, landing)
    try:
        built = merges.build(
            mirror,
            target=old,
            base=revision.base,
            revision=revision.commit,
            method=landing.method.value,
            message=wording.message,
            author=wording.byline.author,
            committer=wording.byline.committer,
            earlier=wording.earlier,
            aside=wording.aside,
            sign_as=wording.sign_as,
        )
    except GitError as error:
        if mirrors.resolve(mirror, revision.commit) is None:
            raise NarrowsError(
                f"What was reviewed is no longer in {mirror}: somebody removed it there.",
                "Abandon the change, and open its task again.",
            ) from error
        raise
    if isinstance(built, merges.Conflict):
        return _conflict(narrows, project, revision, landing, built.files)
    differs = _differs(mirror, landing.target_branch, revision, old, built.tree) + _of_hooks(narrows, project, revision)
    return Construction(old, before, built.commits, built.tree, wording.message, wording.heard, differs, [])


def _differs(mirror: Path, branch: str, revision: Revision, old: str, tree: str) -> list[Objection]:
    """The warning where what would land is not line for line what was read."""
    if old == revision.base and tree == revision.tree:
        return []
    scope = merges.scope(mirror, revision.base_tree, revision.tree, objects.tree_of(mirror, old), tree)
    if scope.same:
        return []
    gone = few([shown(path) for path in scope.only_read])
    new = few([shown(path) for path in scope.only_result])
    parts = [f"read but not landing: {gone}"] if gone else []
    parts += [f"landing but not read so: {new}"] if new else []
    said = f"On {branch} as it is now, this is not quite what you read ({'; '.join(parts)})."
    return [Objection(SCOPE, said, about=scope.digest)]


def _of_hooks(narrows: Narrows, project: Project, revision: Revision) -> list[Objection]:
    """The warning where hooks that the project runs are others once it has landed."""
    with narrows.reading() as db:
        files = queries.file_names(db, revision.base_tree, revision.tree)
    names = dict.fromkeys(name for both in files for name in both if name)
    if not (changed := [f"`{shown(name)}`" for name in hooks.changed(project, names)]):
        return []
    return [
        Objection(
            "hooks", f"It changes {few(changed)}: hooks of this project, which run as you, outside of every sandbox."
        )
    ]


def _conflict(narrows: Narrows, project: Project, revision: Revision, landing: Landing, files: list[str]) -> Objection:
    """Which files, and with what: the target, or the first one in line that makes it conflict."""
    listed = few([shown(path) for path in files])
    in_front = line.ahead(narrows, landing)
    if in_front and _fits(narrows, project, revision, Target.of(narrows, project, landing).tip()):
        for other in in_front:
            if other is in_front[-1] or not _fits(narrows, project, revision, other.commit or ""):
                return Objection(
                    "conflict",
                    f"It conflicts with #{other.change_id}, which lands before it: {listed}.",
                    "Wait for that one, or send this one back.",
                )
    return Objection(
        "conflict",
        f"It no longer merges with {landing.target_branch}: {listed}.",
        "Look at the conflict, and send it to its agent.",
    )


def _fits(narrows: Narrows, project: Project, revision: Revision, target: str) -> bool:
    """Whether a revision merges with a commit."""
    merged = merges.merge(narrows.mirror(project.id), revision.base, target, revision.commit)
    return not isinstance(merged, merges.Conflict)


def whole(narrows: Narrows, landing_id: int) -> tuple[Landing, Project, Revision]:
    """A landing with what it belongs to.

    Raises:
        NotFound: No such landing.
    """
    with narrows.reading() as db:
        landing = landing_queries.one(db, landing_id)
        return landing, queries.project(db, landing.project_id), db.get_one(Revision, landing.revision_id)


def rebuild(narrows: Narrows, landing_id: int) -> Landing:
    """The same again, on what is before it now: the target, or the next one of the line that is under way.

    Raises:
        NarrowsError: It conflicts, is not what was read any more, or the target moves too often.
    """
    landing, project, revision = whole(narrows, landing_id)
    if landing.tries >= MOST_TRIES:
        raise NarrowsError(f"{landing.target_branch} moved {MOST_TRIES} times meanwhile.", "Land it again in a moment.")
    built = construct(narrows, project, revision, landing)
    if isinstance(built, Objection):
        raise NarrowsError(built.message, built.hint)
    if any(each.hash not in landing.acknowledged for each in built.differs):
        raise NarrowsError(built.differs[0].message, "Bring it up to date and read it, or land it again as it is.")
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        if not landing.under_way:
            return landing
        built.write(landing)
        events.record(db, Actor.ENGINE, "rebuilt", landing, tries=landing.tries)
    mirrors.hold(narrows.mirror(project.id), landing.ref, built.commit)
    return landing


def to_prove(narrows: Narrows, project: Project, landing: Landing) -> list[tuple[str, str]]:
    """The commits that have to pass the checks, each with its tree: the last, or each where the project wants that."""
    mirror = narrows.mirror(project.id)
    assert landing.commit is not None
    assert landing.tree is not None
    each = project.check_each and landing.method is LandingMethod.REBASE
    earlier = [(commit, objects.tree_of(mirror, commit)) for commit in landing.commits[:-1]] if each else []
    return [*earlier, (landing.commit, landing.tree)]


def may_move(narrows: Narrows, landing_id: int) -> bool:
    """Whether every check that the project has now has passed, but for those that the person insists over; or the
    branch has it already.
    """
    landing, project, _ = whole(narrows, landing_id)
    despite = assessments.despite(project, landing)
    if all(checks.proven(narrows, project, tree, despite) for _, tree in to_prove(narrows, project, landing)):
        return True
    return Target.of(narrows, project, landing).contains(landing.commit or "")


def move(narrows: Narrows, landing_id: int) -> bool:
    """Move the target branch to what was built and proven. False: somebody else moved it first, or what it stands on
    does not land.

    Idempotent: where it has moved already (the server died in between, and perhaps somebody committed on top), that
    is written down. Nothing happens to one that is over.

    Raises:
        NarrowsError: git refused; nothing was touched, and the sentence names what is in the way.
    """
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        if not landing.under_way:
            return True
        if line.stand_in(db, landing) is not Stand.FIRST:
            return False
        begun = landing.moving  # by a server that died then
        landing.set_out()
        db.add(landing)
    landing, project, revision = whole(narrows, landing_id)
    assert landing.old is not None
    assert landing.commit is not None
    receipts.verify(narrows, landing)
    target = Target.of(narrows, project, landing)
    with target.undisturbed():
        if not begun or not target.is_at(landing.commit):
            try:
                target.move(landing.old, landing.commit)
            except merges.LostRace:
                if not target.contains(landing.commit):
                    return False
        _write_down(narrows, landing, project, revision)
        target.moved(landing.old, landing.commit)
    hooks.after_move(narrows, project, landing)
    return True


def arrived(narrows: Narrows, landing_id: int) -> bool:
    """Whether its target has what was to be moved there, whatever is written down."""
    landing, project, _ = whole(narrows, landing_id)
    return landing.moving and Target.of(narrows, project, landing).contains(landing.commit or "")


def _write_down(narrows: Narrows, landing: Landing, project: Project, revision: Revision) -> None:
    seen = receipts.look(narrows, project, landing, revision)
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing.id)
        if not landing.under_way:
            return
        landing.land(receipts.write(db, project, landing, revision, seen))
        landing.pull_request, landing.note = seen.settled.pull_request, seen.settled.note
        if not seen.there:
            at = f"it is at {seen.at[:12]}" if seen.at else "it is gone"
            landing.error = f"Another git moved {landing.target_branch} in the same moment: {at}. Look at its reflog."
        change = queries.change(db, landing.change_id)
        change.land()
        changes.give_back_tree(db, change)
        changes.end_task(db, change, Actor.ENGINE)
        events.record(db, Actor.ENGINE, "landed", landing, commit=landing.commit)
        attempts.give_up_others(db, change)


def fail(narrows: Narrows, landing_id: int, why: str) -> None:
    """Nothing moved; the change is back on the desk with the reason."""
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
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
        return landing_queries.recent(db, limit)


def of_change(narrows: Narrows, change_id: int) -> list[Landing]:
    """A change's landings, oldest first."""
    with narrows.reading() as db:
        return landing_queries.of_change(db, change_id)


def get(narrows: Narrows, landing_id: int) -> Landing:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return landing_queries.one(db, landing_id)
