"""How much attention a revision deserves, and why: each reason is a sentence with its points.

It is said, and never lands or stops anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from server.domain.base import shown
from server.domain.flag import FlagKind
from server.domain.risk import RiskLevel
from server.reading import order

WEIGHTS: Mapping[str, tuple[float, float]] = {  # points for one, and the most that all of them add
    "size": (1.0, 4.0),  # 100 changed lines to read: beyond 400 a reader finds less than half of what is wrong
    "risky": (2.0, 4.0),  # a path that the project calls risky
    "churn": (0.1, 2.0),  # a recent commit to its most changed file: what changes often breaks often
    "reverted": (1.5, 3.0),  # a commit to one of its files that was taken back
    "untested": (1.5, 1.5),  # source changed, and no test
    "missed": (2.0, 2.0),  # all of its new lines did not run in the checks; less of them, less points
    "unproven": (1.0, 1.0),  # its tests pass without it as well
    FlagKind.REMOVED_TEST: (2.0, 4.0),
    FlagKind.SKIPPED_TEST: (1.5, 3.0),
    FlagKind.LOOSENED_TEST: (1.0, 3.0),
    FlagKind.WEAKENED: (2.0, 4.0),
    FlagKind.SECRET: (4.0, 6.0),
    FlagKind.DEPENDENCY: (1.5, 2.0),
    FlagKind.CI: (1.5, 2.0),
    FlagKind.FAR: (0.5, 1.5),
    FlagKind.MARKER: (3.0, 3.0),
    FlagKind.AGENTS: (2.0, 2.0),
}
MEDIUM, HIGH = 3.0, 6.0  # points from which on
LINES = 100  # for a point of size
LIVELY = 10  # recent commits to a file from which on it is said to change often
LEAST = 0.05  # points of a reason that is worth its line
_SAYS: Mapping[FlagKind, tuple[str, str]] = {
    FlagKind.REMOVED_TEST: ("A test was removed", "tests were removed"),
    FlagKind.SKIPPED_TEST: ("A test is skipped", "tests are skipped"),
    FlagKind.LOOSENED_TEST: ("A test was loosened", "tests were loosened"),
    FlagKind.WEAKENED: ("Less is asked than before", "times less is asked than before"),
    FlagKind.SECRET: ("A secret, it seems", "secrets, it seems"),
    FlagKind.DEPENDENCY: ("Dependencies change", "files with dependencies change"),
    FlagKind.CI: ("CI changes", "files of CI change"),
    FlagKind.FAR: ("A file is far from what the task speaks of", "files are far from what the task speaks of"),
    FlagKind.MARKER: ("A marker of a conflict was left", "markers of conflicts were left"),
    FlagKind.AGENTS: ("What agents are told or run changes", "files that agents are told by or run change"),
}

Reason = tuple[float, str]


@dataclass(frozen=True)
class Facts:
    """What is known of a revision. Paths are the new ones and, of what was renamed, the old ones, too."""

    paths: Sequence[str] = ()
    lines: int = 0  # changed ones that need reading
    risky: Sequence[str] = ()  # the project's patterns
    flags: Mapping[FlagKind, Sequence[str]] = field(default_factory=dict)  # paths by kind
    commits: int = 0  # that were looked at
    changed: Mapping[str, int] = field(default_factory=dict)  # how many of them changed a path
    reverted: Mapping[str, int] = field(default_factory=dict)  # and took an earlier change of it back
    covered: int = 0  # added lines that ran in the checks
    coverable: int = 0  # of so many that could have; 0: not known
    unproven: bool = False  # its tests pass on the code before it


def weigh(facts: Facts) -> list[Reason]:
    """The reasons, what counts most first."""
    found = [each for each in _reasons(facts) if each[0] >= LEAST]
    return sorted(found, key=lambda each: -each[0])


def level(points: float) -> RiskLevel:
    """What so many points amount to."""
    return RiskLevel.HIGH if points >= HIGH else RiskLevel.MEDIUM if points >= MEDIUM else RiskLevel.LOW


def _reasons(facts: Facts) -> Iterator[Reason]:
    yield _points("size", facts.lines / LINES), f"{_count(facts.lines, 'changed line')} to read."
    if risky := [path for path in facts.paths if not order.is_test(path) and is_risky(path, facts.risky)]:
        yield _points("risky", len(risky)), f"It touches {_first(risky)}, where errors cost most."
    for kind, paths in facts.flags.items():
        one, several = _SAYS[kind]
        said = one if len(paths) == 1 else f"{len(paths)} {several}"
        yield _points(kind, len(paths)), f"{said}: {_first(sorted(set(paths)))}."
    yield from _past(facts)
    yield from _evidence(facts)


def _past(facts: Facts) -> Iterator[Reason]:
    """What became of its files before."""
    often = max(facts.paths, key=lambda path: facts.changed.get(path, 0), default="")
    count = facts.changed.get(often, 0)
    if count >= LIVELY:
        yield _points("churn", count), f"{shown(often)} changed in {count} of the last {facts.commits} commits."
    taken_back = [path for path in facts.paths if facts.reverted.get(path)]
    if taken_back:
        times = max(facts.reverted[path] for path in taken_back)
        yield _points("reverted", times), f"An earlier change of {_first(taken_back)} was taken back."


def _evidence(facts: Facts) -> Iterator[Reason]:
    """What its tests prove, and leave open."""
    source = [path for path in facts.paths if order.is_source(path)]
    if source and not any(order.is_test(path) for path in facts.paths):
        yield _points("untested", 1), "Source changed, and no test."
    if facts.unproven:
        yield _points("unproven", 1), "Its tests pass without it as well."
    if missed := facts.coverable - facts.covered:
        share = missed / facts.coverable
        yield _points("missed", share), f"{missed} of {_count(facts.coverable, 'new line')} did not run in the checks."


def _points(name: str, amount: float) -> float:
    each, most = WEIGHTS[name]
    return round(min(each * amount, most), 2)


def _count(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def _first(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{shown(paths[0])}{more}"


def is_risky(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path fits one of the patterns: `*` is part of one name, `**` of any depth; case is all the same."""
    return any(_pattern(pattern).fullmatch(path) for pattern in patterns)


_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(1024)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = _GLOB.findall(glob.removeprefix("/") + ("**" if glob.endswith("/") else ""))
    return re.compile("".join(_MEANS.get(part) or re.escape(part) for part in parts), re.IGNORECASE | re.DOTALL)
