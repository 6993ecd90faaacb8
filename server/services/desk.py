"""The desk: the one change to read now, and what waits behind it."""

from __future__ import annotations

from dataclasses import dataclass

from server.domain.change import UNDONE, Change, Revision
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.question import Question
from server.domain.review import Comment
from server.domain.run import Run
from server.domain.states import ChangeState
from server.domain.task import Task
from server.services import budget, forecasts, pauses, room
from server.services.assessments import Assessment, assessed
from server.services.forecasts import Outlook
from server.services.narrows import Narrows
from server.store import check_queries, landing_queries, queries, run_queries


@dataclass(frozen=True)
class Waiting:
    """A change in line for its reader."""

    change: Change
    title: str
    minutes: float
    why_here: str
    outlook: Outlook | None = None  # where it may land, and was asked for


@dataclass(frozen=True)
class Desk:
    """`next` is the first of `waiting`; `working` counts runs at work.

    `shortage`: why nothing new starts, where the disk is nearly full.
    """

    next: Change | None
    waiting: list[Waiting]
    waiting_count: int
    working: int
    queued: int
    budget: budget.Budget
    shortage: str


@dataclass(frozen=True)
class Sheet:
    """All that the page of one change shows, but for the diff's text."""

    change: Change
    task: Task
    project: Project
    revisions: list[Revision]
    runs: list[Run]
    checks: list[Check]  # of the newest revision
    comments: list[Comment]
    landings: list[Landing]
    questions: list[Question]  # to be answered
    assessment: Assessment
    held_up: str  # why the newest run does not start, while its agent is paused
    outlook: Outlook | None  # where it may land

    @property
    def revision(self) -> Revision | None:
        return self.revisions[-1] if self.revisions else None


def desk(narrows: Narrows, limit: int = 20, after: int | None = None, *, foreseen: bool = False) -> Desk:
    """The desk as it is now, with the first `limit` of those that wait; as if change `after` were decided already.

    `foreseen`: with what each has before it.
    """
    with narrows.reading() as db:
        line = queries.desk_line(db, limit, without=after) if limit else []
        asking = queries.asking_changes(db) if limit else set()
        ordinary = [
            change for change, _, priority, _ in line if not (priority or change.later_at or change.id in asking)
        ]
        outlooks = forecasts.every(narrows) if foreseen else {}
        waiting = [
            Waiting(
                change,
                title,
                minutes if minutes is not None else 1.0,
                _why(change, priority, asking, ordinary),
                outlooks.get(change.id),
            )
            for change, title, priority, minutes in line
        ]
        return Desk(
            next=waiting[0].change if waiting else None,
            waiting=waiting,
            waiting_count=queries.desk_count(db, without=after),
            working=run_queries.count_at_work(db),
            queued=queries.count_backlog(db),
            budget=budget.state(narrows, db),
            shortage=room.shortage(narrows),
        )


def _why(change: Change, priority: int, asking: set[int], ordinary: list[Change]) -> str:
    """Why a change stands where it does in the line; those in `ordinary` stand there by age alone."""
    if change.later_at:
        return "its landing was undone" if change.note == UNDONE else "you put it off"
    if change.id in asking:
        return "its agent waits for your word"
    if change.state is ChangeState.NEEDS_ATTENTION:
        return "needs your word"
    if priority:
        return f"priority {priority}"
    place = ordinary.index(change)
    return f"came after #{ordinary[place - 1].id}" if place else "waits longest"


def sheet(narrows: Narrows, change_id: int) -> Sheet:
    """One change with all that belongs to it.

    Raises:
        NotFound: No such change.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        revisions = queries.revisions_of_change(db, change_id)
        begun = run_queries.of_change(db, change_id)
        return Sheet(
            change=change,
            task=queries.task(db, change.task_id),
            project=queries.project(db, change.project_id),
            revisions=revisions,
            runs=begun,
            checks=check_queries.of_revision(db, revisions[-1].id) if revisions else [],
            comments=queries.comments(db, change_id),
            landings=landing_queries.of_change(db, change_id),
            questions=queries.unanswered_questions(db, change_id),
            assessment=assessed(db, change, revisions[-1] if revisions else None),
            held_up=pauses.holding(db, begun[-1] if begun else None),
            outlook=forecasts.of_change(db, change),
        )
