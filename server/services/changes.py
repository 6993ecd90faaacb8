"""Changes as a person decides on them: abandon, restore; and the guard that a verdict names what was read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.review import Review, Verdict
from server.domain.states import ChangeState, RunState, TaskState, stands
from server.domain.task import Kind
from server.services import events, questions, trash
from server.services.narrows import Narrows
from server.store import queries, run_queries

UNDER_WAY = (ChangeState.WORKING, ChangeState.NEEDS_ATTENTION, ChangeState.IN_REVIEW, ChangeState.LANDING)


def get(narrows: Narrows, change_id: int) -> Change:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.change(db, change_id)


def editable(narrows: Narrows, change: Change, number: int) -> bool:
    """Whether the person can change revision `number` by hand now: code, in review, and the newest."""
    if change.state is not ChangeState.IN_REVIEW:
        return False
    with narrows.reading() as db:
        newest = queries.last_revision(db, change.id)
        kind = queries.task(db, change.task_id).kind
    return newest is not None and newest.number == number and kind is not Kind.RESEARCH


def every(narrows: Narrows, *, state: ChangeState | None = None, limit: int = 100) -> list[Change]:
    """Changes of one state, or all, newest first."""
    with narrows.reading() as db:
        return queries.changes(db, state=state, limit=limit)


def reviewed(db: Session, change: Change, number: int) -> Revision:
    """The revision that a verdict is about: the change's newest, or the verdict is refused.

    Raises:
        WrongState: The change is not in review, or a newer revision came since it was read.
    """
    if change.state is not ChangeState.IN_REVIEW:
        raise WrongState(
            f"Change {change.id} {stands(change.state)}: it is not in review.", "Reload to see where it stands."
        )
    newest = queries.last_revision(db, change.id)
    if newest is None or newest.number != number:
        there = newest.number if newest else "none"
        raise WrongState(f"You read revision {number}; the newest is {there}.", "Reload, and read what changed.")
    return newest


def abandon(narrows: Narrows, change_id: int) -> Change:
    """Give the change up; its work is kept and can be restored. Its task is dropped with its last change.

    Raises:
        WrongState: It is landing, landed or abandoned already.
    """
    with narrows.transaction() as db:
        return abandon_in(db, queries.change(db, change_id))


def abandon_in(db: Session, change: Change, actor: Actor = Actor.YOU, why: str = "") -> Change:
    """The same, inside the caller's transaction. Where the engine does it, that is nobody's verdict."""
    was_working = change.state is ChangeState.WORKING
    change.abandon(why)
    if actor is Actor.YOU:
        seen = queries.last_revision(db, change.id)
        db.add(
            Review(
                change_id=change.id,
                revision_id=seen.id if seen else None,
                commit=seen.commit if seen else "",
                verdict=Verdict.ABANDON,
            )
        )
    questions.forsake(db, change)
    in_use = stop_runs(db, change, "Its change was abandoned.", judging=was_working)
    end_task(db, change, actor)
    trash.put(db, change)
    events.record(db, actor, "abandoned", change)
    if not in_use:
        give_back_tree(db, change)
    return change


def end_task(db: Session, change: Change, actor: Actor) -> None:
    """A change has come to its end: its task is done once one has landed and no part of the same is left, and dropped
    once none lives. Inside the caller's transaction.
    """
    task = queries.task(db, change.task_id)
    if task.state is not TaskState.OPEN:
        return
    states = [each.state for each in kin(db, change)]
    if ChangeState.LANDED in states and not any(state in UNDER_WAY for state in states):
        task.finish()
        events.record(db, actor, "done", task)
    elif queries.living_change(db, task.id) is None:
        task.drop()
        events.record(db, actor, "dropped", task)


def kin(db: Session, change: Change) -> list[Change]:
    """The change with all those that it was split from, and that were split from these: one attempt at its task."""
    others = queries.changes_of_task(db, change.task_id)
    first = origins(others)
    return [each for each in others if first[each.id] == first[change.id]]


def origins(of_task: Sequence[Change]) -> dict[int, int]:
    """By the number of each of a task's changes, the one that it was first split from, or its own."""
    parents = {each.id: each.part_of for each in of_task}

    def first(number: int) -> int:
        return first(parent) if (parent := parents.get(number)) else number

    return {each.id: first(each.id) for each in of_task}


def stop_runs(db: Session, change: Change, why: str, *, judging: bool = False) -> bool:
    """Ask for the end of a change's runs, and with `judging` of the checks after the last one. Whether they still use
    the worktree; their worker gives it back when they ended. Inside the caller's transaction.
    """
    judged = run_queries.of_change(db, change.id)[-1:] if judging else []
    in_use = False
    for run in run_queries.unfinished(db, change.id) or judged:
        run.stop_asked = True
        if run.executor is None:
            run.end(RunState.STOPPED, why)
        else:
            in_use = True
        events.record(db, Actor.YOU, "stop_asked", run)
    return in_use


def restore(narrows: Narrows, change_id: int) -> Change:
    """Back from abandoned, with everything that it had, and its task open again.

    Raises:
        WrongState: It is not abandoned, or was removed from the trash, or its project was removed.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        project = queries.project(db, change.project_id)
        if project.removed_at is not None:
            raise WrongState(f"The project {project.name} was removed.", f"Register {project.path} again first.")
        trash.take_back(db, change)
        change.restore(has_revision=queries.last_revision(db, change_id) is not None, finished=_finished(db, change_id))
        task = queries.task(db, change.task_id)
        if task.state is TaskState.DROPPED:
            task.reopen()
            events.record(db, Actor.ENGINE, "reopened", task)  # you restored a change, and start nothing anew
        events.record(db, Actor.YOU, "restored", change)
    return change


def _finished(db: Session, change_id: int) -> bool:
    """Whether the change's last run came to its end by itself: abandoning it did not cut it short."""
    return all(run.state is RunState.SUCCEEDED for run in run_queries.of_change(db, change_id)[-1:])


def give_back_tree(db: Session, change: Change) -> None:
    """The change needs its worktree no more: the next change may have it, once what is in no revision is put away."""
    if change.slot is None:
        return
    change.slot = None
    events.record(db, Actor.ENGINE, "gave_back_worktree", change)
