"""What one person gets done with some agents: `python -m tests.bench.capacity REPOSITORY…`.

A simulation by events of some working days, with the real code of admission and of the desk's order on real tables, and
with real changes from public histories. For 2 to 16 agents, with and without the budget, in the desk's order and first
come, first read: changes landed a day, how long a change had waited when it was read, conflicts, and work that they
made stale. `--pictures FOLDER` keeps the plots.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tests.bench.capacity import history, plots
from tests.bench.capacity.history import Work
from tests.bench.capacity.ordering import as_the_desk_says, first_come
from tests.bench.capacity.world import Tally, World
from tests.bench.common import conclude, options, workplace
from tests.support.house import narrows_in

AGENTS = (2, 4, 8, 16)
BUDGET = 30  # minutes: the default
UNBOUND = 2  # runs of a setup without a budget, at most
TOGETHER = 24  # changes that followed each other are worked on at about the same time
ORDERS = {"first come": first_come, "the desk's order": as_the_desk_says}


@dataclass(frozen=True)
class Setup:
    """One way to work."""

    agents: int
    budget: int
    order: str

    def seeds(self, first: int, runs: int) -> list[int]:
        """A number for each run of it: one without a budget takes ten times as long."""
        return [first + n for n in range(runs if self.budget else min(runs, UNBOUND))]

    def __str__(self) -> str:
        budget = f"a budget of {self.budget} min" if self.budget else "no budget"
        return f"{self.agents} agents, {budget}, {self.order}"


def simulate(setup: Setup, works: Sequence[Work], seed: int) -> Tally:
    """Some days of it."""
    with workplace("capacity") as folder:
        os.environ["HOME"] = str(folder)
        with narrows_in(folder, agents=setup.agents, budget=setup.budget) as narrows:
            return World(narrows, _drawn(works, seed), choose=ORDERS[setup.order], seed=seed).run()


def _drawn(works: Sequence[Work], seed: int) -> Iterator[Work]:
    """Work without end: neighbours in history come together, in no order."""
    chance = random.Random(seed)
    while True:
        first = chance.randrange(max(1, len(works) - TOGETHER))
        yield from chance.sample(works[first : first + TOGETHER], min(TOGETHER, len(works)))


@dataclass(frozen=True)
class Outcome:
    """The mean of several runs of one setup."""

    setup: Setup
    landed: float  # a day
    lines: float  # of these, to read
    age: float  # hours on the desk of a change when it is read
    conflicts: float  # for each hundred that landed
    stale: float  # hours of agents and of the person, a day, that went into what conflicted then
    left: float  # on the desk at the end

    @classmethod
    def of(cls, setup: Setup, tallies: Sequence[Tally]) -> Outcome:
        landed = fmean(each.landed for each in tallies)
        return cls(
            setup,
            fmean(each.a_day for each in tallies),
            fmean(each.lines / each.days for each in tallies),
            fmean(each.age for each in tallies),
            100 * fmean(each.conflicts for each in tallies) / landed,
            fmean((each.rework + each.reread) / 60 / each.days for each in tallies),
            fmean(each.left for each in tallies),
        )


def main() -> int:
    wishes = options("capacity", __doc__, "repositories", "--seed", "--processes")
    wishes.add_argument("--runs", type=int, default=12, help=f"with other chances; {UNBOUND} without a budget")
    wishes.add_argument("--most", type=int, default=1500, help="commits of each repository")
    wishes.add_argument("--pictures", type=Path)
    asked = wishes.parse_args()
    histories = [history.read(each, asked.most) for each in asked.repositories]
    works = list(itertools.chain.from_iterable(histories))
    print(
        f"{len(works)} changes of {len(histories)} repositories, {fmean(each.lines for each in works):.0f} lines each"
    )
    setups = [Setup(agents, budget, order) for agents in AGENTS for budget in (0, BUDGET) for order in ORDERS]
    jobs = [(setup, works, seed) for setup in setups for seed in setup.seeds(asked.seed, asked.runs)]
    tallies: defaultdict[Setup, list[Tally]] = defaultdict(list)
    with ProcessPoolExecutor(asked.processes) as pool:
        for (setup, _, _), tally in zip(jobs, pool.map(simulate, *zip(*jobs, strict=True)), strict=True):
            tallies[setup].append(tally)
    outcomes = [Outcome.of(setup, tallies[setup]) for setup in setups]
    for each in outcomes:
        print(
            f"{each.setup!s:47} {each.landed:5.1f} a day ({each.lines:4.0f} lines), read after {each.age:4.1f} h, "
            f"{each.conflicts:4.1f} conflicts for 100 landed, {each.stale:4.1f} stale hours, {each.left:4.0f} left"
        )
    if asked.pictures:
        plots.draw(outcomes, asked.pictures)
    return conclude(_missed({each.setup: each for each in outcomes}))


def _missed(by: dict[Setup, Outcome]) -> list[str]:
    """What was asked for at 8 agents and did not come out.

    In the desk's order, without a budget, the person picks the smallest out of a thousand that wait, and the large ones
    are never read: there the lines are compared, for as many changes are others.
    """
    missed = []
    for order, name in (("first come", "landed"), ("the desk's order", "lines")):
        without, within = by[Setup(8, 0, order)], by[Setup(8, BUDGET, order)]
        age, landed, lines = (getattr(within, each) / getattr(without, each) for each in ("age", "landed", "lines"))
        print(f"8 agents, {order}, with the budget: age {age:.2f} x, landed {landed:.2f} x, lines {lines:.2f} x")
        if age > 0.5:
            missed.append(f"the age at reading is {age:.2f} times what it is without the budget, asked at most 0.5")
        if getattr(within, name) < getattr(without, name):
            missed.append(f"{order}, {name} a day: {getattr(within, name):.1f}; without {getattr(without, name):.1f}")
    for budget in (0, BUDGET):
        ratio = by[Setup(8, budget, "the desk's order")].conflicts / by[Setup(8, budget, "first come")].conflicts
        print(f"8 agents, {'with' if budget else 'without'} the budget, in the desk's order: conflicts {ratio:.2f} x")
        if ratio > 0.7:
            missed.append(f"conflicts {ratio:.2f} times those of first come, budget {budget}; asked at most 0.7")
    return missed
