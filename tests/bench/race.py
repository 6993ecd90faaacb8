"""Three at one branch: `python -m tests.bench.race`.

Two Narrows, each a process with data of its own, land changes on the branch that a user has checked out, while the user
commits there. Whoever is told that it did not go tries again, as a person would. In the end each commit of everybody is
an ancestor of the tip with all that it brought, and the work tree is clean: after each round, not only after the last.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from server.domain.errors import NarrowsError
from server.domain.states import LandingState
from server.services import landings, projects
from server.services.assessments import Objected
from server.services.targets import Target
from tests.bench.common import conclude, options, workplace
from tests.support.house import narrows_in
from tests.support.landing import carry_out
from tests.support.loose import Loose, files
from tests.support.repositories import Repository
from tests.support.waiting import Waiting

PATIENCE = 60  # seconds for a round
MOST_TRIES = 50

Told = tuple[str, str, str, Counter[str]]  # who, the commit, the file that it brings, what happened on the way


def name_of(who: str, round: int) -> str:
    return f"{who}/{round // 50:02}/{round:04}.txt"


def lands(who: str, folder: Path, path: Path, rounds: int, start: Barrier, told: SimpleQueue[Told]) -> None:
    """A Narrows of its own, which lands one change a round."""
    folder.mkdir()
    with narrows_in(folder) as narrows:
        project = projects.register(narrows, str(path), checks=[])
        waiting = Waiting(narrows, project)
        base = Target.of(narrows, project).tip()
        before = {"README.md": b"# Project\n"}
        base_tree = Loose().tree(files(before))
        for round in range(rounds):
            name = name_of(who, round)
            tree = waiting.objects.tree(files(before | {name: f"{who} {round}\n".encode()}))
            change = waiting.change(base, tree, f"{who} {round}", base_tree=base_tree)
            seen: Counter[str] = Counter()
            known: list[str] = []
            start.wait(PATIENCE)
            for _ in range(MOST_TRIES):
                try:
                    landings.land(narrows, change.id, revision=1, acknowledge=known)
                except Objected as objected:  # part of it came with a commit of the user's, who lands the rest
                    known = [warning.hash for warning in objected.assessment.warnings]
                    seen[f"{who} asked once more: {objected.message.partition(' (')[0]}"] += 1
                    continue
                except NarrowsError as refused:
                    seen[f"{who} refused at the click: {_kind(refused.message)}"] += 1
                    continue
                [landing] = carry_out(narrows)
                seen[f"{who} built again"] += landing.tries - 1
                if landing.state is LandingState.LANDED:
                    break
                seen[f"{who} failed: {_kind(landing.error)}"] += 1
            told.put((who, landing.commit or "", name, +seen))
            start.wait(PATIENCE)


def _kind(words: str) -> str:
    """A sentence without the folder's name."""
    return words.partition(" (")[0].partition(" in /")[0]


def commits(repository: Repository, rounds: int, start: Barrier, told: SimpleQueue[Told], seed: int) -> None:
    """The user, who commits one file a round, in one of the ways that there are."""
    chance = random.Random(seed)
    took = 0.2
    for round in range(rounds):
        name = name_of("user", round)
        seen: Counter[str] = Counter()
        ways: list[list[list[str]]] = [
            [["add", name], ["commit", "-q", "-m", f"user {round}"]],
            [["add", name], ["commit", "-q", "-m", f"user {round}", "--", name]],
            [["add", "-A"], ["commit", "-q", "-a", "-m", f"user {round}"]],
        ]
        steps = chance.choice(ways)
        start.wait(PATIENCE)
        began = time.monotonic()
        time.sleep(chance.uniform(0, took))  # somewhere in the others' landings
        repository.write(name, f"user {round}\n")
        for step in steps:
            _until_it_goes(repository, step, seen)
        commit = repository.git("log", "-1", "--format=%H", f"--grep=^user {round}$")
        told.put(("user", commit, name, seen))
        start.wait(PATIENCE)
        took = min(time.monotonic() - began, 2)


def _until_it_goes(repository: Repository, step: list[str], seen: Counter[str]) -> None:
    for _ in range(MOST_TRIES):
        try:
            repository.git(*step)
            return
        except AssertionError as refused:
            seen[f"user's git {step[0]} refused: {str(refused).partition(': ')[2].partition(chr(10))[0][:60]}"] += 1
    raise AssertionError(f"git {step} never went")


def wrong(repository: Repository, brought: dict[str, tuple[str, str]]) -> list[str]:
    """What is not as it has to be. `brought`: commits of everybody, each with its file and that file's content."""
    there = set(repository.git("rev-list", "main").splitlines())
    found = [f"the commit {commit} of {name} is lost" for commit, (name, _) in brought.items() if commit not in there]
    listed = set(repository.git("ls-tree", "-r", "--name-only", "main").splitlines())
    found += [f"{name} is gone from the branch" for name, _ in brought.values() if name not in listed]
    found += [f"the work tree differs: {line}" for line in repository.status()]
    found += [
        f"{name} has another content"
        for name, content in brought.values()
        if name in listed and (repository.path / name).read_text() != content
    ]
    return found


def main() -> int:
    wishes = options("race", __doc__, "--seed")
    wishes.add_argument("--rounds", type=int, default=500)
    asked = wishes.parse_args()
    with workplace("race") as folder:
        os.environ["HOME"] = str(folder)
        repository = Repository.make(folder)
        context = multiprocessing.get_context("fork")
        start, told = context.Barrier(4), context.SimpleQueue()
        racers: list[tuple[Callable[..., None], tuple[object, ...]]] = [
            (lands, ("one", folder / "data-one", repository.path, asked.rounds, start, told)),
            (lands, ("two", folder / "data-two", repository.path, asked.rounds, start, told)),
            (commits, (repository, asked.rounds, start, told, asked.seed)),
        ]
        processes = [context.Process(target=act, args=args, daemon=True) for act, args in racers]
        for process in processes:
            process.start()
        failures = judge(repository, asked.rounds, start, told)
        for process in processes:
            process.join(PATIENCE)
        repository.git("fsck", "--strict")
    print(f"{len(failures)} failures in {asked.rounds} rounds")
    return conclude(failures)


def judge(repository: Repository, rounds: int, start: Barrier, told: SimpleQueue[Told]) -> list[str]:
    """Let them run round by round, and look at what each round left."""
    began = time.monotonic()
    happened: Counter[str] = Counter()
    brought: dict[str, tuple[str, str]] = {}
    failures: list[str] = []
    for round in range(rounds):
        start.wait(PATIENCE)
        for _ in range(3):
            who, commit, name, seen = told.get()
            brought[commit] = (name, f"{who} {round}\n")
            happened += seen
        if found := wrong(repository, brought):
            failures += [f"round {round}: {words}" for words in found]
            repository.git("reset", "-q", "--hard")  # the next round is judged by itself
            repository.git("clean", "-q", "-ffd")
            brought.clear()
        start.wait(PATIENCE)
        if (round + 1) % 50 == 0:
            print(f"{round + 1} rounds in {time.monotonic() - began:.0f} s, {len(failures)} failures", flush=True)
    for words, count in sorted(happened.items()):
        print(f"  {count:,} times: {words}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
