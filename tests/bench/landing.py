"""What landing costs, beside git's own commands in the same run: `python -m tests.bench.landing`.

- A click until it has landed, without checks, beside the same work by hand (`tests.bench.loop.land_by_hand` has the
  seven commands), on repositories of two sizes, turn by turn.
- Twenty clicks in a row until all have landed, beside twenty times one.
- What is foreseen of all pairs of twenty waiting changes, kept in the database, beside one `git merge-tree --stdin`
  that is fed the same pairs; and of a hundred, by the pair.

Figures are medians, and ratios within one run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import delete

from server.domain.change import Change, Revision
from server.domain.forecast import Forecast
from server.git import blobs, edits, merges
from server.git.forecast import Side, foresee
from server.services import forecasts, projects
from server.services.narrows import Narrows
from server.store import queries
from tests.bench.loop import counted_git, failures, git, land_by_hand, report
from tests.support.house import narrows_in
from tests.support.repositories import USER, Repository
from tests.support.server import Server
from tests.support.waiting import Waiting

SIZES = (4_000, 27_000)
GOES = 9
ROW = 20
FEW, MANY = 20, 100


def content(number: int, lines: Sequence[str] = ()) -> bytes:
    """A module's text; `lines` take the place of its first functions."""
    functions = [f"def f_{number}_{n}():\n    return {n}\n" for n in range(20)]
    return "".join([*lines, *functions[len(lines) :]]).encode()


def name(number: int) -> str:
    return f"part{number % 90:02}/module_{number:05}.py"


def make(folder: Path, files: int) -> Repository:
    return Repository.make(folder, files={name(number): content(number) for number in range(files)})


class Desk:
    """A repository of so many files with changes that wait, made before any server runs."""

    def __init__(self, folder: Path, files: int) -> None:
        self.folder, self.files = folder, files
        folder.mkdir()
        self.repository = make(folder, files)

    def wait(self, narrows: Narrows, many: int, shared: int = 0) -> list[Change]:
        """Changes that each edit a file of their own, and one of `shared` files, where that is not 0."""
        known = projects.every(narrows)
        project = known[0] if known else projects.register(narrows, str(self.repository.path), checks=[])
        waiting = Waiting(narrows, project)
        base = self.repository.head
        tree = git(waiting.mirror, "rev-parse", f"{base}^{{tree}}")
        made = []
        for number in range(many):
            texts = {name(shared + number): content(shared + number, [f"# change {number}\n"])}
            if shared:
                texts[name(number % shared)] = content(number % shared, ["# same\n", f"# {number // shared}\n"])
            put = [edits.Put(path, "100644", blobs.write(waiting.mirror, text)) for path, text in texts.items()]
            after = edits.tree_with(waiting.mirror, tree, put=put)
            made.append(waiting.change(base, after, f"Change {number}", base_tree=tree))
        return made

    def by_hand(self, many: int) -> tuple[Path, Path, list[str]]:
        """The same again, for hands: a repository, a mirror of it, and revisions in that."""
        repository, mirror = self.folder / "hand", self.folder / "hand.git"
        shutil.copytree(self.repository.path, repository, symlinks=True)
        git(repository, "update-index", "-q", "--refresh")
        git(self.folder, "clone", "--quiet", "--bare", "--local", str(repository), str(mirror))
        base = git(mirror, "rev-parse", "main")
        revisions = []
        for number in range(many):
            put = [edits.Put(name(number), "100644", blobs.write(mirror, content(number, [f"# change {number}\n"])))]
            tree = edits.tree_with(mirror, base, put=put)
            revisions.append(git(mirror, "commit-tree", "-p", base, "-m", "revision", tree))
        return repository, mirror, revisions


def click(server: Server, change: Change) -> tuple[float, float]:
    """Seconds from the click to its answer, and to landed."""
    with server.events() as events:
        began = time.monotonic()
        server.post(f"/api/changes/{change.id}/landing", {"revision": 1})
        answered = time.monotonic() - began
        next(event for event in events if (event["noun"], event["verb"]) == ("landing", "landed"))
        return answered, time.monotonic() - began


def click_all(server: Server, changes: Sequence[Change]) -> float:
    """Seconds from the first of several clicks in a row until all have landed."""
    with server.events() as events:
        began = time.monotonic()
        for change in changes:
            server.post(f"/api/changes/{change.id}/landing", {"revision": 1})
        left = len(changes)
        for event in events:
            assert (event["noun"], event["verb"]) != ("landing", "failed"), event
            left -= (event["noun"], event["verb"]) == ("landing", "landed")
            if not left:
                break
        return time.monotonic() - began


def landing(folder: Path, files: int, goes: int, row: int) -> None:
    """One click and many, on a repository of so many files."""
    desk = Desk(folder, files)
    with narrows_in(folder) as narrows:
        first, *changes, counted = desk.wait(narrows, goes + row + 2)
    repository, mirror, (warm, *revisions) = desk.by_hand(goes + 1)
    answered, ours, hand = [], [], []
    with Server(folder / "data", env={"NARROWS_BUDGET": "0"}) as server:
        click(server, first)
        land_by_hand(repository, mirror, warm)
        for change, revision in zip(changes, revisions, strict=False):
            soon, late = click(server, change)
            answered.append(soon)
            ours.append(late)
            hand.append(land_by_hand(repository, mirror, revision))
        in_a_row = click_all(server, changes[goes:])
    took, base = statistics.median(ours), statistics.median(hand)
    size = f"{files:,} files"
    report(
        f"click → landed, {size}, against by hand",
        took / base,
        2,
        "times",
        f"{took * 1000:.0f} ms against {base * 1000:.0f} ms; the click is answered after "
        f"{statistics.median(answered) * 1000:.0f} ms",
    )
    report(
        f"{row} in a row, {size}, against {row} × one",
        in_a_row / (row * took),
        1.5,
        "times",
        f"{in_a_row:.2f} s, {in_a_row / row * 1000:.0f} ms each",
    )
    _count(folder, counted)


def _count(folder: Path, change: Change) -> None:
    """The git processes that one landing starts, by their commands."""
    env, log = counted_git(folder)
    with Server(folder / "data", env={**env, "NARROWS_BUDGET": "0"}) as server:
        before = log.read_text().count("\n")
        click(server, change)
        lines = log.read_text().splitlines()[before:]
    commands = Counter(_command(line.split()) for line in lines)
    listed = ", ".join(f"{count} {command}" for command, count in commands.most_common())
    print(f"    {len(lines)} git processes for a landing: {listed}", flush=True)


def _command(words: Sequence[str]) -> str:
    rest = iter(words)
    for word in rest:
        if word in ("-c", "-C"):
            next(rest)
        elif not word.startswith("-"):
            return word
    return "?"


def foreseeing(folder: Path, sizes: Sequence[int], goes: int) -> None:
    """All pairs of few waiting changes on each size, and of many on the smallest."""
    pairs, more = FEW * (FEW - 1), MANY * (MANY - 1)
    for size in sorted(sizes, reverse=True):
        few, plain, alone = _foreseen(folder / f"few-{size}", size, FEW, goes)
        report(
            f"forecast of {pairs} pairs, {size:,} files",
            few / plain,
            1.5,
            "times",
            f"{few * 1000:.0f} ms against {plain * 1000:.0f} ms of merge-tree; without the database "
            f"{alone * 1000:.0f} ms, {alone / plain:.2f} times",
        )
    many, _, _ = _foreseen(folder / "many", min(sizes), MANY, 3)
    report(
        f"a pair of {MANY} changes, against one of {FEW}",
        (many / more) / (few / pairs),
        5,
        "times",
        f"{many / more * 1000:.2f} ms, {few / pairs * 1000:.2f} ms; {many:.2f} s for {more:,} pairs",
    )


def _foreseen(folder: Path, files: int, many: int, goes: int) -> tuple[float, float, float]:
    """Seconds for all pairs: kept in the database; as one plain git process; by git alone, as the forecast asks it."""
    desk = Desk(folder, files)
    with narrows_in(folder) as narrows:
        changes = desk.wait(narrows, many, shared=10)
        [project] = projects.every(narrows)
        with narrows.reading() as db:
            revisions = [queries.revision(db, change.id, 1) for change in changes]
        kept, plain, alone = [], [], []
        for _ in range(goes):
            with narrows.transaction() as db:
                db.exec(delete(Forecast))
            began = time.monotonic()
            while forecasts.advance(narrows, project.id):
                continue
            kept.append(time.monotonic() - began)
            plain.append(_merge_tree(narrows.mirror(project.id), revisions))
            alone.append(_ask(narrows.mirror(project.id), revisions))
    return statistics.median(kept), statistics.median(plain), statistics.median(alone)


def _merge_tree(mirror: Path, revisions: Sequence[Revision]) -> float:
    pairs = itertools.permutations([revision.commit for revision in revisions], 2)
    lines = "".join(f"{one} {two}\n" for one, two in pairs).encode()
    command = [*merges.SETTINGS, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--stdin"]
    began = time.monotonic()
    subprocess.run(["git", f"--git-dir={mirror}", *command], input=lines, capture_output=True, check=True)
    return time.monotonic() - began


def _ask(mirror: Path, revisions: Sequence[Revision]) -> float:
    sides = [Side(revision.base_tree, revision.tree) for revision in revisions]
    began = time.monotonic()
    foresee(mirror, revisions[0].base, [*((None, side) for side in sides), *itertools.permutations(sides, 2)])
    return time.monotonic() - began


def main() -> int:
    wishes = argparse.ArgumentParser(prog="python -m tests.bench.landing", description=__doc__)
    wishes.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="files of the repositories")
    wishes.add_argument("--goes", type=int, default=GOES)
    wishes.add_argument("--row", type=int, default=ROW, help="clicks in a row")
    asked = wishes.parse_args()
    with tempfile.TemporaryDirectory(prefix="narrows-bench-") as found:
        folder = Path(found)
        os.environ["HOME"] = str(folder)
        (folder / ".gitconfig").write_text("[user]\n\tname = {}\n\temail = {}\n".format(*USER))
        for size in asked.sizes:
            landing(folder / str(size), size, asked.goes, asked.row)
        foreseeing(folder, asked.sizes, asked.goes)
    print("missed: " + ", ".join(failures) if failures else "every limit kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
