"""How well comments follow their lines, beside Gerrit's rule. `python -m tests.bench.anchoring [REPOSITORY…]`.

Made-up edits of the installed packages' own code, of which the right answer is known; and, in the repositories given,
real pairs of successive commits, where it is known for three sorts of lines: those that git's diff leaves as they are;
those whose words exist once before and once after, beside a line that went along; and those whose place was taken by a
line that is more like them than any other new one.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz.distance import Indel

from server.domain.review import Fit
from server.reading import alignment, anchoring, order
from server.reading.alignment import Same
from tests.bench.edits import KINDS, Case, cases, real_files

EACH = 400
COMMITS = 400
NEAR = 2
failures: list[str] = []


@dataclass
class Score:
    """What came of the cases of one kind."""

    cases: int = 0
    exact: int = 0
    near: int = 0
    wrong: int = 0
    gone: int = 0
    gerrit: int = 0
    seconds: list[float] = field(default_factory=list)

    def count(self, case: Case, same: Sequence[Same]) -> anchoring.Placed:
        began = time.perf_counter()
        placed = anchoring.place(case.old, case.new, case.line, case.end_line, same)
        self.seconds.append(time.perf_counter() - began)
        self.cases += 1
        self.gerrit += _off(case, gerrit(same, case.line, case.end_line)) <= NEAR
        if placed.fit is Fit.GONE:
            self.gone += 1
            return placed
        off = _off(case, (placed.line, placed.end_line))
        self.exact += off == 0
        self.near += off <= NEAR
        self.wrong += off > NEAR
        return placed

    def row(self, name: str) -> str:
        shares = " ".join(
            f"{100 * n / max(1, self.cases):8.1f}%" for n in (self.exact, self.near, self.wrong, self.gone)
        )
        slowest = 1000 * max(self.seconds, default=0)
        return f"{name:<22}{self.cases:>6} {shares} {100 * self.gerrit / max(1, self.cases):8.1f}% {slowest:7.1f} ms"


HEAD = f"{'':<22}{'cases':>6} {'exact':>9} {'±2 lines':>9} {'wrong':>9} {'gone':>9} {'Gerrit ±2':>9} {'slowest':>10}"


def _off(case: Case, found: tuple[int, int] | None) -> float:
    """By how many lines an answer is wrong."""
    if case.truth is None or found is None:
        return float("inf")
    return max(abs(found[0] - case.truth[0]), abs(found[1] - case.truth[1]))


def gerrit(same: Sequence[Same], line: int, end_line: int) -> tuple[int, int] | None:
    """Gerrit's rule: a range goes along with what is left as it is; None: else it is a remark on the file."""
    for run in same:
        if run.old < line and end_line <= run.old + run.size:
            return run.new + line - run.old, run.new + end_line - run.old
    return None


def judge(name: str, score: Score) -> None:
    """Print a kind's row, and whether it keeps what is asked."""
    good = score.near >= 0.85 * score.cases and score.wrong <= 0.01 * score.cases
    if name.startswith("untouched"):
        good = score.exact == score.cases
    if name == "deleted":
        good = score.wrong <= 0.05 * score.cases
    if not good:
        failures.append(name)
    print(score.row(name), "ok" if good else "MISSED", flush=True)


def simulated(each: int, seed: int) -> None:
    files = real_files()
    print(f"{each} made-up edits of each kind, in {len(files)} files\n\n{HEAD}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            score = Score()
            for case in cases(kind, each, files, seed):
                score.count(case, _git_same(Path(folder), case))
            judge(kind, score)


def _git_same(folder: Path, case: Case) -> list[Same]:
    for name, lines in (("old", case.old), ("new", case.new)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    command = ["git", "-C", str(folder), "diff", "--no-index", "--no-color", "--", "old", "new"]
    found = subprocess.run(command, capture_output=True, check=False)
    return alignment.of_patch(found.stdout, len(case.old))


def real(repository: Path, commits: int) -> None:
    scores = {name: Score() for name in ("untouched", "unique words", "one for one")}
    for old, new, patch in pairs(repository, commits):
        same = alignment.of_patch(patch, len(old))
        for name, case in truths(old, new, same):
            scores[name].count(case, same)
    print(f"\n{'/'.join(repository.parts[-2:])}: the last {commits} commits\n\n{HEAD}")
    for kind, score in scores.items():
        judge(kind, score)


def pairs(repository: Path, commits: int) -> Iterator[tuple[list[str], list[str], bytes]]:
    """Files before and after each of the last commits, with git's patch."""
    log = _git(repository, "log", "--no-merges", f"-n{commits}", "--format=", "--raw", "--no-abbrev", "--diff-filter=M")
    rows = [row.split("\t") for row in log.decode("utf-8", "replace").splitlines()]
    written = {about: path for about, path in rows if not order.folded(path)}  # by hand, and each pair once
    for about in written:
        _, mode, old, new, _ = about.split()
        if mode.startswith("100"):
            patch = _git(repository, "diff", "--no-color", old, new)
            if b"\nBinary files" not in patch:
                yield (
                    _lines(_git(repository, "cat-file", "blob", old)),
                    _lines(_git(repository, "cat-file", "blob", new)),
                    patch,
                )


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").removesuffix("\n").split("\n")


def _git(repository: Path, *args: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *args], capture_output=True, check=True).stdout


def truths(old: list[str], new: list[str], same: Sequence[Same]) -> Iterator[tuple[str, Case]]:
    """What is known for sure of a real pair, at most a few lines of each sort."""
    kept = {run.old + n: run.new + n for run in same for n in range(run.size)}
    for a, b in list(kept.items())[:: max(1, len(kept) // 5)]:
        yield "untouched", _line(old, new, a, b)
    fresh = set(range(len(new))) - set(kept.values())
    replaced = dict(_replaced(old, new, same))
    once = _once(old), _once(new)
    moved = [(a, once[1][text]) for text, a in once[0].items() if a not in kept and once[1].get(text) in fresh]
    sure = [(a, b) for a, b in moved if a not in replaced and _goes_along(old, new, a, b)]
    for a, b in sure[:20]:
        yield "unique words", _line(old, new, a, b)
    for a, b in replaced.items():
        likeness = Indel.normalized_similarity(old[a].strip(), new[b].strip())
        rivals = (Indel.normalized_similarity(old[a].strip(), new[n].strip()) for n in fresh - {b})
        if (a, b) not in moved and likeness > max(rivals, default=0):
            yield "one for one", _line(old, new, a, b)


def _replaced(old: list[str], new: list[str], same: Sequence[Same]) -> Iterator[tuple[int, int]]:
    """Single lines in the place of single lines, which they are like."""
    for before, after in itertools.pairwise(same):
        a, b = before.old + before.size, before.new + before.size
        alone = after.old - a == 1 and after.new - b == 1
        if alone and Indel.normalized_similarity(old[a].strip(), new[b].strip()) >= 0.5:
            yield a, b


def _goes_along(old: list[str], new: list[str], a: int, b: int) -> bool:
    """Whether the line before or after, but for empty ones, is the same in both places."""
    return any(_next(old, a, step) == _next(new, b, step) != "" for step in (-1, 1))


def _next(lines: list[str], place: int, step: int) -> str:
    place += step
    while 0 <= place < len(lines) and not lines[place].strip():
        place += step
    return lines[place].strip() if 0 <= place < len(lines) else ""


def _line(old: list[str], new: list[str], a: int, b: int) -> Case:
    return Case(old, new, a + 1, a + 1, (b + 1, b + 1))


def _once(lines: list[str]) -> dict[str, int]:
    """Lines of ten characters and more that are there once, by their words without spaces."""
    found: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        found.setdefault("".join(line.split()), []).append(place)
    return {text: where[0] for text, where in found.items() if len(where) == 1 and len(text) >= 10}


def main(repositories: Sequence[str]) -> int:
    simulated(EACH, seed=1)
    for repository in repositories:
        real(Path(repository), COMMITS)
    print(f"\nmissed: {', '.join(failures)}" if failures else "\nall kept")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
