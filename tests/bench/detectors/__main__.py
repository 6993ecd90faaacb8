"""How well removed, skipped and loosened tests are found: `python -m tests.bench.detectors CLONES`.

`labels.csv` names edits of real tests: repository, commit, path, and what a person who read the edit saw in it. Their
texts are read from clones in the folder CLONES, named `owner+name`, bare or not. The edits of the half `seen` were
there while the detectors were written; those of the half `unseen` were drawn and labelled later, and what was found in
them was not looked at. Before anybody knew even the totals of that half, its precision was 0.81 and its recall 0.83:
that is what to expect of edits that nobody has seen; a few rules changed after it. Precision and recall count each kind
of each edit once. It ends with 1 where precision is below 0.9 or recall below 0.8 over all.

What the labels mean. removed: a test that is found nowhere any more, not even with parameters or under another name,
while what it tested is there. skipped: something new keeps a test from being run, always or under a condition; or a new
test never runs. loosened: a test, or what asserts for tests, lost an assertion without another in its place, or one
leaves more open. A new expected value, fewer rows of a table, and what moved are none of them.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from server.domain.diff import FileDiff, FileStatus
from server.domain.flag import FlagKind
from server.reading.evidence import test_edits
from server.reading.evidence.material import ChangedFile, Finding, Material
from tests.bench.common import Sum, conclude, options, own_home
from tests.support.repositories import environment

LABELS = Path(__file__).with_name("labels.csv")
KINDS = {
    "removed": FlagKind.REMOVED_TEST,
    "skipped": FlagKind.SKIPPED_TEST,
    "loosened": FlagKind.LOOSENED_TEST,
}
PRECISION, RECALL = 0.9, 0.8
LARGEST = 2_000_000  # bytes


@dataclass(frozen=True)
class Edit:
    """A test file in a commit, with what it is to be found for."""

    repository: str
    commit: str
    path: str
    labels: frozenset[str]
    unseen: bool


@dataclass
class Score(Sum):
    """How often each kind was found rightly, wrongly, and not at all."""

    edits: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def precision(self, kinds: Iterable[str] = KINDS) -> float:
        right = sum(self.right[kind] for kind in kinds)
        return right / max(right + sum(self.wrong[kind] for kind in kinds), 1)

    def recall(self, kinds: Iterable[str] = KINDS) -> float:
        right = sum(self.right[kind] for kind in kinds)
        return right / max(right + sum(self.missed[kind] for kind in kinds), 1)


def edits() -> list[Edit]:
    """The labelled edits."""
    with LABELS.open(newline="") as file:
        return [
            Edit(
                row["repository"],
                row["commit"],
                row["path"],
                frozenset(row["labels"].split()) - {"none"},
                row["half"] == "unseen",
            )
            for row in csv.DictReader(file)
        ]


def clone(folder: Path, repository: str) -> Path | None:
    """Where a repository's clone keeps its objects."""
    for name in (repository.replace("/", "+"), repository):
        for place in (folder / name / "repo", folder / name / ".git", folder / name):
            if (place / "objects").is_dir():
                return place
    return None


def material(repository: Path, commit: str) -> Material:
    """A commit against its first parent, as a detector sees it."""
    raw = _git(repository, "diff-tree", "-r", "-M", "-z", "--no-commit-id", "--full-index", f"{commit}^", commit)
    fields = raw.decode("utf-8", "surrogateescape").split("\0")
    diffs = []
    at = 0
    while at + 1 < len(fields):
        old_mode, new_mode, old_blob, new_blob, status = fields[at].lstrip(":").split()
        renamed = status[0] in "RC"
        old_path, path = fields[at + 1], fields[at + 2] if renamed else fields[at + 1]
        at += 3 if renamed else 2
        letter = FileStatus(status[0])
        diffs.append(FileDiff(path, old_path, letter, old_mode, new_mode, old_blob, new_blob, 0, 0, None, b""))
    texts = _texts(repository, {blob for diff in diffs for blob in (diff.old_blob, diff.new_blob)})
    return Material([ChangedFile(diff, texts.get(diff.old_blob), texts.get(diff.new_blob)) for diff in diffs])


def judge(edit: Edit, found: Iterable[Finding]) -> Score:
    """What was found in an edit against what is in it."""
    kinds = {kind for kind, flag in KINDS.items() if any(f.kind is flag and f.path == edit.path for f in found)}
    return Score(1, Counter(kinds & edit.labels), Counter(kinds - edit.labels), Counter(edit.labels - kinds))


def main() -> int:
    wishes = options("detectors", __doc__)
    wishes.add_argument("clones", type=Path)
    wishes.add_argument("--tell", action="store_true", help="name what was found wrongly or missed in the seen half")
    asked = wishes.parse_args()
    seen, unseen, lacking = Score(), Score(), 0
    slowest = 0.0
    with own_home():
        for edit in edits():
            place = clone(asked.clones, edit.repository)
            if place is None:
                lacking += 1
                continue
            read = material(place, edit.commit)
            began = time.monotonic()
            found = list(test_edits.find(read))
            slowest = max(slowest, time.monotonic() - began)
            score = judge(edit, found)
            if edit.unseen:
                unseen += score
            else:
                seen += score
                if asked.tell and (score.wrong or score.missed):
                    _tell(edit, score, found)
    total = Score()
    total += seen
    total += unseen
    print("| half | edits | kind | labelled | precision | recall |")
    print("|---" * 6 + "|")
    for name, score in (("seen", seen), ("unseen", unseen), ("both", total)):
        for kind in KINDS:
            _print(name, score, kind, [kind])
        _print(name, score, "all", list(KINDS))
    print(f"\nThe slowest commit took {slowest:.2f} s.")
    faults = [f"{lacking} edits are of repositories that are not in {asked.clones}"] if lacking else []
    if total.precision() < PRECISION or total.recall() < RECALL:
        faults.append(f"Asked for: precision {PRECISION}, recall {RECALL}.")
    return conclude(faults)


def _print(half: str, score: Score, name: str, kinds: list[str]) -> None:
    labelled = sum(score.right[kind] + score.missed[kind] for kind in kinds)
    cells = (half, score.edits, name, labelled, f"{score.precision(kinds):.2f}", f"{score.recall(kinds):.2f}")
    print("| " + " | ".join(map(str, cells)) + " |")


def _tell(edit: Edit, score: Score, found: list[Finding]) -> None:
    print(
        f"{edit.repository} {edit.commit[:10]} {edit.path}: wrong {sorted(score.wrong)}, missed {sorted(score.missed)}"
    )
    for finding in found:
        if finding.path == edit.path:
            print(f"    {finding.kind} {finding.line}: {finding.sentence}")


def _git(repository: Path, *arguments: str, given: bytes = b"") -> bytes:
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, env=environment(repository), input=given, capture_output=True, check=True).stdout


def _texts(repository: Path, wanted: set[str]) -> dict[str, str]:
    """The contents of these blobs that are texts of a bearable size."""
    out = _git(repository, "cat-file", "--batch", given="\n".join(sorted(wanted)).encode() + b"\n")
    texts = {}
    while out:
        head, _, out = out.partition(b"\n")
        if head.endswith((b"missing", b"submodule")):
            continue
        oid, kind, size = head.decode().split()
        content, out = out[: int(size)], out[int(size) + 1 :]
        if kind == "blob" and int(size) <= LARGEST and b"\0" not in content:
            texts[oid] = content.decode("utf-8", "replace")
    return texts


if __name__ == "__main__":
    sys.exit(main())
