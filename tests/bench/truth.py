"""Whether Narrows shows what git says, over real history: `python -m tests.bench.truth REPOSITORY…`.

Of each repository's commits some are taken, spread evenly over its history, each against its first parent. The patch
that Narrows keeps must turn the parent's tree into the commit's to the byte, and the rows of its pages, unified and
split, coloured and with changed words and moved lines marked, must hold just the lines that `git diff-tree -p` tells.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from server.git import mirrors
from tests.bench.common import Sum, conclude, options, own_home, spread
from tests.support.house import narrows_in
from tests.support.repositories import environment
from tests.support.truth import PROJECT, Judge

FORGET = 50  # comparisons after which a process begins with empty data: a bench fills no disk

Pair = tuple[str, str]  # the trees of a commit's first parent and of the commit


@dataclass
class Tally(Sum):
    """What was looked at, and what was wrong with it."""

    commits: int = 0
    files: int = 0
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    patch: list[str] = field(default_factory=list)
    unified: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    unreadable: int = 0

    @property
    def wrong(self) -> list[str]:
        return [*self.patch, *self.unified, *self.split]


def pairs(repository: Path, wanted: int) -> list[Pair]:
    """Commits that change something, spread evenly from the first to the newest one of the main line."""
    command = ["git", f"--git-dir={repository}", "log", "--first-parent", "--reverse", "--format=%T %P"]
    listed = subprocess.run(command, env=environment(repository), capture_output=True, text=True, check=True).stdout
    trees = [line.split()[0] for line in listed.splitlines()]
    return spread([(base, head) for base, head in itertools.pairwise(trees) if base != head], wanted)


def judge(repository: Path, part: Sequence[Pair]) -> Tally:
    """Some commits, in this process."""
    tally = Tally()
    with _judge(repository) as judge:
        for base, head in part:
            try:
                judged = judge.judge(base, head)
            except subprocess.CalledProcessError as error:
                if b"unable to read" not in error.stderr and b"missing" not in error.stderr:
                    raise
                tally.unreadable += 1
                continue
            tally.commits += 1
            tally.files += len(judged.files)
            tally.lines += judged.lines
            tally.kinds.update("binary" if file.binary else file.status.name.lower() for file in judged.files)
            tally.patch += [judged.patch] * bool(judged.patch)
            tally.unified += judged.unified
            tally.split += judged.split
    return tally


@contextlib.contextmanager
def _judge(repository: Path) -> Iterator[Judge]:
    with tempfile.TemporaryDirectory() as name, narrows_in(Path(name)) as narrows:
        mirrors.create(repository, narrows.mirror(PROJECT))
        yield Judge(narrows)


def main() -> int:
    wishes = options("truth", __doc__, "repositories", "--processes")
    wishes.add_argument("--commits", type=int, default=700, help="how many of each repository")
    asked = wishes.parse_args()
    total = Tally()
    print("| repository | commits | files | lines | seconds | patch | unified | split |")
    print("|---" * 8 + "|")
    with own_home(), ProcessPoolExecutor(asked.processes) as pool:
        for repository in asked.repositories:
            began = time.monotonic()
            chosen = pairs(repository, asked.commits)
            parts = [chosen[start : start + FORGET] for start in range(0, len(chosen), FORGET)]
            tally = Tally()
            for each in pool.map(judge, [repository] * len(parts), parts):
                tally += each
            _print(repository.resolve().parent.name, tally, time.monotonic() - began)
            total += tally
    _print("all", total)
    print("\n" + ", ".join(f"{count:,} {kind}" for kind, count in total.kinds.most_common()))
    if total.unreadable:
        print(f"{total.unreadable} commits hold files that the clone has not, and were left out")
    return conclude(total.wrong)


def _print(name: str, tally: Tally, seconds: float | None = None) -> None:
    cells = (name, *(f"{n:,}" for n in (tally.commits, tally.files, tally.lines)), f"{seconds:.0f}" if seconds else "")
    wrong = (len(tally.patch), len(tally.unified), len(tally.split))
    print("| " + " | ".join((*cells, *map(str, wrong))) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
