"""One reader and some agents, minute by minute: what is decided by Narrows' own code, on its own tables, is decided so.

Admission, the order of the desk, the estimates and the pace that is measured from the clocks are the product's. Made up
is what people and machines do: how long an agent works, how fast the person reads, how often something is sent back,
and that two changes conflict which touch the same places of a file.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import fmean

import simpy
from sqlmodel import Session

from server.domain.change import Change, Revision, reading_minutes
from server.domain.project import Project
from server.domain.review import Review, Verdict
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, RunState
from server.domain.task import Task
from server.services import admission, clocks, rates
from server.services.narrows import Narrows
from server.store import queries
from tests.bench.capacity.history import Place, Work
from tests.bench.capacity.ordering import Choose

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)  # a Monday
DAYS = 4
HOUR, DAY = 60.0, 10 * 60.0  # of the day, in which agents work, too: at night the machine sleeps
SESSIONS = ((1.0, 50), (3.0, 50), (6.0, 50), (8.0, 50))  # hours since 8 o'clock, minutes of reading
BACKLOG = 60  # tasks that wait; the person never runs out of them
AGENT_MINUTES = (2.6, 0.6)  # of the logarithm: 13 minutes in the middle, one in six over 25
FOLLOW_UP = 0.5  # of a first turn's time
PACE, PER_FILE = 400 / 60, 0.5  # the person's own: lines a minute, minutes a file; Narrows has to find it out
MOOD = 0.25  # how far a reading differs from that
SPARED = 0.5  # of a reading where an earlier revision was read just now: what differs is read; less, as it is forgotten
HALF_LIFE = 4.0  # hours
TICK = 2.0  # minutes after which the clock is told
GLANCE = 1.0  # minutes for a change that the page says conflicts: it goes back at once
SENT_BACK = (0.35, 0.15)  # of first revisions, of later ones


@dataclass
class Doing:
    """A change as the simulation knows it: its work, what had landed when its agent began, when it came to the desk."""

    work: Work
    base: int
    ready: float = 0
    read: float = 0  # minutes that the person read it so far
    read_at: float | None = None  # when they last did
    runs: int = 0
    revision: int = 0  # the newest one's id


@dataclass
class Tally:
    """What came of it."""

    landed: int = 0
    lines: int = 0  # of what landed
    ages: list[float] = field(default_factory=list)  # minutes on the desk, of each change that was read
    conflicts: int = 0  # changes that could not land since another had
    reread: float = 0  # minutes that were read of them before
    rework: float = 0  # minutes of agents that were spent on them
    left: int = 0  # changes on the desk at the end
    days: int = DAYS

    @property
    def a_day(self) -> float:
        return self.landed / self.days

    @property
    def age(self) -> float:
        """Hours, in the mean."""
        return fmean(self.ages) / 60 if self.ages else 0.0


class World:
    """One run of the simulation. `desk` holds the changes that wait, by their numbers."""

    def __init__(self, narrows: Narrows, works: Iterator[Work], *, choose: Choose, seed: int) -> None:
        self.narrows, self.works, self.choose = narrows, works, choose
        self.chance = random.Random(seed)
        self.env = simpy.Environment()
        self.tally = Tally()
        self.doings: dict[int, Doing] = {}
        self.desk: dict[int, float] = {}  # the minutes that reading each change there is expected to take
        self.changed_at: dict[Place, int] = {}  # by which landing a place was last changed, counted from 1
        self.touching: defaultdict[Place, set[int]] = defaultdict(set)  # the changes on the desk by their places
        self.planned: dict[int, Work] = {}
        self.came = self.env.event()
        with narrows.transaction() as db:
            project = Project(name="p", path="/nowhere", target_branch="main", agents_limit=narrows.settings.agents)
            db.add(project)
            db.flush()
            self.project_id = project.id

    def run(self) -> Tally:
        self.env.process(self._reader())
        self._dispatch()
        self.env.run(until=DAYS * DAY)
        self.tally.left = len(self.desk)
        return self.tally

    def at(self) -> datetime:
        return BEGAN + timedelta(minutes=self.env.now)

    def conflicts(self, doing: Doing) -> bool:
        """Whether what landed since it began touched the same places."""
        return any(self.changed_at.get(place, 0) > doing.base for place in doing.work.places)

    def crosses(self, number: int) -> frozenset[int]:
        """The others on the desk that touch the same places."""
        others = (self.touching[place] for place in self.doings[number].work.places)
        return frozenset().union(*others) - {number}

    def _dispatch(self) -> None:
        """Whatever Narrows admits begins."""
        self._fill()
        for run in admission.admit(self.narrows, "simulated"):
            if run.change_id not in self.doings:
                self.doings[run.change_id] = Doing(self.planned.pop(run.task_id), self.tally.landed)
            self.env.process(self._agent(run))

    def _fill(self) -> None:
        with self.narrows.transaction() as db:
            missing = [
                Task(project_id=self.project_id, title="t", agent="demo") for _ in range(BACKLOG - len(self.planned))
            ]
            db.add_all(missing)
            db.flush()
            self.planned |= {task.id: next(self.works) for task in missing}

    def _agent(self, run: Run) -> Generator[simpy.Event, None, None]:
        doing = self.doings[run.change_id]
        minutes = self.chance.lognormvariate(*AGENT_MINUTES) * (FOLLOW_UP if doing.runs else 1)
        doing.runs += 1
        with self.narrows.transaction() as db:
            db.get_one(Run, run.id).start()
        yield self.env.timeout(minutes)
        if run.onto:
            self.tally.rework += minutes
        doing.ready = self.env.now
        with self.narrows.transaction() as db:
            ended = db.get_one(Run, run.id)
            ended.end(RunState.SUCCEEDED)
            change = queries.change(db, run.change_id)
            change.present()
            change.ready_at = self.at()
            revision = self._revise(db, change, ended, doing.work)
            doing.revision, minutes = revision.id, revision.minutes
        self.desk[run.change_id] = minutes
        for place in doing.work.places:
            self.touching[place].add(run.change_id)
        self._dispatch()
        if not self.came.triggered:
            self.came.succeed()

    def _revise(self, db: Session, change: Change, run: Run, work: Work) -> Revision:
        number = queries.next_revision_number(db, change.id)
        name = f"{change.id}-{number}"
        revision = Revision(
            change_id=change.id,
            run_id=run.id,
            number=number,
            commit=name,
            tree=name,
            base="base",
            base_tree="base",
            files=work.files,
            additions=work.lines,
            reading_files=work.files,
            reading_lines=work.lines,
            created_at=self.at(),
        )
        revision.minutes = reading_minutes(work.files, work.lines, rates.of_change(db, change.id))
        db.add(revision)
        db.flush()
        return revision

    def _reader(self) -> Generator[simpy.Event, None, None]:
        for day in range(DAYS):
            for hour, minutes in SESSIONS:
                began = day * DAY + hour * HOUR
                yield self.env.timeout(max(0.0, began - self.env.now))
                yield from self._session(began + minutes)

    def _session(self, ends: float) -> Generator[simpy.Event, None, None]:
        while self.env.now < ends:
            chosen = self.choose(self)
            if chosen is None:
                self.came = self.env.event()
                yield self.came | self.env.timeout(ends - self.env.now)
                continue
            yield from self._read(chosen)

    def _read(self, change_id: int) -> Generator[simpy.Event, None, None]:
        doing = self.doings[change_id]
        if self.conflicts(doing):
            yield from self._look_at(doing, GLANCE)
            self._send_back(change_id, conflict=True)
            return
        self.tally.ages.append(self.env.now - doing.ready)
        minutes = (doing.work.lines / PACE + doing.work.files * PER_FILE) * self.chance.uniform(1 - MOOD, 1 + MOOD)
        if doing.read_at is not None:
            hours = (self.env.now - doing.read_at) / 60
            minutes *= 1 - SPARED * 0.5 ** (hours / HALF_LIFE)
        yield from self._look_at(doing, minutes)
        doing.read_at = self.env.now
        if self.chance.random() < SENT_BACK[doing.runs > 1]:
            self._send_back(change_id)
        else:
            self._land(change_id)

    def _look_at(self, doing: Doing, minutes: float) -> Generator[simpy.Event, None, None]:
        """The page is open so long: the clock is told now and then, and what was read makes room."""
        doing.read += minutes
        while minutes > 0:
            piece = min(TICK, minutes)
            yield self.env.timeout(piece)
            clocks.tick(self.narrows, doing.revision, piece * 60, at=self.at())
            self._dispatch()
            minutes -= piece

    def _send_back(self, change_id: int, *, conflict: bool = False) -> None:
        doing = self.doings[change_id]
        if conflict:
            self.tally.conflicts += 1
            self.tally.reread += doing.read
            doing.base = self.tally.landed
        with self.narrows.transaction() as db:
            change = queries.change(db, change_id)
            self._judge(db, change, Verdict.REQUEST_CHANGES, doing)
            change.resume()
            admission.follow(db, change, Reason.REVIEW, "mend it", "target" if conflict else "")
        self._dispatch()

    def _land(self, change_id: int) -> None:
        doing = self.doings[change_id]
        with self.narrows.transaction() as db:
            change = queries.change(db, change_id)
            self._judge(db, change, Verdict.LAND, doing)
            change.start_landing()
            change.land()
            queries.task(db, change.task_id).finish()
            assert change.state is ChangeState.LANDED
        self.tally.landed += 1
        self.tally.lines += doing.work.lines
        self.changed_at |= dict.fromkeys(doing.work.places, self.tally.landed)
        self._dispatch()

    def _judge(self, db: Session, change: Change, verdict: Verdict, doing: Doing) -> None:
        """The verdict; the change leaves the desk."""
        del self.desk[change.id]
        for place in doing.work.places:
            self.touching[place].discard(change.id)
        db.add(Review(change_id=change.id, revision_id=doing.revision, verdict=verdict, created_at=self.at()))
