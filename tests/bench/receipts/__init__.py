"""Random landings on a made-up repository: `python -m tests.bench.receipts --count 10000`.

Changes land by each method in a repository whose user is at work: with edited, staged, untracked, ignored and deleted
files beside what lands and in its way, with commits between the click and the move, in the middle of a rebase or a
merge, on another branch, in a linked worktree; with checks that write files, revisions that come after the verdict and
refs that an agent moved. Everything goes through the services and the engine's own steps, in this process.

What has to come out is known here without git: a change edits lines, and the model below puts lines together. After
each landing the branch must have the model's tree (what was read), the programs of the checks must have seen the
model's files (what was tested), the receipt must say so, and of the user's files and index nothing may differ but what
landed. Where something stands against it, nothing may have moved at all.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor

from tests.bench.common import conclude, options, workplace
from tests.bench.receipts.case import Case
from tests.bench.receipts.world import Tally, World
from tests.support.house import narrows_in

FORGET = 250  # landings after which a process begins with a new repository and new data


def batch(seed: int, count: int) -> Tally:
    """So many landings in a world of their own."""
    with workplace("receipts") as folder:
        os.environ["HOME"] = str(folder)
        with narrows_in(folder) as narrows:
            world = World(folder, narrows, seed)
            for _ in range(count):
                if change := world.change():
                    Case(world, *change).land()
            return world.tally


def main() -> int:
    wishes = options("receipts", __doc__, "--seed", "--processes")
    wishes.add_argument("--count", type=int, default=10_000)
    asked = wishes.parse_args()
    sizes = [min(FORGET, asked.count - done) for done in range(0, asked.count, FORGET)]
    seeds = [asked.seed * 1_000_000 + n for n in range(len(sizes))]
    total, began = Tally(), time.monotonic()
    with ProcessPoolExecutor(asked.processes) as pool:
        for each in pool.map(batch, seeds, sizes):
            total += each
            pace = total.landings / (time.monotonic() - began)
            print(f"{total.landings:,} landings, {pace:.1f} a second, {len(total.faults)} faults", flush=True)
    return conclude(total.faults, total.counts)
