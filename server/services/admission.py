"""Which work starts now: order, priority, dependencies, limits, review budget; in one short write transaction."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from server.domain.change import Change
from server.domain.event import Actor
from server.domain.run import Reason, Run
from server.domain.task import Task
from server.services import budget, checkouts, events, prompts
from server.services.narrows import Narrows
from server.store import queries, run_queries


def admit(narrows: Narrows, executor: str) -> list[Run]:
    """Give `executor` whatever may start: follow-ups first, then new tasks, unless the budget pauses them.

    Each run given is marked with the executor and nobody else's from then on; the caller starts it.
    """
    with narrows.reading() as db:
        if not run_queries.anything_to_admit(db):
            return []
    with narrows.transaction() as db:
        room = _Room(narrows, db)
        admitted = [_give(narrows, db, run, executor) for run in run_queries.waiting(db) if room.take(run.project_id)]
        if room.left and not budget.state(narrows, db).paused:
            admitted += [_give(narrows, db, _begin(db, task), executor) for task in _starting(db, room)]
        return admitted


def _starting(db: Session, room: _Room) -> Iterator[Task]:
    """New tasks for which there is room: asked for again while a project fills up before all agents are at work."""
    while room.left and (found := queries.startable_tasks(db, room.projects(), room.left)):
        yield from (task for task in found if room.take(task.project_id))


class _Room:
    """How many more agents may work, in all and by project."""

    def __init__(self, narrows: Narrows, db: Session) -> None:
        self._by_project = run_queries.admitted_by_project(db)
        self._limits = {project.id: project.agents_limit for project in queries.projects(db)}
        self.left = narrows.settings.agents - sum(self._by_project.values())

    def projects(self) -> list[int]:
        """Those that have room for another agent."""
        return [project_id for project_id in self._limits if self._in(project_id) > 0]

    def _in(self, project_id: int) -> int:
        return self._limits.get(project_id, 0) - self._by_project.get(project_id, 0)

    def take(self, project_id: int) -> bool:
        if self.left <= 0 or self._in(project_id) <= 0:
            return False
        self._by_project[project_id] = self._by_project.get(project_id, 0) + 1
        self.left -= 1
        return True


def _begin(db: Session, task: Task) -> Run:
    change = Change(task_id=task.id, project_id=task.project_id, agent=task.agent)
    events.record(db, Actor.ENGINE, "began", change)
    return follow(db, change, Reason.FIRST, prompts.first(task, queries.project(db, task.project_id)))


def follow(db: Session, change: Change, reason: Reason, prompt: str, onto: str = "") -> Run:
    """Another run for a change, to be admitted when there is room. Inside the caller's transaction.

    Args:
        onto: The target's commit that the change's worktree is brought onto first; empty: it stays.
    """
    task = queries.task(db, change.task_id)
    run = Run(
        change_id=change.id,
        task_id=task.id,
        project_id=change.project_id,
        reason=reason,
        agent=change.agent,
        prompt=prompt,
        onto=onto,
    )
    events.record(db, Actor.ENGINE, "queued", run, reason=reason.value)
    return run


def _give(narrows: Narrows, db: Session, run: Run, executor: str) -> Run:
    change = queries.change(db, run.change_id)
    if change.slot is None:
        change.slot = checkouts.free_slot(narrows, db, change.project_id)
        db.add(change)
    run.executor, run.ticket = executor, f"run-{run.id}-{run.attempt}"
    events.record(db, Actor.ENGINE, "admitted", run)
    return run
