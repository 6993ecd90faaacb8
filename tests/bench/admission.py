"""Admission with 10,000 open tasks: how long it takes to decide, and that it is exact whoever decides at once.

Three projects, links between tasks, priorities, finished work beside it. `admission.admit` is measured where
it gives nothing, one run, and four, as processor time, which neighbours don't stretch much, and on the clock. Then
several threads admit and end runs at random, over and over; after each round no limit is exceeded, nothing was given
twice, and nothing that might have started was left while there was room. Ends with 1 where something is wrong.
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session, col, select

from server.domain.change import Change, Revision
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState, RunState, TaskState
from server.domain.task import Kind, Task, TaskLink
from server.services import admission, budget, changes, desk, events
from server.services.narrows import Narrows
from server.store import queries, run_queries
from tests.bench.common import conclude, options, own_home, workplace
from tests.support.house import narrows_in

MOST = 20.0  # milliseconds in the middle
PROJECTS = 3
BLOCKED = 0.3  # of the tasks wait for another
PASSED = 0.002  # of the tasks were let past the budget


def fill(narrows: Narrows, count: int, chance: random.Random) -> None:
    """So many open tasks in three projects, some of them waiting for others, and a tenth as many that are done."""
    with narrows.transaction() as db:
        projects = [
            Project(name=f"p{n}", path=f"/nowhere/{n}", target_branch="main", agents_limit=20) for n in range(PROJECTS)
        ]
        db.add_all(projects)
        db.flush()
        tasks = [_task(chance, projects) for _ in range(count)]
        done = [
            Task(project_id=projects[0].id, title="Done", agent="demo", state=TaskState.DONE)
            for _ in range(count // 10)
        ]
        db.add_all([*done, *tasks])
        db.flush()
        for place, task in enumerate(tasks[1:], 1):
            if chance.random() < BLOCKED:
                before = {chance.choice(tasks[:place]).id for _ in range(chance.randint(1, 3))}
                db.add_all(TaskLink(task_id=task.id, after_id=each) for each in before)
        for task in done:
            _landed(db, task)


def _task(chance: random.Random, projects: Sequence[Project]) -> Task:
    return Task(
        project_id=chance.choice(projects).id,
        title="Say it",
        agent="demo",
        kind=chance.choice(list(Kind)),
        rivals=["other"] if chance.random() < 0.01 else [],
        past_budget=chance.random() < PASSED,
        priority=chance.choice((0, 0, 0, 0, 1, 2, -1)),
    )


def _landed(db: Session, task: Task) -> None:
    change = Change(task_id=task.id, project_id=task.project_id, agent=task.agent, state=ChangeState.LANDED)
    db.add(change)
    db.flush()
    run = Run(change_id=change.id, task_id=task.id, project_id=task.project_id, agent="demo", prompt="")
    run.state = RunState.SUCCEEDED
    db.add(run)
    db.flush()
    db.add(_revision(run, minutes=8.0))


def _revision(run: Run, minutes: float) -> Revision:
    none = "0" * 40
    return Revision(
        change_id=run.change_id,
        run_id=run.id,
        number=1,
        minutes=minutes,
        commit=none,
        tree=none,
        base=none,
        base_tree=none,
    )


def end(narrows: Narrows, run_id: int, minutes: float, *, read: bool) -> None:
    """A run is over: its change waits for its reader, or was read and given up already."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        run.start()
        run.end(RunState.SUCCEEDED)
        change = queries.change(db, run.change_id)
        change.present()
        db.add(_revision(run, minutes))
        events.record(db, Actor.ENGINE, "ended", run)
        events.record(db, Actor.ENGINE, "presented", change)
        if read:
            changes.abandon_in(db, change)


def limit_projects(narrows: Narrows, most: int) -> None:
    """No more than so many agents at a time work in any project."""
    with narrows.transaction() as db:
        for project in queries.projects(db):
            project.agents_limit = most
            db.add(project)


def read_all(narrows: Narrows) -> None:
    """Everything that waits is read, and given up."""
    with narrows.transaction() as db:
        for change in db.exec(select(Change).where(Change.state == ChangeState.IN_REVIEW)).all():
            changes.abandon_in(db, change)


# How long


@dataclass
class Took:
    """How long each of some calls took, in milliseconds of the processor and of the clock; what the last one gave."""

    processor: list[float]
    clock: list[float]
    given: int


def timed(admit: Callable[[], list[Run]], after: Callable[[list[Run]], None], rounds: int) -> Took:
    """Milliseconds of each call, and how many runs the last one gave."""
    took = Took([], [], 0)
    for _ in range(rounds):
        begun, worked = time.perf_counter(), time.thread_time()
        given = admit()
        took.processor.append((time.thread_time() - worked) * 1000)
        took.clock.append((time.perf_counter() - begun) * 1000)
        took.given = len(given)
        after(given)
    return took


def measure(narrows: Narrows, rounds: int, chance: random.Random) -> list[str]:
    """The figures are printed; what takes too long, or gives what it should not, comes back."""

    def back(runs: list[Run]) -> None:
        for run in runs:
            end(narrows, run.id, chance.uniform(1, 20), read=True)

    def keep(_: list[Run]) -> None:
        pass

    one, four = (with_limits(narrows, agents=number, budget=0) for number in (1, 4))
    stopped = with_limits(narrows, agents=64, budget=1)
    faults = _report("gives one", timed(lambda: admission.admit(one, "a"), back, rounds), 1)
    faults += _report("gives four", timed(lambda: admission.admit(four, "a"), back, rounds), 4)
    held = admission.admit(four, "a")
    faults += _report("gives nothing, all are at work", timed(lambda: admission.admit(four, "a"), keep, rounds), 0)
    held += admission.admit(stopped, "a")  # what was let through, and one before its budget is used up
    print(f"{len(held)} are at work once all that were let through have started")
    faults += _report("gives nothing, over the budget", timed(lambda: admission.admit(stopped, "a"), keep, rounds), 0)
    faults += _report("looks, over the budget", timed(lambda: _limit(stopped), keep, rounds), 0)
    back(held)
    return faults


def _limit(narrows: Narrows) -> list[Run]:
    """What the head of each page asks."""
    desk.desk(narrows, limit=0)
    return []


def _report(name: str, took: Took, expected: int) -> list[str]:
    middle = statistics.median(took.processor)
    figures = ", ".join(
        f"{what} {statistics.median(each):.1f} ms, p95 {sorted(each)[int(len(each) * 0.95)]:.1f} ms"
        for what, each in (("processor", took.processor), ("clock", took.clock))
    )
    print(f"{name}: {figures}", flush=True)
    faults = [f"{name}: {middle:.1f} ms in the middle, of {MOST:.0f}"] if middle > MOST else []
    return faults if took.given == expected else [*faults, f"{name}: gave {took.given}, not {expected}"]


def with_limits(narrows: Narrows, **limits: int) -> Narrows:
    return replace(narrows, settings=replace(narrows.settings, **limits))  # type: ignore[arg-type]


# How exact


@dataclass
class Crowd:
    """Threads that admit and end runs, and what they were given."""

    narrows: Narrows
    threads: int
    chance: random.Random

    def run(self, rounds: int) -> list[str]:
        """What was found wrong after any of the rounds."""
        faults: list[str] = []
        with ThreadPoolExecutor(self.threads) as pool:
            for number in range(rounds):
                given = self._all_at_once(pool)
                faults += [f"round {number}: {fault}" for fault in self._wrong(given)]
                self._end_some()
                if self.chance.random() < 0.3:
                    read_all(self.narrows)
        return faults

    def _all_at_once(self, pool: ThreadPoolExecutor) -> list[Run]:
        """Each admits, ends one of what it was given in between, and admits again."""
        together = threading.Barrier(self.threads)
        seeds = [self.chance.random() for _ in range(self.threads)]

        def work(place: int) -> list[Run]:
            mine = random.Random(seeds[place])
            together.wait()
            given = admission.admit(self.narrows, f"worker {place}")
            if given and mine.random() < 0.5:
                end(self.narrows, given[0].id, mine.uniform(1, 20), read=mine.random() < 0.5)
            return given + admission.admit(self.narrows, f"worker {place}")

        given = [run for found in pool.map(work, range(self.threads)) for run in found]
        return given + admission.admit(self.narrows, "last")

    def _wrong(self, given: Sequence[Run]) -> list[str]:
        twice = [run_id for run_id, count in Counter(run.id for run in given).items() if count > 1]
        return [f"given twice: {twice}"] * bool(twice) + wrong(self.narrows)

    def _end_some(self) -> None:
        with self.narrows.reading() as db:
            at_work = [run.id for run, _ in run_queries.at_work(db)]
        for run_id in at_work:
            if self.chance.random() < 0.6:
                end(self.narrows, run_id, self.chance.uniform(1, 20), read=self.chance.random() < 0.4)


def wrong(narrows: Narrows) -> list[str]:
    """Limits that are exceeded, changes that two agents are at, and room that was left while something might start."""
    with narrows.reading() as db:
        by_project = run_queries.admitted_by_project(db)
        limits = {project.id: project.agents_limit for project in queries.projects(db)}
        at_work = [run for run, _ in run_queries.at_work(db)]
        free = [each for each in limits if by_project.get(each, 0) < limits[each]]
        stands = budget.state(narrows, db)
        room = narrows.settings.agents - len(at_work)
        left = queries.startable_tasks(db, free, 1, let_through=stands.paused) if room > 0 else []
        tasks = list(
            db.exec(select(Change.task_id, Change.agent).where(col(Change.id).in_(r.change_id for r in at_work)))
        )
    faults = [
        f"project {each}: {count} of {limits[each]}" for each, count in by_project.items() if count > limits[each]
    ]
    faults += [f"{len(at_work)} of {narrows.settings.agents} at work"] if room < 0 else []
    faults += ["two agents at one change"] if len({run.change_id for run in at_work}) < len(at_work) else []
    faults += ["one agent twice at one task"] if len(set(tasks)) < len(tasks) else []
    return faults + ([f"task {left[0].id} was left, with room for {room}"] if left else [])


def main(words: Sequence[str] | None = None) -> int:
    reader = options("admission", __doc__, "--seed")
    reader.add_argument("--tasks", type=int, default=10_000)
    reader.add_argument("--times", type=int, default=40, help="of each call that is measured")
    reader.add_argument("--rounds", type=int, default=60)
    reader.add_argument("--threads", type=int, default=8)
    wishes = reader.parse_args(words)
    chance = random.Random(wishes.seed)
    with own_home(), workplace("admission") as folder, narrows_in(Path(folder)) as narrows:
        fill(narrows, wishes.tasks, chance)
        faults = measure(narrows, wishes.times, chance)
        read_all(narrows)
        limit_projects(narrows, 3)
        crowd = Crowd(with_limits(narrows, agents=7, budget=120), wishes.threads, chance)
        faults += crowd.run(wishes.rounds)
        print(f"{wishes.rounds} rounds of {wishes.threads} threads")
    return conclude(faults)


if __name__ == "__main__":
    sys.exit(main())
