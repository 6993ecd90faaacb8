"""In which order the changes that wait are read, and why, in a few words each.

Each change has points: the sum of the terms below, in hours' worth of waiting as `WEIGHTS` says. Only age has no
bound, so whatever else arrives, every change comes first after a bounded wait. What the person pinned is before all
others, and what they put off behind them: there no points count.

Of two changes that conflict with each other, one conflicts once the other has landed. The one that goes first is the
one that has fewer such others: a change that crosses many is redone once, after them, instead of each of them after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from server.domain.risk import RiskLevel


class Term(StrEnum):
    """What speaks for reading a change sooner."""

    ASKS = "asks"
    STALLED = "stalled"
    PRIORITY = "priority"
    UNBLOCKS = "unblocks"
    FORECAST = "forecast"
    CONFLICTS = "conflicts"
    MEMORY = "memory"
    RISK = "risk"
    SIZE = "size"
    AGE = "age"


WEIGHTS: Mapping[Term, float] = {
    Term.ASKS: 100.0,  # its agent stands still until the person has said a word: before any priority
    Term.STALLED: 60.0,  # nobody is at work on it, and a word is all that it takes; before most priorities
    Term.PRIORITY: 4.0,  # for each step, up to `STEPS` of them: the person's own word, worth 16 hours of waiting
    Term.UNBLOCKS: 2.0,  # for each task that can't start before it, up to `UNBLOCKED`: agents stand idle meanwhile
    Term.FORECAST: 2.0,  # for each other that it had better land before, less each that had better land first
    Term.CONFLICTS: -4.0,  # can't land as it is: what can goes first, and then it is redone once and not twice
    Term.MEMORY: 3.0,  # read or judged just now, half of it after `HALF_LIFE`: it need not be learned again
    Term.RISK: 1.0,  # high, and half of it for medium: what needs attention most is read while there is most of it
    Term.SIZE: 0.5,  # nothing to read, half of it at `HALF_SIZE`: two hours' worth at most, since large ones go stale
    Term.AGE: 0.25,  # an hour, without end: nothing waits for ever
}
STEPS = 9  # of priority, up and down
UNBLOCKED = 5  # tasks
CROSSED = 4  # others, up and down
HALF_LIFE = 4.0  # hours
HALF_SIZE = 15.0  # minutes of reading
SMALL = 10.0  # minutes of reading up to which a change is called small
TOLD = 3  # reasons of a change
LEAST = 0.1  # points that a reason is worth telling for; the one that counts most is told in any case
BOUND = (  # no change is ahead of another by more points than this, but for their ages
    WEIGHTS[Term.ASKS]
    + WEIGHTS[Term.STALLED]
    + 2 * WEIGHTS[Term.PRIORITY] * STEPS
    + WEIGHTS[Term.UNBLOCKS] * UNBLOCKED
    + 2 * WEIGHTS[Term.FORECAST] * CROSSED
    - WEIGHTS[Term.CONFLICTS]
    + WEIGHTS[Term.MEMORY]
    + WEIGHTS[Term.RISK]
    + WEIGHTS[Term.SIZE]
)
_RISKS = {RiskLevel.LOW: 0.0, RiskLevel.MEDIUM: 0.5, RiskLevel.HIGH: 1.0}
_COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Candidate(NamedTuple):
    """A change that waits, with what its place depends on."""

    number: int
    waits_since: datetime
    minutes: float = 1.0  # of reading
    priority: int = 0
    unblocks: int = 0  # tasks that can't start before it
    crosses: frozenset[int] = frozenset()  # changes that conflict with it, whichever of the two lands second
    conflicts: bool = False  # with the target as it is
    remembered_at: datetime | None = None  # when the person last read or judged it
    risk: RiskLevel | None = None  # None: not weighed yet
    asks: bool = False  # its agent waits for an answer
    stalled: bool = False  # it left nothing to review
    undone: bool = False  # its landing was taken back
    pinned_at: datetime | None = None
    later_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What puts a change before the next one, and by how many points."""

    points: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A change at its place in line; `reasons` say what puts it before the next one, what counts most first."""

    candidate: Candidate
    points: float
    reasons: tuple[Reason, ...]

    @property
    def why(self) -> str:
        """The reasons in one line."""
        return "; ".join(reason.sentence for reason in self.reasons)


def order(candidates: Iterable[Candidate], at: datetime) -> list[Placed]:
    """The changes as they are read at that moment, the first one first."""
    waiting = {each.number: each for each in candidates}
    before = _before(waiting)
    terms = {number: _terms(each, before[number], at) for number, each in waiting.items()}
    points = {number: sum(found.values()) for number, found in terms.items()}
    line = sorted(waiting.values(), key=lambda each: _key(each, points[each.number]))
    oldest = min((each.waits_since for each in line), default=at)
    neighbours = zip([None, *line], line, [*line[1:], None], strict=False)
    return [
        Placed(each, points[each.number], _reasons(each, previous, following, terms, before[each.number], oldest))
        for previous, each, following in neighbours
    ]


def _key(each: Candidate, points: float) -> tuple[float, ...]:
    """What was pinned last is first; what was put off last is last."""
    if each.pinned_at:
        return (0, -each.pinned_at.timestamp())
    if each.later_at:
        return (2, each.later_at.timestamp())
    return (1, -points, each.waits_since.timestamp(), each.number)


def _before(waiting: Mapping[int, Candidate]) -> dict[int, dict[int, bool]]:
    """Of each change, by the numbers of those that cross it: whether it had better land before that one.

    What conflicts with the target already is redone in any case, and crosses nothing as it is. The smaller, the earlier
    of two: it breaks fewer, is read sooner, waits longer.
    """
    may_land = {number for number, each in waiting.items() if not each.conflicts}
    crosses = {number: each.crosses & may_land if number in may_land else () for number, each in waiting.items()}
    rank = {number: (len(crosses[number]), each.minutes, each.waits_since, number) for number, each in waiting.items()}
    return {number: {other: rank[number] < rank[other] for other in others} for number, others in crosses.items()}


def _terms(each: Candidate, before: Mapping[int, bool], at: datetime) -> dict[Term, float]:
    balance = sum(1 if first else -1 for first in before.values())
    remembered = _hours(each.remembered_at, at)
    sizes: dict[Term, float] = {
        Term.ASKS: each.asks,
        Term.STALLED: each.stalled,
        Term.PRIORITY: _within(each.priority, STEPS),
        Term.UNBLOCKS: min(each.unblocks, UNBLOCKED),
        Term.FORECAST: _within(balance, CROSSED),
        Term.CONFLICTS: each.conflicts,
        Term.MEMORY: 0.0 if remembered is None else 0.5 ** (remembered / HALF_LIFE),
        Term.RISK: _RISKS[each.risk] if each.risk else 0.0,
        Term.SIZE: 0.5 ** (max(each.minutes, 0.0) / HALF_SIZE),
        Term.AGE: _hours(each.waits_since, at) or 0.0,
    }
    return {term: WEIGHTS[term] * size for term, size in sizes.items()}


def _within(value: int, most: int) -> int:
    return max(-most, min(value, most))


def _hours(since: datetime | None, at: datetime) -> float | None:
    return None if since is None else max(0.0, (at - since).total_seconds() / 3600)


def _reasons(
    each: Candidate,
    previous: Candidate | None,
    following: Candidate | None,
    terms: Mapping[int, Mapping[Term, float]],
    before: Mapping[int, bool],
    oldest: datetime,
) -> tuple[Reason, ...]:
    if each.pinned_at:
        return (Reason(0, "you pinned it"),)
    if each.later_at:
        return (Reason(0, "its landing was undone" if each.undone else "you put it off"),)
    mine = terms[each.number]
    if following is None or following.later_at:  # behind it, no points count: what is told is what it has of its own
        lead = {term: mine[term] for term in _OF_ITS_OWN if mine[term] > 0}
        otherwise = f"comes after #{previous.number}" if previous else "nothing else waits"
    else:
        theirs = terms[following.number]
        lead = {term: mine[term] - theirs[term] for term in Term if mine[term] > theirs[term]}
        otherwise = _SAYS[Term.AGE](_Pair(each, following, before, oldest))
    first, *others = sorted(lead, key=lambda term: -lead[term])[:TOLD] or (None,)
    if first is None:
        return (Reason(0, otherwise),)
    told = [first, *(term for term in others if lead[term] >= LEAST)]
    pair = _Pair(each, following or each, before, oldest)
    return tuple(Reason(round(lead[term], 2), _SAYS[term](pair)) for term in told)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A change and the next one in line."""

    each: Candidate
    following: Candidate
    before: Mapping[int, bool]
    oldest: datetime

    @property
    def unblocks(self) -> str:
        count = self.each.unblocks
        return f"unblocks {_COUNTED[count] if count < len(_COUNTED) else count} task{'s' if count > 1 else ''}"

    @property
    def forecast(self) -> str:
        """What lands too late otherwise; where that is nothing, what the next one would do."""
        late = sorted(number for number, first in self.before.items() if first)
        if late:
            return f"landing it late would conflict with {_numbers(late)}"
        return f"landing #{self.following.number} first would make others conflict"

    @property
    def age(self) -> str:
        return "waits longest" if self.each.waits_since <= self.oldest else "waits longer"

    @property
    def size(self) -> str:
        return "small" if self.each.minutes <= SMALL else "shorter to read"


def _numbers(numbers: Sequence[int]) -> str:
    *some, last = [f"#{number}" for number in numbers[:CROSSED]]
    return f"{', '.join(some)} and {last}" if some else last


_OF_ITS_OWN = (Term.ASKS, Term.STALLED, Term.PRIORITY, Term.UNBLOCKS)
_SAYS: Mapping[Term, Callable[[_Pair], str]] = {
    Term.ASKS: lambda _: "its agent waits for your word",
    Term.STALLED: lambda _: "needs your word",
    Term.PRIORITY: lambda pair: f"priority {pair.each.priority}",
    Term.UNBLOCKS: lambda pair: pair.unblocks,
    Term.FORECAST: lambda pair: pair.forecast,
    Term.CONFLICTS: lambda pair: f"#{pair.following.number} conflicts as it is",
    Term.MEMORY: lambda _: "you have it in mind",
    Term.RISK: lambda pair: f"{pair.each.risk} risk",
    Term.SIZE: lambda pair: pair.size,
    Term.AGE: lambda pair: pair.age,
}
