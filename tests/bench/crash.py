"""Kill -9 in the middle of landings and undos: `python -m tests.bench.crash`.

A server dies on a prepared data folder, the next one starts on what it left, and then everything has to agree:

- at each named boundary of the engine's and the services' steps, so many times (`--times`);
- before each act that lasts, counted: each git process and each commit of a database, once each time (`--acts`);
- at random moments between what a person asks for and its end (`--moments`), now and then twice in a row.

Right after the death the branch is at the old commit or at the new one. After the next start it is where the record
says, `git fsck` finds nothing, and the user's edited, staged, deleted, untracked and ignored files are what they were,
in the work tree and in the index.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import inspect
import itertools
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Connections
from sqlalchemy import event

from server.domain.states import LandingState
from server.engine import lander
from server.git import commands, moves
from server.services import changes, landings, projects, undos
from server.services.narrows import Narrows
from tests.bench.common import Sum, conclude, options, workplace
from tests.stories.test_crash_points import CHECK, LANDING, REVERTED, UNDO
from tests.support import invariants
from tests.support.crashing import arm
from tests.support.house import House, house_in, narrows_in
from tests.support.landing import carry_out
from tests.support.loose import PLAIN, Files
from tests.support.repositories import Repository
from tests.support.seen import Content, Seen
from tests.support.waiting import Waiting

PATIENCE = 60  # seconds until a server that neither dies nor ends is given up
KINDS = ("landing", "undo", "revert")
STANDS = ("on main", "on main", "on another branch", "in a linked worktree")
LANDS = {"said.txt": b"said\n", "src/app.py": b"one\n2\nthree\n"}
BEFORE = {"src/app.py": b"one\ntwo\nthree\n"}
START = {
    "README.md": b"# Project\n",
    ".gitignore": b"build/\n",
    "edited.txt": b"as committed\n",
    "half.txt": b"as committed\n",
    "gone.txt": b"as committed\n",
    **BEFORE,
}


@dataclass(frozen=True)
class Trial:
    """One death: of what, where the user stands, and when: at a place, before an act, or at a share of its time."""

    kind: str
    stands: str
    seed: int
    place: str = ""
    act: int | None = None
    moment: float | None = None

    @property
    def name(self) -> str:
        when = self.place or (f"before act {self.act}" if self.act is not None else f"at {self.moment:.0%}")
        return f"{self.kind}, {self.stands}, {when}"


@dataclass
class Tally(Sum):
    trials: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    never: Counter[str] = field(default_factory=Counter)  # boundaries that were not reached
    faults: list[str] = field(default_factory=list)


# Processes that live and die. What is measured never runs threads, so that it can fork.


def in_child(act: Callable[[int], Any], deaths: Callable[[int, int], None] | None = None) -> Any:
    """What `act` answers, done in a process of its own; None where that was killed.

    Args:
        act: Gets a pipe to write to, whose other end `deaths` reads.
        deaths: Gets the process and that end, and may kill.
    """
    answers, answering = os.pipe()
    signals, signalling = os.pipe()
    child = os.fork()
    if child == 0:
        _as_child(act, signalling, answering)
    os.close(answering)
    os.close(signalling)
    if deaths:
        deaths(child, signals)
    with os.fdopen(answers, "rb") as reading:
        said = reading.read()
    os.close(signals)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, f"died by signal {os.WTERMSIG(status)}"
        return None
    answer = json.loads(said)
    if "failure" in answer:
        raise AssertionError(answer["failure"])
    return answer["answer"]


def _as_child(act: Callable[[int], Any], signalling: int, answering: int) -> None:
    signal.alarm(PATIENCE)
    try:
        said = {"answer": act(signalling)}
    except BaseException:
        said = {"failure": traceback.format_exc()}
    with os.fdopen(answering, "wb") as writing:
        writing.write(json.dumps(said).encode())
    os._exit(0)  # not as a server ends: that takes a second


def ask(narrows: Narrows, kind: str) -> None:
    """What a person does."""
    if kind == "landing":
        landings.land(narrows, 1, revision=1)
    else:
        undos.ask(narrows, 1)


def server(folder: Path) -> House:
    """A server that is never closed: its process ends at once, and not as a server ends, which takes a second."""
    KEPT.append(house_in(folder))
    return KEPT[-1].__enter__()


KEPT: list[contextlib.AbstractContextManager[House]] = []


def live(folder: Path, trial: Trial, signalling: int) -> str:
    """A server that is asked for something; what it says at the end, if it does not die."""
    count_acts(trial.act)
    if "rebuild" in trial.place:
        arm("server.engine.lander move before", functools.cache(lambda: World.rival(folder)))
    if trial.place:
        arm(trial.place, lambda: os.kill(os.getpid(), signal.SIGKILL))
    house = server(folder)
    os.write(signalling, b"asked\n")
    began = time.monotonic()
    ask(house.narrows, trial.kind)
    house.until(lambda: over(house.narrows), PATIENCE)
    took = time.monotonic() - began
    time.sleep(1 if trial.place else 0)  # the last boundary comes after what can be seen
    return json.dumps([next(ACTS), took])


ACTS = itertools.count()


def count_acts(last: int | None) -> None:
    """Counts what lasts, and dies before the act of number `last`."""
    plain = commands.execute

    def act() -> None:
        if next(ACTS) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(*args: Any, **kwargs: Any) -> commands.Output:
        act()
        return plain(*args, **kwargs)

    def swap(held: commands.Talk) -> None:
        act()
        move(held)

    move = moves._swap
    commands.execute, moves._swap = execute, swap
    event.listen(Connections, "commit", lambda _connection: act())


def over(narrows: Narrows) -> bool | None:
    """True when nothing lands and nothing is taken back any more."""
    going = (LandingState.QUEUED, LandingState.RUNNING)
    return None if any(each.state in going or each.undo_asked for each in landings.recent(narrows)) else True


def inherit(folder: Path, signalling: int) -> dict[str, Any]:
    """The next server, on what the one before left: how everything stands once it is at rest."""
    os.write(signalling, b"started\n")
    house = server(folder)
    house.until(lambda: over(house.narrows), PATIENCE)
    invariants.check(house.narrows)
    change = changes.get(house.narrows, 1)
    found = landings.recent(house.narrows)
    assert len(found) <= 1
    landing = found[0] if found else None
    return {
        "change": change.state.value,
        "landing": landing.state.value if landing else "",
        "commit": landing.commit if landing else "",
        "error": (landing.error if landing else "") or change.note,
        "undo": landing.undo_commit if landing else "",
    }


# A data folder and a repository, prepared once and copied for each death


class World:
    """Where servers die, always at the same path: the data names it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "world"
        self.prepared = folder / "prepared"
        self.prepared.mkdir()

    @property
    def repository(self) -> Repository:
        return Repository(self.folder / "project", self.folder / "home")

    @classmethod
    def rival(cls, folder: Path) -> None:
        """Somebody else's commit on the branch."""
        repository = Repository(folder / "project", folder / "home")
        commit = repository.git("commit-tree", "-p", "main", "-m", "rival", "main^{tree}")
        repository.git("update-ref", "refs/heads/main", commit)

    def fresh(self, kind: str, stands: str) -> None:
        """The folder as it is before anything is asked for."""
        template = self.prepared / f"{kind}, {stands}"
        shutil.rmtree(self.folder, ignore_errors=True)
        if not template.exists():
            self.folder.mkdir()
            in_child(lambda _: self._prepare(kind, stands))
            shutil.copytree(self.folder, template, symlinks=True)
        else:
            shutil.copytree(template, self.folder, symlinks=True)

    def _prepare(self, kind: str, stands: str) -> None:
        repository = Repository.make(self.folder, files=START)
        with narrows_in(self.folder) as narrows:
            project = projects.register(narrows, str(repository.path), checks=[CHECK])
            waiting = Waiting(narrows, project)
            before: Files = {path: (PLAIN, content) for path, content in START.items()}
            after: Files = {**before, **{path: (PLAIN, content) for path, content in LANDS.items()}}
            base = repository.head
            waiting.change(base, waiting.objects.tree(after), "Say it", base_tree=waiting.objects.tree(before))
            repository.commit("meanwhile", {"other.txt": "other\n"})
            if kind != "landing":
                landings.land(narrows, 1, revision=1)
                carry_out(narrows)
                if kind == "revert":
                    repository.commit("later", {"later.txt": "later\n"})
        self._go(repository, stands)
        with house_in(self.folder):
            pass  # its own database is there

    def _go(self, repository: Repository, stands: str) -> None:
        tree = repository.path
        if stands != "on main":
            repository.git("switch", "-q", "-c", "other")
        if stands == "in a linked worktree":
            tree = self.folder / "linked"
            repository.git("worktree", "add", "-q", str(tree), "main")
        for name, content in {
            "edited.txt": "edited\n",
            "half.txt": "half staged\n",
            "staged.txt": "staged\n",
            "untracked.txt": "untracked\n",
            "build/ignored.txt": "ignored\n",
        }.items():
            (tree / name).parent.mkdir(exist_ok=True)
            (tree / name).write_text(content)
        repository.git("-C", str(tree), "add", "half.txt", "staged.txt")
        (tree / "half.txt").write_text("half staged, half not\n")
        (tree / "gone.txt").unlink()

    def seen(self) -> dict[str, Seen]:
        path = self.folder / "project"
        found = {"": Seen.of(path, path / ".git")}
        if (self.folder / "linked").exists():
            found["linked: "] = Seen.of(self.folder / "linked", path / ".git/worktrees/linked")
        return found

    @property
    def tip(self) -> str:
        return (self.folder / "project/.git/refs/heads/main").read_text().strip()

    def recorded(self) -> set[str]:
        """Commits that the record has for the branch: where it was, and where it goes."""
        found: set[str] = set()
        with closing(sqlite3.connect(self.folder / "data/narrows.db")) as db:
            for each in db.execute('SELECT old, "commit" FROM landings'):
                found.update(each)
        held = self.folder / "data/mirrors/1.git/refs/narrows/undos/1"
        return found | ({held.read_text().strip()} if held.exists() else set())


class Judge:
    """Carries trials out, in one process."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.tally = Tally()
        self.seconds: dict[tuple[str, str], float] = {}

    def measure(self, kind: str, stands: str) -> tuple[int, float]:
        """How many acts it takes undisturbed, and how many seconds."""
        self.world.fresh(kind, stands)
        trial = Trial(kind, stands, 0)
        acts, seconds = json.loads(in_child(lambda pipe: live(self.world.folder, trial, pipe)))
        return acts, seconds

    def judge(self, trial: Trial) -> None:
        self.tally.trials += 1
        world = self.world
        try:
            world.fresh(trial.kind, trial.stands)
            old, before = world.tip, world.seen()
            died = in_child(lambda pipe: live(world.folder, trial, pipe), self._killer(trial)) is None
            if not died:
                self.tally.never[f"{trial.kind}: {trial.place or trial.name}"] += 1
                if trial.place or trial.act is not None:
                    return
            if "rebuild" in trial.place:
                old = world.tip  # a rival's, by now
            if world.tip != old and world.tip not in world.recorded():
                self._fault(trial, f"the branch is at {world.tip}, neither old nor new")
            if trial.moment is not None and trial.seed % 4 == 0:
                in_child(lambda pipe: inherit(world.folder, pipe), _after(random.Random(trial.seed).uniform(0, 1.5)))
            left = in_child(lambda pipe: inherit(world.folder, pipe))
            self._judge(trial, left, old, before)
        except Exception as error:
            self._fault(trial, "".join(traceback.format_exception(error)[-3:]))

    def _killer(self, trial: Trial) -> Callable[[int, int], None] | None:
        if trial.moment is None:
            return None
        key = trial.kind, trial.stands
        if key not in self.seconds:
            self.seconds[key] = self.measure(*key)[1]
            self.world.fresh(*key)
        return _after(trial.moment * self.seconds[key])

    def _judge(self, trial: Trial, left: dict[str, Any], old: str, before: dict[str, Seen]) -> None:
        world = self.world
        tip, repository = world.tip, world.repository
        self.tally.counts[f"{trial.kind}: {left['landing'] or 'never asked for'}{_why(left)}"] += 1
        landed = left["landing"] == "landed"
        goes = trial.kind == "landing" if landed else left["landing"] == "undone"
        if tip != ((left["commit"] if landed else left["undo"]) if goes else old):
            self._fault(trial, f"the branch is at {tip}, and the record says {left}")
        if landed != (left["change"] == "landed"):
            self._fault(trial, f"the change and its landing disagree: {left}")
        if landed != bool(repository.git("ls-tree", "main", "said.txt")):
            self._fault(trial, f"what landed is{' not' * landed} on the branch, and the record says {left}")
        if words := repository.git("fsck", "--strict", "--no-dangling"):
            self._fault(trial, f"git fsck: {words}")
        where = {"on main": "", "in a linked worktree": "linked: "}.get(trial.stands)
        for name, seen in world.seen().items():
            moves = _moves(landed) if goes and name == where else {}
            for words in before[name].differences(seen, moves):
                self._fault(trial, f"{name}{words}")

    def _fault(self, trial: Trial, words: str) -> None:
        self.tally.faults.append(f"{trial.name} (seed {trial.seed}): {words}")


def _moves(landed: bool) -> dict[str, Content | None]:
    """What the branch's move does to its work tree."""
    files: dict[str, bytes | None] = {**LANDS} if landed else {"said.txt": None, **BEFORE}
    return {path: None if content is None else (PLAIN, content) for path, content in files.items()}


def _why(left: dict[str, Any]) -> str:
    return "" if left["landing"] in ("landed", "undone") else f": {left['error']}"


def _after(seconds: float) -> Callable[[int, int], None]:
    """Kills so many seconds after the process has sent its signal."""

    def kill(child: int, signals: int) -> None:
        os.read(signals, 100)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # it is there, perhaps ended, until it is waited for

    return kill


# All trials


def steps() -> Iterator[tuple[str, str]]:
    """Each kind with a named boundary."""
    durable = re.findall(r"@DBOS\.step.*\nasync def (\w+)", inspect.getsource(lander))
    around = {name: [f"server.engine.lander {name} {when}" for when in ("before", "after")] for name in durable}
    undo = around.pop("take_back")
    for place in [*LANDING.values(), *itertools.chain(*around.values())]:
        yield "landing", place
    for place in [*UNDO.values(), *undo]:
        yield "undo", place
    for place in [*(UNDO[name] for name in REVERTED), *undo]:
        yield "revert", place


def trials(asked: argparse.Namespace, acts: dict[str, int]) -> list[Trial]:
    chance = random.Random(asked.seed)
    seeds = itertools.count(asked.seed * 1_000_000)
    planned = [
        Trial(kind, STANDS[n % len(STANDS)], next(seeds), place=place)
        for kind, place in steps()
        for n in range(asked.times)
    ]
    planned += [
        Trial(kind, STANDS[0], next(seeds), act=act)
        for kind in KINDS
        for _ in range(asked.acts)
        for act in range(acts[kind])
    ]
    planned += [
        Trial(KINDS[n % len(KINDS)], chance.choice(STANDS), next(seeds), moment=chance.random())
        for n in range(asked.moments)
    ]
    return chance.sample(planned, len(planned))


_judges: dict[int, Judge] = {}


def judge(folder: Path, some: list[Trial]) -> Tally:
    """Some trials, in this process; what it prepared stays for the next ones."""
    if os.getpid() not in _judges:
        own = folder / str(os.getpid())
        own.mkdir()
        os.environ["HOME"] = str(own)
        _judges[os.getpid()] = Judge(own)
    judging = _judges[os.getpid()]
    judging.tally = Tally()
    for trial in some:
        judging.judge(trial)
    return judging.tally


def measure(folder: Path, kind: str) -> tuple[int, float]:
    judge(folder, [])
    return _judges[os.getpid()].measure(kind, STANDS[0])


def main() -> int:
    wishes = options("crash", __doc__, "--seed", "--processes")
    wishes.add_argument("--times", type=int, default=20, help="deaths at each named boundary")
    wishes.add_argument("--acts", type=int, default=1, help="deaths before each act that lasts")
    wishes.add_argument("--moments", type=int, default=200, help="deaths at random moments")
    asked = wishes.parse_args()
    total, began = Tally(), time.monotonic()
    with workplace("crash") as folder, ProcessPoolExecutor(asked.processes, get_context("fork")) as pool:
        measured = dict(zip(KINDS, pool.map(measure, itertools.repeat(folder), KINDS), strict=True))
        for kind, (acts, seconds) in measured.items():
            print(f"{kind}: {acts} acts that last, {seconds:.2f} s undisturbed", flush=True)
        planned = trials(asked, {kind: acts for kind, (acts, _) in measured.items()})
        parts = [planned[at : at + 10] for at in range(0, len(planned), 10)]
        for tally in pool.map(judge, itertools.repeat(folder), parts):
            total += tally
            print(
                f"{total.trials} of {len(planned)} in {time.monotonic() - began:.0f} s, {len(total.faults)} faults",
                flush=True,
            )
    never = {f"did not die, for it was over or never came there: {what}": count for what, count in total.never.items()}
    print(f"{len(total.faults)} faults in {total.trials} deaths")
    return conclude(total.faults, total.counts + Counter(never))


if __name__ == "__main__":
    sys.exit(main())
