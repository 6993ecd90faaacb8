"""Whether landing gives what git gives, over real history: `python -m tests.bench.replay REPOSITORY…`.

- Merges: of a merge of P1 and P2, the tree of P2 lands on P1 as a change whose base is their merge base. Beside it
  `git merge P2` runs in a work tree at P1.
- Picks: commits that follow each other land in shuffled order, each as a change on the parent that it had. Beside it
  `git cherry-pick` runs in a work tree.
- Windows: the same commits, brought onto the commit before the first of them, land from there in shuffled order, and a
  checked-out branch of a user's repository moves along. Beside it runs `git merge`.
- Forecasts: of branches that were merged one after the other, and of commits that follow each other, what is foreseen
  of each alone and of each after each other one. Beside it git merges, or picks, one and then the other.

Every clean result has to be git's tree, every conflict git's conflict in the same files; a forecast may miss none and
invent none. git goes by the `.gitattributes` that history has. As few repositories have any that concern merging,
`--attributes 'PATTERN NAME…'` puts such lines into those of each target before anything is merged with it.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from server.git import blobs, edits, merges, mirrors, moves
from server.git.commands import Person
from server.git.forecast import Question, Side, foresee
from server.git.objects import commit, tree_of
from tests.bench.common import Sum, conclude, options, own_home, spread
from tests.support.repositories import USER, environment

ME = Person(*USER)
BRANCH = "landing"
MERGE = ("-c", "merge.renames=true", "-c", "merge.directoryRenames=conflict", "-c", "merge.renormalize=false")
ASIDE = re.compile(r"~(HEAD|[0-9a-f]{7,}[^/]*)\Z")  # a side's name, behind that of a file that had to make room
CLEAN = "clean"
TOGETHER = 6  # branches that wait at the same time

Outcome = str | tuple[str, ...]  # the tree of a clean result, or the files in conflict


@dataclass
class Tally(Sum):
    """What was replayed, and where Narrows and git did not do the same."""

    counts: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)

    def compare(self, kind: str, what: str, ours: Outcome, gits: Outcome) -> None:
        self.counts[f"{kind}, {'clean' if isinstance(gits, str) else 'in conflict'}"] += 1
        if ours != gits and not (gits == () and isinstance(ours, tuple)):  # git names no file where a folder is unclear
            self.different.append(f"{kind} {what}: Narrows {_told(ours)}; git {_told(gits)}")


def _told(outcome: Outcome) -> str:
    return f"makes {outcome[:12]}" if isinstance(outcome, str) else f"finds a conflict in {', '.join(outcome)}"


def _files(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({ASIDE.sub("", name) for name in names}))


class Unreadable(Exception):
    """The clone lacks files that this part of its history has."""


@dataclass(frozen=True)
class Git:
    """A repository with a work tree in which git works as it does for anybody."""

    folder: Path

    @classmethod
    def clone(cls, source: Path, folder: Path) -> Git:
        made = cls(folder)
        command = ["git", "clone", "-q", "--local", "--no-checkout", "--no-tags", str(source), str(folder)]
        subprocess.run(command, env=made._environment, check=True, capture_output=True)
        return made

    def __call__(self, *args: str, ok: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(["git", *args], cwd=self.folder, env=self._environment, capture_output=True, check=False)
        if done.returncode not in ok:
            words = os.fsdecode(done.stderr)
            if "unable to read" in words or "missing" in words:
                raise Unreadable(words)
            raise AssertionError(f"git {args} exited {done.returncode}: {words}{os.fsdecode(done.stdout)}")
        return done

    def ask(self, *args: str) -> str:
        return os.fsdecode(self(*args).stdout).strip()

    def stand(self, commit: str) -> None:
        """The work tree at that commit, with nothing else in it."""
        self("reset", "-q", "--hard", commit)
        self("clean", "-q", "-ffdx")

    def outcome(self, *command: str) -> Outcome:
        """What a merging command leaves."""
        if self(*MERGE, *command, ok=(0, 1)).returncode == 0:
            return self.ask("write-tree")
        found = self("ls-files", "-z", "--unmerged").stdout.split(b"\0")[:-1]
        return _files(os.fsdecode(entry.split(b"\t", 1)[1]) for entry in found)

    def pick(self, each: str) -> Outcome:
        """A commit of history, committed again where the work tree stands."""
        parent = ["-m", "1"] if len(self.ask("log", "-1", "--format=%P", each).split()) > 1 else []
        return self.outcome("cherry-pick", "--allow-empty", "--keep-redundant-commits", *parent, each)

    def squash(self, branch: str) -> Outcome:
        """A branch, merged and committed as one commit."""
        gits = self.outcome("merge", "-q", "--squash", branch)
        if isinstance(gits, str):
            self("commit", "-q", "--allow-empty", "--no-verify", "-m", "squashed")
        return gits

    @cached_property
    def _environment(self) -> dict[str, str]:
        name, email = USER
        people = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", email))
        }
        return environment(self.folder.parent) | people


class Replay:
    """One repository's history, in a mirror of Narrows, in a user's repository, and where git does it by itself."""

    def __init__(self, repository: Path, folder: Path, seed: int, rules: Sequence[str]) -> None:
        self.mirror = folder / "mirror.git"
        mirrors.create(repository, self.mirror)
        self.user = Git.clone(repository, folder / "user")
        self.truth = Git.clone(repository, folder / "truth")
        borrowed = self.truth.folder / ".git/objects/info/alternates"
        borrowed.write_text(f"{self.mirror / 'objects'}\n")  # commits made in the mirror are there, too
        self.random = random.Random(seed)
        self.rules = rules
        self.tally = Tally()

    def merge(self, ours: str, theirs: str) -> None:
        """A merge of history: `theirs` lands on `ours`."""
        bases = self.truth.ask("merge-base", "--all", ours, theirs).split()
        assert len(bases) == 1
        ours = self._ruled(ours)
        revision = self._revision(theirs, bases[0])
        built = self.build(ours, bases[0], revision, self.random.choice(("squash", "merge", "rebase")))
        self.truth.stand(ours)
        gits = self.truth.outcome("merge", "-q", "--no-ff", "--no-commit", theirs)
        self.tally.compare("merge", f"{ours[:12]} {theirs[:12]}", _outcome(built), gits)

    def window(self, start: str, commits: Sequence[str]) -> None:
        """Commits that follow each other from `start` on, as changes in another order."""
        start = self._ruled(start)
        self._picks(start, self._shuffled(commits))
        changes = [self._onto(start, each) for each in commits]
        self._landings(start, self._shuffled([change for change in changes if change]))
        self._foresee(start, {each: self._side(f"{each}^1", each) for each in commits}, self.truth.pick)

    def branches(self, merged: Sequence[tuple[str, str]]) -> None:
        """Branches that were merged one after the other, from where the first of them was about to be merged."""
        target = self._ruled(merged[0][0])
        bases = {tip: self.truth.ask("merge-base", "--all", target, tip).split() for _, tip in merged}
        sides = {tip: self._side(found[0], tip) for tip, found in bases.items() if len(found) == 1 and found[0] != tip}
        self._foresee(target, sides, self.truth.squash)

    def _foresee(self, target: str, sides: Mapping[str, Side], land: Callable[[str], Outcome]) -> None:
        """Foreseen in one go; then each is landed by git on the target, and each other one on top of it."""
        asked: list[Question] = [(None, side) for side in sides.values()]
        asked += itertools.permutations(sides.values(), 2)
        seen = {question: tuple(files) or CLEAN for question, files in foresee(self.mirror, target, asked).items()}
        for first, side in sides.items():
            self.truth.stand(target)
            landed = self._seen("alone", f"{first[:12]} on {target[:12]}", seen[None, side], land(first))
            if not landed:
                continue
            here = self.truth.ask("rev-parse", "HEAD")
            for second, other in sides.items():
                if second != first and other != side:
                    self.truth.stand(here)
                    name = f"{second[:12]} after {first[:12]} on {target[:12]}"
                    self._seen("pair", name, seen[side, other], land(second))

    def _seen(self, kind: str, what: str, ours: Outcome, gits: Outcome) -> bool:
        """Whether git found it clean."""
        clean = isinstance(gits, str)
        self.tally.compare(f"forecast {kind}", what, ours, CLEAN if clean else gits)
        return clean

    def _side(self, base: str, head: str) -> Side:
        return Side(tree_of(self.mirror, base), tree_of(self.mirror, head))

    def _picks(self, start: str, commits: Sequence[str]) -> None:
        self.truth.stand(start)
        target = start
        for each in commits:
            base = f"{each}^1"
            built = self.build(target, self.truth.ask("rev-parse", base), self._revision(each, base), "squash")
            gits = self.truth.pick(each)
            self.tally.compare("pick", f"{each[:12]} on {target[:12]}", _outcome(built), gits)
            if isinstance(built, merges.Built) and isinstance(gits, str):
                target = built.commit
            else:
                self.truth.stand("HEAD")

    def _landings(self, start: str, changes: Sequence[str]) -> None:
        self.truth.stand(start)
        self.user("fetch", "-q", "--no-tags", str(self.mirror), start)
        self.user("checkout", "-q", "-f", "-B", BRANCH, start)
        target = start
        for each in changes:
            built = self.build(target, start, each, self.random.choice(("squash", "merge", "rebase")))
            gits = self.truth.outcome("merge", "-q", "--no-ff", "-m", "merged", each)
            self.tally.compare("window", f"{each[:12]} on {target[:12]}", _outcome(built), gits)
            if isinstance(built, merges.Built) and isinstance(gits, str):
                moves.move(self.user.folder, self.mirror, BRANCH, target, built.commit)
                target = built.commit
                landed = self.user.ask("rev-parse", f"{BRANCH}^{{tree}}")
                self.tally.compare("moved", each[:12], landed, gits)
            else:
                self.truth.stand("HEAD")
        if dirt := self.user.ask("status", "--porcelain"):
            self.tally.different.append(f"window on {start[:12]}: the user's work tree differs: {dirt[:300]}")

    def build(self, target: str, base: str, revision: str, method: str) -> merges.Built | merges.Conflict:
        assert method in ("squash", "merge", "rebase")
        return merges.build(
            self.mirror,
            target=target,
            base=base,
            revision=revision,
            method=method,  # type: ignore[arg-type]
            message="Landed\n",
            author=ME,
            committer=ME,
        )

    def _onto(self, start: str, each: str) -> str | None:
        """A commit of history as a change made on `start`; None where it needs what came between."""
        base = self.truth.ask("rev-parse", f"{each}^1")
        built = self.build(start, base, self._revision(each, base), "squash")
        if isinstance(built, merges.Conflict) or built.tree == tree_of(self.mirror, start):
            return None
        return self._revision(built.tree, start)

    def _ruled(self, target: str) -> str:
        """A commit on `target` with the attributes that were asked for; itself where there are none."""
        if not self.rules:
            return target
        path = ".gitattributes"
        lines = [
            mirrors.read_file(self.mirror, target, path) or b"",
            *(os.fsencode(f"{rule}\n") for rule in self.rules),
        ]
        put = edits.Put(path, "100644", blobs.write(self.mirror, b"\n".join(lines)))
        return self._revision(edits.tree_with(self.mirror, target, put=[put]), target)

    def _revision(self, tree: str, base: str) -> str:
        """A tree as a revision of Narrows: one commit on its base."""
        parent = self.truth.ask("rev-parse", f"{base}^{{commit}}")
        return commit(self.mirror, tree_of(self.mirror, tree), [parent], "Revision\n", ME, ME)

    def _shuffled(self, each: Sequence[str]) -> list[str]:
        return self.random.sample(each, len(each))


def _outcome(built: merges.Built | merges.Conflict) -> Outcome:
    return built.tree if isinstance(built, merges.Built) else _files(built.files)


def history(repository: Path, *args: str) -> list[list[str]]:
    """`git log`'s answer, cut into words."""
    command = ["git", f"--git-dir={repository}", "log", *args]
    listed = subprocess.run(command, env=environment(repository), capture_output=True, text=True, check=True).stdout
    return [line.split() for line in listed.splitlines()]


def real_merges(repository: Path, wanted: int) -> list[tuple[str, str]]:
    """The parents of merges with one merge base that is neither of them: runs of them, spread evenly."""

    def is_real(parents: Sequence[str]) -> bool:
        command = ["git", f"--git-dir={repository}", "merge-base", "--all", *parents]
        found = subprocess.run(command, env=environment(repository), capture_output=True, text=True, check=False)
        bases = found.stdout.split()
        return len(bases) == 1 and bases[0] not in parents

    listed = history(repository, "--min-parents=2", "--max-parents=2", "--reverse", "--format=%P")
    found = [(ours, theirs) for ours, theirs in filter(is_real, listed)]
    runs = [found[at : at + TOGETHER] for at in range(0, len(found), TOGETHER)]
    return list(itertools.chain(*spread(runs, -(-wanted // TOGETHER))))


def windows(repository: Path, commits: int, size: int) -> list[tuple[str, list[str]]]:
    """Runs of `size` successive commits of the main line with the commit before each, spread evenly over history."""
    line = [found[0] for found in history(repository, "--first-parent", "--reverse", "--format=%H")]
    starts = range(0, len(line) - size - 1, size)
    return [(line[at], line[at + 1 : at + 1 + size]) for at in spread(starts, commits // size)]


def replay(
    repository: Path,
    pairs: Sequence[tuple[str, str]],
    parts: Sequence[tuple[str, list[str]]],
    seed: int,
    rules: Sequence[str] = (),
) -> Tally:
    """Some of a repository's history, in this process."""
    with tempfile.TemporaryDirectory(prefix="narrows-replay-") as name:
        play = Replay(repository, Path(name), seed, rules)
        for act in _acts(play, pairs, parts):
            try:
                act()
            except Unreadable:
                play.tally.counts["left out: the clone lacks files"] += 1
        return play.tally


def _acts(
    play: Replay, pairs: Sequence[tuple[str, str]], parts: Sequence[tuple[str, list[str]]]
) -> Iterator[Callable[[], None]]:
    for ours, theirs in pairs:
        yield lambda ours=ours, theirs=theirs: play.merge(ours, theirs)  # type: ignore[misc]
    for at in range(0, len(pairs), TOGETHER):
        yield lambda some=pairs[at : at + TOGETHER]: play.branches(some)  # type: ignore[misc]
    for start, commits in parts:
        yield lambda start=start, commits=commits: play.window(start, commits)  # type: ignore[misc]


def main() -> int:
    wishes = options("replay", __doc__, "repositories", "--seed", "--processes")
    wishes.add_argument("--merges", type=int, default=150, help="how many of each repository")
    wishes.add_argument("--commits", type=int, default=170, help="how many of each repository")
    wishes.add_argument("--window", type=int, default=5, help="commits that land in shuffled order")
    wishes.add_argument("--attributes", nargs="+", default=(), metavar="LINE", help="for each target")
    asked = wishes.parse_args()
    total = Tally()
    with own_home(), ProcessPoolExecutor(asked.processes) as pool:
        for repository in asked.repositories:
            began = time.monotonic()
            pairs = real_merges(repository, asked.merges)
            parts = windows(repository, asked.commits, asked.window)
            share = range(asked.processes)
            tally = Tally()
            for each in pool.map(
                replay,
                itertools.repeat(repository),
                [_part(pairs, n, asked.processes) for n in share],
                [_part(parts, n, asked.processes) for n in share],
                [asked.seed + n for n in share],
                itertools.repeat(asked.attributes),
            ):
                tally += each
            _print(repository.resolve().parent.name, tally, time.monotonic() - began)
            total += tally
    _print("all", total)
    return conclude(total.different)


def _part(each: list[Any], number: int, of: int) -> list[Any]:
    """One of so many parts, its neighbours beside each other."""
    return each[len(each) * number // of : len(each) * (number + 1) // of]


def _print(name: str, tally: Tally, seconds: float | None = None) -> None:
    took = f" in {seconds:.0f} s" if seconds else ""
    counts = "; ".join(f"{count:,} {kind}" for kind, count in sorted(tally.counts.items()))
    print(f"{name}{took}: {len(tally.different)} differences\n  {counts}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
