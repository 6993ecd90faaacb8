"""A made-up record in a database: so many changes over so many days, as a person and their agents would leave them."""

from __future__ import annotations

import functools
import random
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from server.domain.base import now
from server.domain.change import Change, Revision
from server.domain.event import Actor, Event
from server.domain.landing import Landing
from server.domain.project import LandingMethod, Project
from server.domain.review import Clock, Review, Verdict
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, LandingState, RunState, TaskState
from server.domain.survival import Survival
from server.domain.task import Kind, Task
from server.services.narrows import Narrows
from tests.support.house import narrows_in

AGENTS = ("claude", "codex", "gemini")
KINDS = (Kind.DIRECTED, Kind.DIRECTED, Kind.DIRECTED, Kind.MAINTENANCE, Kind.REFACTORING)


@dataclass(frozen=True)
class History:
    """How it went. `quicker`: how many times as fast the last change is read as the first."""

    changes: int = 200
    days: int = 60
    quicker: float = 1.0
    agents: tuple[str, ...] = AGENTS
    seed: int = 1


def build(narrows: Narrows, history: History = History(), until: datetime | None = None) -> Project:
    """A project with that record, which ends at `until`, now by default. Nothing of it is in git."""
    until = until or now()
    chance = random.Random(history.seed)
    with narrows.database.writing() as db:
        project = Project(
            name="durations", path=str(Path("/home/you") / f"durations-{history.seed}"), target_branch="main"
        )
        db.add(project)
        db.flush()
        for number in range(history.changes):
            share = number / max(1, history.changes - 1)
            began = until - timedelta(days=history.days * (1 - share), hours=3 * (1 - share), minutes=60)
            _Story(db, project.id, chance, began, 1 + (history.quicker - 1) * share, until).tell(number, history.agents)
    return project


@functools.cache
def _written(history: History) -> bytes:
    """A database with that record and nothing else, as a file's bytes: writing it takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder, narrows_in(Path(folder)) as narrows:
        build(narrows, history)
        with narrows.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return (narrows.settings.data / "narrows.db").read_bytes()


def put(narrows: Narrows, history: History = History()) -> None:
    """The same as `build` in a database that nothing is in, copied from one where it was written once."""
    file = narrows.settings.data / "narrows.db"
    written = file.with_name("written.db")
    written.write_bytes(_written(history))
    with closing(sqlite3.connect(written)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


class _Story:
    """One change from its task to its end."""

    def __init__(
        self, db: Session, project_id: int, chance: random.Random, began: datetime, quicker: float, until: datetime
    ) -> None:
        self.db, self.project_id, self.chance, self.at = db, project_id, chance, began
        self.quicker, self.until = quicker, until

    def tell(self, number: int, agents: Sequence[str]) -> None:
        agent = self.chance.choice(agents)
        kind = self.chance.choice(KINDS)
        task = Task(
            project_id=self.project_id,
            title=f"Make part {number} better",
            kind=kind,
            agent=agent,
            state=TaskState.DONE,
            created_at=self.at,
        )
        change = Change(
            task_id=self._id(task),
            project_id=self.project_id,
            agent=agent,
            created_at=self.at,
            state=ChangeState.LANDED,
        )
        self._id(change)
        lines = int(min(900, 15 + self.chance.lognormvariate(4, 0.9)))
        rounds = self.chance.choices((0, 1, 2, 3), (65, 24, 8, 3))[0]
        for turn in range(rounds + 1):
            revision = self._turn(change, turn, lines)
            if turn < rounds:
                self._judge(change, revision, Verdict.REQUEST_CHANGES)
        if self.chance.random() < 0.08:
            change.state = ChangeState.ABANDONED
            self._judge(change, revision, Verdict.ABANDON)
        else:
            self._judge(change, revision, Verdict.LAND)
            self._land(change, revision)
        self.db.add(change)

    def _turn(self, change: Change, turn: int, lines: int) -> Revision:
        start = self.at
        self.at += timedelta(minutes=self.chance.uniform(2, 14))
        run = Run(
            change_id=change.id,
            task_id=change.task_id,
            project_id=self.project_id,
            agent=change.agent,
            prompt="…",
            reason=Reason.REVIEW if turn else Reason.FIRST,
            state=RunState.SUCCEEDED,
            queued_at=start,
            started_at=start,
            ended_at=self.at,
            usage={}
            if change.agent == "gemini"
            else {"input": 20_000, "output": 3_000, "cost": round(self.chance.uniform(0.1, 0.9), 3), "currency": "USD"},
        )
        commit = f"{change.id:038x}{turn:02x}"
        revision = Revision(
            change_id=change.id,
            run_id=self._id(run),
            number=turn + 1,
            commit=commit,
            tree=commit,
            base="0" * 40,
            base_tree="0" * 40,
            files=2,
            additions=lines,
            deletions=lines // 4,
            reading_files=2,
            reading_lines=lines,
            minutes=max(1.0, lines / 20 + 1),
            created_at=self.at,
        )
        self._id(revision)
        self._event("presented", change)
        return revision

    def _judge(self, change: Change, revision: Revision, verdict: Verdict) -> None:
        """The person gets to it after a while, reads, and says so."""
        self.at += timedelta(hours=self.chance.lognormvariate(-0.5, 1))
        minutes = revision.minutes * self.chance.lognormvariate(0.1, 0.45) / self.quicker / (revision.number**0.7)
        self.at += timedelta(minutes=minutes)
        self.at = min(self.at, self.until)
        self.db.add(Clock(revision_id=revision.id, seconds=minutes * 60, ticked_at=self.at))
        self.db.add(
            Review(
                change_id=change.id,
                revision_id=revision.id,
                commit=revision.commit,
                verdict=verdict,
                created_at=self.at,
            )
        )

    def _land(self, change: Change, revision: Revision) -> None:
        landing = Landing(
            change_id=change.id,
            project_id=self.project_id,
            revision_id=revision.id,
            target_branch="main",
            method=LandingMethod.SQUASH,
            message="Say it",
            state=LandingState.LANDED,
            old="0" * 40,
            commit=revision.commit,
            commits=[revision.commit],
            tree=revision.tree,
            created_at=self.at,
            ended_at=self.at,
        )
        self._id(landing)
        if self.chance.random() < 0.03:
            landing.state, change.state = LandingState.UNDONE, ChangeState.IN_REVIEW
            self._event("undone", landing)
            return
        age = (self.until - self.at) / timedelta(days=1)
        if age >= 1:
            left = int(
                revision.additions * max(0.2, 1 - self.chance.uniform(0, 0.004) * age - self.chance.uniform(0, 0.06))
            )
            reverted = "f" * 40 if self.chance.random() < 0.02 else ""
            self.db.add(
                Survival(
                    landing_id=landing.id,
                    tip="e" * 40,
                    added=revision.additions,
                    left=0 if reverted else left,
                    reverted_by=reverted,
                    at=self.until,
                )
            )

    def _event(self, verb: str, thing: Change | Landing) -> None:
        change_id = thing.id if isinstance(thing, Change) else thing.change_id
        self.db.add(
            Event(
                at=self.at,
                actor=Actor.ENGINE,
                verb=verb,
                noun=type(thing).__name__.lower(),
                noun_id=thing.id,
                project_id=self.project_id,
                change_id=change_id,
            )
        )

    def _id(self, thing: Task | Change | Run | Revision | Landing) -> int:
        self.db.add(thing)
        self.db.flush()
        return thing.id
