"""What became of lines that landed: which of them the target still has, and which commits say that they revert them.

A line is there as long as git's blame names the landing for it. Blame goes back no further than the oldest landing, one
process for each file that any of the landings touched, under whatever name that has now.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError
from server.git.commands import run
from server.git.mirrors import guard
from server.git.objects import OID

LONGEST = 120.0  # seconds for all files of a target together; what is not reached by then is left out
FILE_SECONDS = 20.0  # for one file
MOST_COMMITS = 50_000
REVERTS = re.compile(rb"^This reverts commit ([0-9a-f]{40}|[0-9a-f]{64})\b", re.MULTILINE)


@dataclass(frozen=True)
class Landed:
    """What went from `old` to `commit` on a target, by a number of the caller's."""

    number: int
    old: str
    commit: str


@dataclass(frozen=True)
class Lifeline:
    """Of the lines that a landing added, those still there; `reverted_by` is empty where no commit says so."""

    added: int
    left: int
    reverted_by: str = ""


def follow(mirror: Path, landings: Sequence[Landed], tip: str, longest: float = LONGEST) -> dict[int, Lifeline]:
    """What became of each landing up to the commit `tip`; those of which the mirror lacks something are left out.

    Files that could not be followed in time count on neither side, and so do binary ones.

    Args:
        landings: Of one target branch, in any order; their numbers grow with time.
        longest: Seconds after which no further file is begun.

    Raises:
        NotFound: There is no mirror.
        GitError: The history can't be read.
    """
    guard(mirror)
    there = _sound(mirror, landings, tip)
    if not there:
        return {}
    since = min(there, key=lambda each: each.number).old
    history = _History.read(mirror, since, tip)
    touched = _touched(mirror, there)
    names = _names_now(mirror, since, tip, {path for files in touched.values() for path in files})
    left, unknown = _blamed(mirror, since, tip, {name for name in names.values() if name}, longest)
    found = {}
    for landing in there:
        files = {path: lines for path, lines in touched[landing.commit].items() if names[path] not in unknown}
        mine = history.between(landing.old, landing.commit)
        standing = {names[path] for path in files} - {""}
        remaining = sum(left[name, commit] for name in standing for commit in mine)
        added = sum(files.values())
        found[landing.number] = Lifeline(added, min(added, remaining), history.reverting(mine))
    return found


def _sound(mirror: Path, landings: Sequence[Landed], tip: str) -> list[Landed]:
    """Those that the mirror has whole."""
    named = {tip, *(oid for each in landings for oid in (each.old, each.commit))}
    wanted = sorted(oid for oid in named if OID.fullmatch(oid))
    asked = "".join(f"{oid}\n" for oid in wanted).encode()
    listed = run(mirror, "cat-file", "--batch-check", "--buffer", input=asked).text.splitlines()
    have = {line.split()[0] for line in listed if line.split()[1:2] == ["commit"]}
    return [each for each in landings if tip in have and {each.old, each.commit} <= have]


@dataclass(frozen=True)
class _History:
    """Commits with their parents, and who says to revert whom."""

    parents: Mapping[str, Sequence[str]]
    reverted: Mapping[str, str]

    @classmethod
    def read(cls, mirror: Path, since: str, tip: str) -> _History:
        most = f"--max-count={MOST_COMMITS}"
        wanted = ("log", "-z", most, "--format=%H %P%n%B", "--end-of-options", f"{since}..{tip}")
        parents: dict[str, Sequence[str]] = {}
        reverted: dict[str, str] = {}
        for entry in run(mirror, *wanted).out.split(b"\0"):
            ids, _, message = entry.partition(b"\n")
            commit, *before = ids.decode("ascii", "replace").split() or [""]
            parents[commit] = before
            for undone in REVERTS.findall(message):
                reverted[undone.decode()] = commit
        return cls(parents, reverted)

    def between(self, old: str, commit: str) -> set[str]:
        """The commits that `commit` brought on top of `old`."""
        brought = self._back(commit, stop=old)
        merged = any(len(self.parents[one]) > 1 for one in brought)
        return brought - self._back(old) if merged else brought

    def reverting(self, commits: Collection[str]) -> str:
        """The commit that says that it reverts one of these, unless that was reverted itself."""
        said = (self.reverted.get(commit, "") for commit in commits)
        return next((by for by in said if by and by not in self.reverted), "")

    def _back(self, commit: str, stop: str = "") -> set[str]:
        seen: set[str] = set()
        front = [commit]
        while front:
            one = front.pop()
            if one not in seen and one != stop and one in self.parents:
                seen.add(one)
                front += self.parents[one]
        return seen


def _touched(mirror: Path, landings: Sequence[Landed]) -> dict[str, dict[str, int]]:
    """By a landing's commit: the lines that it added to each file, by the file's name then."""
    asked = "".join(f"{each.commit} {each.old}\n" for each in landings).encode()
    out = run(mirror, "diff-tree", "--stdin", "-r", "-z", "-M", "--numstat", input=asked, timeout=600).out
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    commit, fields = "", iter(out.split(b"\0"))
    for field in fields:
        counts = field.split(b"\t", 2)
        if len(counts) < 3:
            commit = field.decode("ascii", "replace") or commit
            continue
        path = counts[2]
        if not path:  # a rename: its old and its new name come after
            next(fields, b"")
            path = next(fields, b"")
        if counts[0].isdigit():
            found[commit][os.fsdecode(path)] = int(counts[0])
    return found


def _names_now(mirror: Path, since: str, tip: str, paths: Iterable[str]) -> dict[str, str]:
    """What each file is called at the tip; empty for one that is no more."""
    renames = ("--format=", "--name-status", "-M", "--diff-filter=R")
    out = run(mirror, "log", "-z", *renames, "--end-of-options", f"{since}..{tip}", timeout=600).out
    fields = [os.fsdecode(field) for field in out.split(b"\0") if field.strip()]
    renamed: dict[str, str] = {}
    for status, old, new in zip(*[iter(fields)] * 3, strict=False):
        if status.lstrip().startswith("R"):
            renamed.setdefault(old, new)  # the log is newest first
    here = set(run(mirror, "ls-tree", "-r", "-z", "--name-only", "--end-of-options", tip).fields())
    return {path: _now(path, renamed, here) for path in paths}


def _now(path: str, renamed: Mapping[str, str], here: Collection[str]) -> str:
    seen = {path}
    while path not in here:
        path = renamed.get(path, "")
        if path in seen or not path:
            return ""
        seen.add(path)
    return path


def _blamed(
    mirror: Path, since: str, tip: str, names: Collection[str], longest: float
) -> tuple[Counter[tuple[str, str]], set[str]]:
    """How many lines of each file each commit has at the tip; and which files could not be followed in time."""
    left: Counter[tuple[str, str]] = Counter()
    unknown: set[str] = set()
    until = time.monotonic() + longest
    for name in sorted(names):
        if time.monotonic() > until:
            unknown.add(name)
            continue
        try:
            for commit, lines in _lines(mirror, since, tip, name):
                left[name, commit] += lines
        except GitError:
            unknown.add(name)
    return left, unknown


def _lines(mirror: Path, since: str, tip: str, name: str) -> Iterator[tuple[str, int]]:
    wanted = ("blame", "--incremental", f"{since}..{tip}", "--", name)
    for line in run(mirror, *wanted, timeout=FILE_SECONDS).out.split(b"\n"):
        words = line.split(b" ")
        if len(words) == 4 and len(words[0]) in (40, 64) and all(word.isdigit() for word in words[1:]):
            yield words[0].decode("ascii", "replace"), int(words[3])
