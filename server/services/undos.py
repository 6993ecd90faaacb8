"""Taking a landing back: to where the target was, or by a revert commit on top of what came after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.domain.base import few, shown
from server.domain.errors import NarrowsError, WrongState
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import merges, mirrors, objects
from server.git.configuration import Configuration
from server.git.remotes import RemoteRefused
from server.services import events, hooks, messages, removals
from server.services.landings import whole
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import landing_queries, queries

STAYS = "Its pull request is still there; landing the change again updates it."


def ask(narrows: Narrows, landing_id: int) -> Landing:
    """Take a landing back, or out of the line while it is there. The engine does it; the change returns to the desk.

    Raises:
        WrongState: It is being moved just now, has not landed, or is being taken back already.
    """
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        if landing.under_way:
            landing.cancel()
            change = queries.change(db, landing.change_id)
            change.come_back("You took it out of the landing line.")
            db.add(change)
            events.record(db, Actor.YOU, "cancelled", landing)
            return landing
        removals.expect_held(db, queries.change(db, landing.change_id))
        if landing.undo_asked:
            raise WrongState(f"Landing {landing.id} is being taken back.", "Wait a moment.")
        landing.ask_undo(landing_queries.last_id(db))
        events.record(db, Actor.YOU, "undo_asked", landing)
    return landing


@dataclass(frozen=True)
class TakingBack:
    """How a landing is taken back: the target goes from `old` to `new`; a revert is proven first."""

    old: str
    new: str
    tree: str
    revert: bool


def plan(narrows: Narrows, landing_id: int) -> TakingBack:
    """Back to where the target was, where nothing came after and nobody forbids it; otherwise a revert commit on top.

    What went into a pull request stays where it is: landing the change again brings it there anew.

    Raises:
        NarrowsError: It can't be taken back; the sentence says why.
    """
    landing, project, _ = whole(narrows, landing_id)
    assert landing.old is not None
    assert landing.commit is not None
    mirror = narrows.mirror(project.id)
    target = Target.of(narrows, project, landing).tip()
    if landing.topic:
        if mirrors.is_ancestor(mirror, landing.commit, target):
            raise NarrowsError(f"Its pull request was merged into {landing.target_branch}.", "Revert it there.")
        return TakingBack(landing.commit, landing.commit, landing.tree or "", revert=False)
    before = mirrors.resolve(mirror, landing.undo_ref)
    if target == landing.old or (target == landing.commit and before is None):
        return TakingBack(landing.commit, landing.old, objects.tree_of(mirror, landing.old), revert=False)
    if not mirrors.is_ancestor(mirror, landing.commit, target):
        raise NarrowsError(f"{landing.target_branch} no longer contains this landing.", "Nothing is left to take back.")
    if before and mirrors.is_ancestor(mirror, before, target):  # reverted before the server died
        return TakingBack(target, target, objects.tree_of(mirror, target), revert=False)
    return _revert(narrows, project, landing, target)


def _revert(narrows: Narrows, project: Project, landing: Landing, target: str) -> TakingBack:
    """A revert commit on top of `target`, held: from now on the landing is taken back by one, and by nothing else."""
    assert landing.commit is not None
    mirror, source = narrows.mirror(project.id), Path(project.path)
    theirs = Configuration.of(source)
    message, _ = hooks.commit_msg(project, messages.reverting(project, landing))
    built = merges.revert(
        mirror,
        target=target,
        landed=landing.commit,
        message=message,
        author=theirs.person,
        since=landing.old,
        sign_as=source if theirs.signing else None,
    )
    if isinstance(built, merges.Conflict):
        listed = few([shown(path) for path in built.files])
        raise NarrowsError(
            f"Later commits changed the same lines: {listed}.", "Take it back by hand, in your own editor."
        )
    mirrors.hold(mirror, landing.undo_ref, built.commit)
    return TakingBack(target, built.commit, built.tree, revert=True)


def take_back(narrows: Narrows, landing_id: int, planned: TakingBack) -> bool:
    """Carry the plan out. False: the target is elsewhere by now, or never goes back; plan again. Idempotent."""
    landing, project, _ = whole(narrows, landing_id)
    note = STAYS if landing.topic else _move(narrows, project, landing, planned)
    if note is None:
        return False
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        if landing.state is not LandingState.LANDED:
            return True
        landing.undo(planned.new)
        landing.note = note
        change = queries.change(db, landing.change_id)
        if change.state is ChangeState.LANDED:
            change.undo()
            db.add(change)
            task = queries.task(db, change.task_id)
            if task.state is TaskState.DONE:
                task.reopen()
                events.record(db, Actor.ENGINE, "reopened", task)
        events.record(db, Actor.ENGINE, "undone", landing, commit=planned.new)
    return True


def _move(narrows: Narrows, project: Project, landing: Landing, planned: TakingBack) -> str | None:
    """What did not go along with the move; None where there was none."""
    target = Target.of(narrows, project, landing)
    try:
        if not target.is_at(planned.new):
            target.move(planned.old, planned.new)
            target.moved(planned.old, planned.new)
    except merges.LostRace:
        return None
    except RemoteRefused:
        if planned.revert:
            raise
        _revert(narrows, project, landing, planned.old)
        return None
    return target.settle(planned.old, planned.new).note


def stay(narrows: Narrows, landing_id: int, why: str) -> None:
    """It could not be taken back; it stays landed, with the reason."""
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        landing.stay(why)
        events.record(db, Actor.ENGINE, "undo_failed", landing, why=why)
