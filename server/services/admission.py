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

_Chosen = Run | tuple[Task, str]  # a run that waits, or a task with one of its agents


def admit(narrows: Narrows, executor: str) -> list[Run]:
    """Give `executor` whatever may start: follow-ups first, then new tasks, unless the budget stops them.

    Each run given is marked with the executor and nobody else's from then on; the caller starts it.
    """
    with narrows.reading() as db:
        if not any(_chosen(narrows, db, _Room(narrows, db))):
            return []
    with narrows.transaction() as db:
        room = _Room(narrows, db)
        chosen = list(_chosen(narrows, db, room))
        return [_give(narrows, db, one, executor) for one in chosen]


def _chosen(narrows: Narrows, db: Session, room: _Room) -> Iterator[_Chosen]:
    """What there is room for, in the order in which it starts: runs that wait, then tasks with one of their agents."""
    if not room.left:
        return
    yield from (run for run in run_queries.waiting(db) if room.take(run.project_id))
    if room.left:
        yield from _starting(db, room, _Load(narrows, db))


def _starting(db: Session, room: _Room, load: _Load) -> Iterator[tuple[Task, str]]:
    """New tasks for which there is room: asked for again while a project fills up before all agents are at work."""
    last: Task | None = None
    while room.left and (found := _next(db, room, load, last)):
        for last in found:
            for agent in queries.agents_to_start(db, last):
                if load.takes(last) and room.take(last.project_id):
                    load.add(last)
                    yield last, agent


def _next(db: Session, room: _Room, load: _Load, last: Task | None) -> list[Task]:
    projects = room.projects()
    if not projects:
        return []
    return queries.startable_tasks(db, projects, room.left, behind=last, let_through=load.full)


class _Room:
    """How many more agents may work, in all and by project."""

    def __init__(self, narrows: Narrows, db: Session) -> None:
        self._by_project = run_queries.admitted_by_project(db)
        self._projects = queries.projects(db)  # held: whoever asks for one in this session has it at once
        self._limits = {project.id: project.agents_limit for project in self._projects}
        self.left = max(0, narrows.settings.agents - sum(self._by_project.values()))

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


class _Load:
    """What the reader will have to read, as it grows with each task that starts."""

    def __init__(self, narrows: Narrows, db: Session) -> None:
        self._stands = budget.state(narrows, db)
        self._expectations = budget.Expectations(db)

    @property
    def full(self) -> bool:
        return self._stands.paused

    def takes(self, task: Task) -> bool:
        """Whether the budget lets a task start."""
        return task.past_budget or not self.full

    def add(self, task: Task) -> None:
        self._stands = self._stands.and_one(self._expectations.of(task.project_id, task.kind))


def _begin(narrows: Narrows, db: Session, task: Task, agent: str) -> tuple[Change, Run]:
    slot = checkouts.free_slot(narrows, db, task.project_id)
    change = Change(task_id=task.id, project_id=task.project_id, agent=agent, slot=slot)
    events.record(db, Actor.ENGINE, "began", change)
    return change, follow(db, change, Reason.FIRST, prompts.first(task, queries.project(db, task.project_id)))


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


def _give(narrows: Narrows, db: Session, chosen: _Chosen, executor: str) -> Run:
    if isinstance(chosen, Run):
        change, run = queries.change(db, chosen.change_id), chosen
    else:
        change, run = _begin(narrows, db, *chosen)
    if change.slot is None:
        change.slot = checkouts.free_slot(narrows, db, change.project_id)
        db.add(change)
    run.executor, run.ticket = executor, f"run-{run.id}-{run.attempt}"
    events.record(db, Actor.ENGINE, "admitted", run)
    return run
