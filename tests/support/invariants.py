"""What holds in every Narrows at rest, whatever happened to it before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlmodel import Session, col, select

from server.domain.change import Change
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState, CheckState, LandingState, TaskState
from server.domain.task import Task
from server.engine import processes
from server.git import mirrors
from server.services import changes
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import landing_queries, queries, run_queries, trash_queries

ON_THE_WAY = (LandingState.QUEUED, LandingState.RUNNING)


def check(narrows: Narrows) -> None:
    """Fail unless everything agrees: tasks, changes, runs, landings, worktrees, refs, processes. Nothing is at work."""
    with narrows.reading() as db:
        wrong = [
            *_tasks(db),
            *_changes(db),
            *_runs(db),
            *_landings(narrows, db),
            *_slots(db),
            *_refs(narrows, db),
            *_processes(narrows, db),
        ]
    assert not wrong, "\n".join(wrong)


def _tasks(db: Session) -> Iterator[str]:
    for task in db.exec(select(Task)):
        made = queries.changes_of_task(db, task.id)
        living = [change for change in made if change.state in queries.LIVING]
        if sum(change.part_of is None for change in living) > 1:
            yield f"task {task.id} has {len(living)} living changes"
        if task.state is TaskState.DROPPED and living:
            yield f"task {task.id} is dropped, and change {living[0].id} lives"
        waiting = any(change.state in changes.UNDER_WAY for change in made if _split(change, made))
        ended = any(change.state in (ChangeState.LANDED, ChangeState.ACCEPTED) for change in made) and not waiting
        if ended != (task.state is TaskState.DONE):
            yield f"task {task.id} is {task.state}, its changes are {[change.state.value for change in made]}"


def _split(change: Change, made: list[Change]) -> bool:
    """Whether it is a part, or has one: the task then ends with the last of them."""
    return change.part_of is not None or any(other.part_of == change.id for other in made)


def _changes(db: Session) -> Iterator[str]:
    for change in db.exec(select(Change)):
        waiting = [run for run in run_queries.unfinished(db, change.id) if run.executor is None]
        if change.state is ChangeState.WORKING and not waiting:
            yield f"change {change.id} is working, and nothing will move it"
        if change.state is ChangeState.IN_REVIEW and queries.last_revision(db, change.id) is None:
            yield f"change {change.id} is in review without a revision"
        on_the_way = [found for found in landing_queries.of_change(db, change.id) if found.state in ON_THE_WAY]
        if len(on_the_way) != (change.state is ChangeState.LANDING):
            yield f"change {change.id} is {change.state} with {len(on_the_way)} landings on the way"


def _runs(db: Session) -> Iterator[str]:
    for run in db.exec(select(Run)):
        if not run.over and run.executor is not None:
            yield f"run {run.id} is {run.state} with {run.executor}, though nothing is at work"
        if not run.over and queries.change(db, run.change_id).state is not ChangeState.WORKING:
            yield f"run {run.id} is {run.state} for a change that is not being worked on"


def _landings(narrows: Narrows, db: Session) -> Iterator[str]:
    for landing in db.exec(select(Landing)):
        if landing.state is LandingState.RUNNING or landing.undo_asked:
            yield f"landing {landing.id} is {landing.state}, though nothing is at work"
        change = queries.change(db, landing.change_id)
        if landing.state is LandingState.LANDED:
            if change.state is not ChangeState.LANDED:
                yield f"landing {landing.id} landed, its change {change.id} is {change.state}"
            if not landing.receipt:
                yield f"landing {landing.id} has no receipt"
            if not _contained(narrows, queries.project(db, landing.project_id), landing):
                yield f"landing {landing.id} landed, and {landing.target_branch} is without it"


def _contained(narrows: Narrows, project: Project, landing: Landing) -> bool:
    return Target.of(narrows, project, landing).contains(landing.commit or "")


def _slots(db: Session) -> Iterator[str]:
    holders = list(db.exec(select(Change).where(col(Change.slot).is_not(None))))
    for (project_id, slot), count in Counter((change.project_id, change.slot) for change in holders).items():
        if count > 1:
            yield f"worktree {slot} of project {project_id} has {count} changes"
    for change in holders:
        if change.state in (ChangeState.LANDED, ChangeState.ABANDONED, ChangeState.ACCEPTED):
            yield f"change {change.id} is {change.state} and keeps worktree {change.slot}"


def _refs(narrows: Narrows, db: Session) -> Iterator[str]:
    """All that can be read or had back is held; what was removed from the trash for good need not be."""
    for project in trash_queries.every_project(db):
        mirror = narrows.mirror(project.id)
        for ref, commit in trash_queries.refs_of_project(db, project.id).items():
            if mirrors.resolve(mirror, ref) != commit:
                yield f"{ref} of project {project.id} does not hold {commit}"


def _processes(narrows: Narrows, db: Session) -> Iterator[str]:
    for running in db.exec(select(Check).where(Check.state == CheckState.RUNNING)):
        yield f"check {running.id} is running, though nothing is at work"
    for lock in [*narrows.settings.runs.rglob("lock"), *narrows.settings.logs.glob("*/*/lock")]:
        if processes.held(lock.parent):
            yield f"a program still holds {lock}"
