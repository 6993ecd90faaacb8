"""Several attempts at one task by different agents: side by side as facts, and how what they did differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from server.domain import usage
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.diff import Comparison
from server.domain.errors import NotFound, WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.risk import Risk
from server.domain.states import ChangeState, TaskState
from server.domain.task import Task
from server.services import changes, comparisons, events
from server.services.narrows import Narrows
from server.store import check_queries, landing_queries, queries, run_queries


@dataclass(frozen=True)
class Attempt:
    """One attempt as facts, as far as it has come. `checks` and `risk` are its newest revision's."""

    change: Change
    revision: Revision | None
    checks: list[Check]
    risk: Risk | None
    seconds: float  # that its agent was at work
    used: dict[str, Any]  # tokens by name, cost and currency, as its agent tells them; empty: it tells nothing


@dataclass(frozen=True)
class Attempts:
    """All attempts at a task, the first one first."""

    task: Task
    project: Project
    every: list[Attempt]

    @property
    def comparable(self) -> list[tuple[Attempt, Attempt]]:
        """Each two that have something to compare."""
        there = [each for each in self.every if each.revision is not None and not each.revision.report]
        return [(one, other) for place, one in enumerate(there) for other in there[place + 1 :]]


def of_task(narrows: Narrows, task_id: int) -> Attempts:
    """Raises: NotFound."""
    with narrows.reading() as db:
        task = queries.task(db, task_id)
        begun = whole(queries.changes_of_task(db, task_id))
        return Attempts(task, queries.project(db, task.project_id), [_attempt(db, change) for change in begun])


def _attempt(db: Session, change: Change) -> Attempt:
    newest = queries.last_revision(db, change.id)
    begun = [run for run in run_queries.of_change(db, change.id) if run.started_at is not None]
    return Attempt(
        change,
        newest,
        check_queries.of_revision(db, newest.id) if newest else [],
        queries.risk(db, newest.id) if newest else None,
        sum(run.seconds or 0.0 for run in begun),
        usage.total(run.usage for run in begun),
    )


def whole(of_task: Sequence[Change]) -> list[Change]:
    """Of a task's changes those that are attempts at it: no parts of another."""
    return [change for change in of_task if change.part_of is None]


def beside(narrows: Narrows, change: Change) -> list[Change]:
    """The attempts at the change's task, its own among them; none where it is the only one."""
    with narrows.reading() as db:
        found = whole(queries.changes_of_task(db, change.task_id))
    return found if len(found) > 1 else []


def compare(narrows: Narrows, task_id: int, one: int, other: int) -> tuple[Attempts, Attempt, Attempt, Comparison]:
    """How what change `other` does differs from what change `one` does, by their newest revisions.

    Raises:
        NotFound: One is no attempt at this task.
        WrongState: One has no code to compare.
    """
    found = of_task(narrows, task_id)
    by_number = {each.change.id: each for each in found.every}
    sides = []
    for number in (one, other):
        if number not in by_number or one == other:
            raise NotFound(f"Change {number} is no other attempt at task {task_id}.", "The task's page lists them.")
        side = by_number[number]
        if side.revision is None or side.revision.report:
            raise WrongState(f"Change {number} has no code to compare.", "Wait until its agent is done.")
        sides.append((side, side.revision))
    (left, old), (right, new) = sides
    return found, left, right, comparisons.across(narrows, found.project.id, old, new)


def give_up_others(db: Session, landed: Change) -> None:
    """The other attempts at the task of a change that has landed are abandoned, once that task is done.

    One in the landing line leaves it; they can be restored as every abandoned change can. Inside the transaction that
    writes the landing down.
    """
    if queries.task(db, landed.task_id).state is not TaskState.DONE:
        return
    own = {each.id for each in changes.kin(db, landed)}
    why = _why(landed)
    for other in queries.changes_of_task(db, landed.task_id):
        if other.id in own or other.state not in changes.UNDER_WAY:
            continue
        if other.state is ChangeState.LANDING and not _leave_line(db, other, why):
            continue
        changes.abandon_in(db, other, Actor.ENGINE, why)


def _leave_line(db: Session, change: Change, why: str) -> bool:
    """Whether a change that is landing is taken out of the line; one that is being moved lands or fails by itself."""
    for landing in landing_queries.of_change(db, change.id):
        if landing.under_way:
            if landing.moving:
                return False
            landing.cancel()
            events.record(db, Actor.ENGINE, "cancelled", landing)
    change.come_back(why)
    return True


def left_behind(of_task: Sequence[Change], change: Change) -> list[Change]:
    """The attempts that were abandoned when this one landed, and still are."""
    return [each for each in of_task if each.state is ChangeState.ABANDONED and each.note == _why(change)]


def _why(landed: Change) -> str:
    """What is noted of an attempt that was abandoned for another."""
    return f"Another attempt, #{landed.id}, {'was accepted' if landed.state is ChangeState.ACCEPTED else 'landed'}."
