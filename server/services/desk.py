"""The desk: the one change to read now, and what waits behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.base import now
from server.domain.change import UNDONE, Change, Revision
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.question import Question
from server.domain.review import Comment
from server.domain.risk import Risk
from server.domain.run import Run
from server.domain.task import Task
from server.reading import desk_order
from server.reading.desk_order import Candidate, Placed, Reason
from server.services import budget, forecasts, pauses, room
from server.services.assessments import Assessment, assessed
from server.services.forecasts import Outlook
from server.services.narrows import Narrows
from server.store import check_queries, desk_queries, landing_queries, queries, run_queries


@dataclass(frozen=True)
class Waiting:
    """A change in line for its reader."""

    change: Change
    title: str
    minutes: float
    placed: Placed
    risk: Risk | None = None  # None: not weighed yet
    outlook: Outlook | None = None  # where it may land, and was asked for

    @property
    def why_here(self) -> str:
        """Why it stands where it does in the line."""
        return self.placed.why

    @property
    def points(self) -> float:
        return self.placed.points

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.placed.reasons


@dataclass(frozen=True)
class Desk:
    """`next` is the first of `waiting`; `working` counts runs at work.

    `limit`: what keeps new tasks from starting, and until when. `shortage`: the same of a disk that is nearly full.
    """

    next: Change | None
    waiting: list[Waiting]
    waiting_count: int
    working: int
    queued: int
    budget: budget.Budget
    limit: str
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
        placed = line(db, after)[:limit] if limit else []
        outlooks = forecasts.every(narrows) if foreseen else {}
        waiting = _waiting(db, placed, outlooks) if limit else []
        stands, working, queued = budget.state(narrows, db), run_queries.count_at_work(db), queries.count_backlog(db)
        return Desk(
            next=waiting[0].change if waiting else None,
            waiting=waiting,
            waiting_count=queries.desk_count(db, without=after),
            working=working,
            queued=queued,
            budget=stands,
            limit=budget.limit(narrows, db, stands, working=working, queued=queued),
            shortage=room.shortage(narrows),
        )


def line(db: Session, without: int | None = None) -> list[Placed]:
    """All that waits, first to read first: three statements, however much it is."""
    waiting = desk_queries.line(db, without)
    starts_after = desk_queries.waits_for(db)
    numbers = {each.commit: each.id for each in waiting if each.commit}
    crosses: defaultdict[int, set[int]] = defaultdict(set)
    conflicting = set()
    for first, second in desk_queries.conflicts(db):
        if not first:
            conflicting.add(second)
        elif first in numbers and second in numbers:
            crosses[numbers[first]].add(numbers[second])
            crosses[numbers[second]].add(numbers[first])
    return desk_order.order(
        (
            Candidate(
                number=each.id,
                waits_since=each.waits_since,
                minutes=1.0 if each.minutes is None else each.minutes,
                priority=each.priority,
                unblocks=len(_after(each.task_id, starts_after)),
                crosses=frozenset(crosses[each.id]),
                conflicts=each.commit in conflicting,
                remembered_at=max(filter(None, (each.read_at, each.judged_at)), default=None),
                risk=each.risk,
                asks=each.asks,
                stalled=each.needs_attention and not each.asks,
                undone=each.note == UNDONE,
                pinned_at=each.pinned_at,
                later_at=each.later_at,
            )
            for each in waiting
        ),
        now(),
    )


def _after(task_id: int, starts_after: Mapping[int, list[int]]) -> set[int]:
    """The tasks that can't start before this one has ended, each once."""
    found: set[int] = set()
    front = {task_id}
    while front:
        front = {each for number in front for each in starts_after.get(number, ())} - found
        found |= front
    return found


def _waiting(db: Session, line: list[Placed], outlooks: Mapping[int, Outlook]) -> list[Waiting]:
    found = desk_queries.shown(db, [placed.candidate.number for placed in line])
    waiting = []
    for placed in line:
        change, title, minutes, risk = found[placed.candidate.number]
        waiting.append(
            Waiting(change, title, 1.0 if minutes is None else minutes, placed, risk, outlooks.get(change.id))
        )
    return waiting


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
