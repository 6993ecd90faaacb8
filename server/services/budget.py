"""Back-pressure: what waits for the reader and what will come, in minutes, and whether that stops new tasks."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from functools import cached_property

from sqlmodel import Session

from server.domain.task import Kind
from server.services import pauses
from server.services.narrows import Narrows
from server.store import budget_queries, queries, run_queries

UNKNOWN = 10.0  # minutes that a change will bring where none has brought any yet
SAMPLE = 20  # first revisions whose mean it is expected to be


@dataclass(frozen=True)
class Budget:
    """How it stands: `minutes` that may wait (0: no limit), what waits, and what those at work will bring."""

    minutes: int
    waiting_minutes: float
    waiting_changes: int
    working_changes: int
    expected_minutes: float

    @property
    def paused(self) -> bool:
        """Whether new tasks are stopped by it."""
        return bool(self.minutes) and self.waiting_minutes + self.expected_minutes >= self.minutes

    @property
    def over(self) -> float:
        """Minutes that have to be read before new tasks start; 0 where they are not stopped."""
        return round(self.waiting_minutes + self.expected_minutes - self.minutes, 1) if self.paused else 0.0

    @property
    def sentence(self) -> str:
        """Why new tasks are stopped, and until when; empty where they are not."""
        if not self.paused:
            return ""
        limit = f"your budget of {self.minutes} min"
        against = f"over {limit}" if self.over >= 1 else f"{limit} is used up"
        read = max(1, math.ceil(self.over))
        return f"{self._load}: {against}. New tasks start once about {read} min {'is' if read == 1 else 'are'} read."

    @property
    def _load(self) -> str:
        waiting = f"{self.waiting_changes} waiting (about {self.waiting_minutes:.0f} min)"
        coming = f"{self.working_changes} at work will bring about {self.expected_minutes:.0f}"
        if not self.working_changes:
            return waiting
        return f"{waiting}, {coming} more" if self.waiting_changes else f"{coming} min"

    def and_one(self, minutes: float) -> Budget:
        """As it stands once one more is at work that is expected to bring so much."""
        return replace(self, working_changes=self.working_changes + 1, expected_minutes=self.expected_minutes + minutes)


class Expectations:
    """How many minutes of reading a change will bring that has no revision yet."""

    def __init__(self, db: Session) -> None:
        self._db = db

    def of(self, project_id: int, kind: Kind) -> float:
        """The mean of the newest first revisions of that kind in that project; else of any; else `UNKNOWN`."""
        alike = [each for each in self._firsts if (each.project_id, each.kind) == (project_id, kind)]
        sample = [each.minutes for each in (alike or self._firsts)[:SAMPLE] if each.minutes is not None]
        return statistics.fmean(sample) if sample else UNKNOWN

    @cached_property
    def _firsts(self) -> list[budget_queries.AtWork]:
        return budget_queries.first_minutes(self._db)


def state(narrows: Narrows, db: Session) -> Budget:
    """The budget as it stands."""
    changes, minutes = budget_queries.waiting(db)
    expectations, at_work = Expectations(db), budget_queries.at_work(db)
    coming = [expectations.of(each.project_id, each.kind) if each.minutes is None else each.minutes for each in at_work]
    wished = budget_queries.wished_minutes(db)
    limit = narrows.settings.budget if wished is None else wished
    return Budget(limit, round(minutes, 1), changes, len(coming), round(sum(coming), 1))


def look(narrows: Narrows) -> Budget:
    """The same in a session of its own."""
    with narrows.reading() as db:
        return state(narrows, db)


def limit(narrows: Narrows, db: Session, stands: Budget, *, working: int, queued: int) -> str:
    """Which limit keeps new tasks from starting, and until when, in one sentence; empty where none does.

    Args:
        working: Runs that are at work.
        queued: Tasks in the backlog: where there are none, only the budget is worth a word.
    """
    if stands.paused or not queued:
        return stands.sentence
    if working >= narrows.settings.agents:
        return _all_at_work(narrows.settings.agents)
    return " ".join(pauses.sentence(pause) for pause in pauses.standing(db))


def full(narrows: Narrows, db: Session, project_id: int) -> str:
    """Which limit on agents is reached, as a sentence; empty when none is."""
    at_work = run_queries.admitted_by_project(db)
    if sum(at_work.values()) >= narrows.settings.agents:
        return _all_at_work(narrows.settings.agents)
    most = queries.project(db, project_id).agents_limit
    return _all_at_work(most, " of this project") if at_work.get(project_id, 0) >= most else ""


def _all_at_work(most: int, whose: str = "") -> str:
    if most == 1:
        return (
            f"The one agent that may work{' in this project' if whose else ''} does; the next task starts when it ends."
        )
    return f"All {most} agents{whose} are at work; the next task starts when one ends."
