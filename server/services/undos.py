"""Taking a landing back: to where the target was, or by a revert commit on top of what came after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.domain.base import shown
from server.domain.errors import NarrowsError, WrongState
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import commands, merges, mirrors, objects, repositories
from server.services import events
from server.services.landings import whole
from server.services.narrows import Narrows
from server.store import queries


def ask(narrows: Narrows, landing_id: int) -> Landing:
    """Take a landing back, or out of the line where it waits. The engine does it; the change returns to the desk.

    Raises:
        WrongState: It is not landed, or being taken back already.
    """
    with narrows.transaction() as db:
        landing = queries.landing(db, landing_id)
        if landing.state is LandingState.QUEUED:
            landing.cancel()
            change = queries.change(db, landing.change_id)
            change.come_back("You took it out of the landing line.")
            db.add(change)
            events.record(db, Actor.YOU, "cancelled", landing)
            return landing
        if landing.state is LandingState.RUNNING:
            raise WrongState(f"Landing {landing.id} is under way.", "Take it back once it has landed.")
        if landing.undo_asked:
            raise WrongState(f"Landing {landing.id} is being taken back.", "Wait a moment.")
        landing.ask_undo()
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
    """Back to where the target was, where nothing came after; otherwise a revert commit on top.

    Raises:
        NarrowsError: It can't be taken back; the sentence says why.
    """
    landing, project, _ = whole(narrows, landing_id)
    assert landing.old is not None
    assert landing.commit is not None
    mirror, source = narrows.mirror(project.id), Path(project.path)
    target = mirrors.fetch(source, mirror, landing.target_branch)
    if target in (landing.commit, landing.old):
        return TakingBack(landing.commit, landing.old, objects.tree_of(mirror, landing.old), revert=False)
    if not mirrors.is_ancestor(mirror, landing.commit, target):
        raise NarrowsError(f"{landing.target_branch} no longer contains this landing.", "Nothing is left to take back.")
    ref = f"refs/narrows/undos/{landing.id}"
    before = mirrors.resolve(mirror, ref)
    if before and mirrors.is_ancestor(mirror, before, target):  # reverted before the server died
        return TakingBack(target, target, objects.tree_of(mirror, target), revert=False)
    title = landing.message.splitlines()[0]
    built = merges.revert(
        mirror,
        target=target,
        landed=landing.commit,
        message=f'Revert "{title}"\n\nThis reverts commit {landing.commit}.\n',
        author=commands.identity(source),
    )
    if isinstance(built, merges.Conflict):
        listed = ", ".join(shown(path) for path in built.files[:5])
        raise NarrowsError(
            f"Later commits changed the same lines: {listed}.", "Take it back by hand, in your own editor."
        )
    mirrors.hold(mirror, ref, built.commit)
    return TakingBack(target, built.commit, built.tree, revert=True)


def take_back(narrows: Narrows, landing_id: int, planned: TakingBack) -> bool:
    """Carry the plan out. False: the target moved meanwhile; plan again. Idempotent."""
    landing, project, _ = whole(narrows, landing_id)
    source = Path(project.path)
    if repositories.tip(source, landing.target_branch) != planned.new:
        try:
            merges.move(source, narrows.mirror(project.id), landing.target_branch, planned.old, planned.new)
        except merges.LostRace:
            return False
    with narrows.transaction() as db:
        landing = queries.landing(db, landing_id)
        if landing.state is not LandingState.LANDED:
            return True
        landing.undo(planned.new)
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


def stay(narrows: Narrows, landing_id: int, why: str) -> None:
    """It could not be taken back; it stays landed, with the reason."""
    with narrows.transaction() as db:
        landing = queries.landing(db, landing_id)
        landing.stay(why)
        events.record(db, Actor.ENGINE, "undo_failed", landing, why=why)
