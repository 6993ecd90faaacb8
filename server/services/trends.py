"""Faster, or only feels faster? The first four weeks against the last four, and how sure that can be.

Each measure is a ratio of two sums over things (changes, or days), so that a large one weighs as much as it cost. How
far chance alone could move it is found by drawing the things again, with replacement (Efron, "Bootstrap Methods",
1979), always the same draws, so that the same record gives the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from server.domain.insight import ChangeFacts, Facts, amount

WINDOW = 28  # days of each side
LEAST = 10  # changes of each side from which on anything is said
DRAWS = 1000
SURE = 90  # per cent of the draws that lie within the interval
SEED = 7

Pairs = list[tuple[float, float]]
Table = Any  # of numpy, which is not imported before it is needed

UNKNOWN = (
    "There is no baseline: how long you would have taken without agents, nobody measured.",
    "Only reading is measured. Writing tasks, thinking, meetings and work in your own editor are not.",
    "Time with a page in sight is not understanding; a quick reading may be a careless one.",
    "Changes differ. If the tasks became easier, all of this improves by itself; a smaller change is not a better one.",
    "A line that stays is not a good line, and one that went may have done its work.",
    "What landed lately has had less time to be undone, reverted or replaced: the last weeks look a little too good.",
    "Waiting counts nights and weekends, and an agent that waits costs nothing but its time.",
    "Several measures are looked at: that one of them moves by chance is likelier than its own interval says.",
)


class Finding(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "no clear difference"
    OPEN = "can't tell yet"


@dataclass(frozen=True)
class Trend:
    """One measure on both sides. `low` and `high`: where its difference, last minus first, lies with 90 in 100."""

    name: str
    title: str
    definition: str
    unit: str
    first: float | None
    last: float | None
    n_first: int
    n_last: int
    low: float | None
    high: float | None
    finding: Finding
    needs: str = ""  # what is missing before anything can be said

    @property
    def difference(self) -> str:
        """The interval as a person reads it."""
        if self.low is None or self.high is None:
            return "–"
        return f"{_signed(self.low, self.unit)} to {_signed(self.high, self.unit)}"


@dataclass(frozen=True)
class Answer:
    """A verdict in plain words with its reasons; what is compared; what these data can't know."""

    sentence: str
    because: str
    trends: tuple[Trend, ...]
    first: tuple[date, date] | None  # first and last day of each side
    last: tuple[date, date] | None
    overall: tuple[tuple[str, str], ...] = ()  # of the whole record: what, and how much
    unknown: tuple[str, ...] = UNKNOWN


@dataclass(frozen=True)
class _Measure:
    name: str
    title: str
    definition: str
    unit: str
    more_is_better: bool
    pairs: Callable[[ChangeFacts], tuple[float, float] | None]
    scale: float = 1.0


LANDED = _Measure(
    "landed",
    "Landed a week",
    "changes that landed in the four weeks, by four",
    "changes",
    True,
    lambda one: (float(one.landed), 1.0),
)
MEASURES = (
    _Measure(
        "minutes",
        "Reading per landed change",
        "minutes read of all changes decided in that time, also of those that never landed, over how many landed",
        "min",
        False,
        lambda one: (one.read_minutes, float(one.landed)),
    ),
    _Measure(
        "lasting",
        "Reading per 100 lines that stayed",
        "minutes read of followed changes, over the lines of theirs that were still there when last looked",
        "min",
        False,
        lambda one: (one.read_minutes, _stayed(one)) if one.lines_landed is not None else None,
        100.0,
    ),
    _Measure(
        "rework",
        "Landed after rework",
        "share of landed changes that you had sent back before",
        "%",
        False,
        lambda one: (float(one.rounds > 0), 1.0) if one.landed else None,
        100.0,
    ),
    _Measure(
        "back",
        "Undone or reverted",
        "share of landed changes that you undid, or that a later commit says to revert",
        "%",
        False,
        lambda one: (float(one.taken_back), 1.0) if one.landed else None,
        100.0,
    ),
    _Measure(
        "idle",
        "Finished work that waits for you",
        "share of waiting for you in all the hours that agents worked and their changes waited",
        "%",
        False,
        lambda one: (one.waited_for_you_hours, one.waited_for_you_hours + one.worked_hours),
        100.0,
    ),
)


def _stayed(one: ChangeFacts) -> float:
    return 0.0 if one.undone_at else float(one.lines_left or 0)


def answer(facts: Facts, today: date) -> Answer:
    """What the record says up to `today`; that it can't tell yet, and what is missing, where that is so."""
    decided = [one for one in facts.changes if one.decided_at]
    if not decided:
        return Answer("Can't tell yet: nothing has been decided.", _missing(2 * WINDOW), (), None, None)
    days = [_day(one) for one in decided]
    begin, end = min(days), max(today, *days)
    first = (begin, begin + timedelta(days=WINDOW - 1))
    last = (end - timedelta(days=WINDOW - 1), end)
    overall = tuple(_overall(decided))
    if (short := (first[1] - last[0]).days + 1) > 0:
        return Answer("Can't tell yet.", _missing(short), (), None, None, overall)
    before = [one for one, day in zip(decided, days, strict=True) if day <= first[1]]
    after = [one for one, day in zip(decided, days, strict=True) if day >= last[0]]
    trends = (
        _landed_a_week(before, after, first, last),
        *_all_trends(before, after),
    )
    sentence, because = judge(trends)
    return Answer(sentence, because, trends, first, last, overall)


def judge(trends: Sequence[Trend]) -> tuple[str, str]:
    """The verdict, and the reasons for it, from the findings of all measures."""
    by_name = {trend.name: trend for trend in trends}
    landed, minutes = by_name["landed"].finding, by_name["minutes"].finding
    worse = [trend for trend in trends if trend.finding is Finding.WORSE and trend.name not in ("landed", "idle")]
    if Finding.OPEN in (landed, minutes):
        return "Can't tell yet.", " ".join(
            trend.needs for trend in (by_name["landed"], by_name["minutes"]) if trend.needs
        )
    reasons = " ".join(_reason(trend) for trend in trends if trend.finding in (Finding.BETTER, Finding.WORSE))
    if landed is Finding.BETTER and worse:
        return "It may only feel faster.", f"More lands, but at a price. {reasons}"
    if minutes is Finding.BETTER and landed is Finding.WORSE:
        return "Less reading for each change, and fewer changes: that is not faster.", reasons
    if worse and landed is Finding.WORSE:
        return "Slower, by these figures.", reasons
    if worse:
        return "No faster: something got worse, and no more lands.", reasons
    if Finding.BETTER in (landed, minutes) and landed is not Finding.WORSE:
        return "Faster, as far as this can tell.", f"{reasons} Nothing else became clearly worse."
    if landed is Finding.WORSE:
        return "Slower: less lands, and nothing else became clearly better for it.", reasons
    return "No clear difference.", "What changed between the two could as well be chance."


def _reason(trend: Trend) -> str:
    assert trend.first is not None
    assert trend.last is not None
    was, is_now = amount(round(trend.first, 1), trend.unit), amount(round(trend.last, 1), trend.unit)
    return f"{trend.title}: {was} then, {is_now} now ({trend.finding.value})."


def _landed_a_week(
    before: Sequence[ChangeFacts], after: Sequence[ChangeFacts], first: tuple[date, date], last: tuple[date, date]
) -> Trend:
    counts = Counter(_day(one) for one in (*before, *after) if one.landed)
    sides = [
        [(float(counts[begin + timedelta(days=n)]), 1 / 7) for n in range(WINDOW)] for begin in (first[0], last[0])
    ]
    landed = [int(sum(number for number, _ in side)) for side in sides]
    draws = _draws(WINDOW, SEED), _draws(WINDOW, SEED + 1)
    return _compared(LANDED, sides[0], sides[1], landed[0], landed[1], draws)


def _all_trends(before: Sequence[ChangeFacts], after: Sequence[ChangeFacts]) -> list[Trend]:
    """Each of the measures of changes; all are drawn by the same draws, which take longer than all else."""
    draws = _draws(len(before), SEED), _draws(len(after), SEED + 1)
    made = []
    for measure in MEASURES:
        then, lately = ([measure.pairs(one) for one in some] for some in (before, after))
        n_first, n_last = (sum(pair is not None for pair in some) for some in (then, lately))
        made.append(_compared(measure, _zeroed(then), _zeroed(lately), n_first, n_last, draws))
    return made


def _zeroed(pairs: Iterable[tuple[float, float] | None]) -> Pairs:
    """What does not count weighs nothing on either side of the ratio."""
    return [pair or (0.0, 0.0) for pair in pairs]


def _compared(
    measure: _Measure, before: Pairs, after: Pairs, n_first: int, n_last: int, draws: tuple[Table, Table]
) -> Trend:
    first, last = _ratio(before, measure.scale), _ratio(after, measure.scale)
    low = high = None
    finding, needs = Finding.OPEN, _needs(measure.title, n_first, n_last)
    if not needs and first is not None and last is not None:
        low, high = _interval(_drawn(before, draws[0]), _drawn(after, draws[1]), measure.scale)
        finding = Finding.SAME
        if low > 0 or high < 0:
            finding = Finding.BETTER if (low > 0) is measure.more_is_better else Finding.WORSE
    about = (measure.name, measure.title, measure.definition, measure.unit)
    return Trend(*about, first, last, n_first, n_last, low, high, finding, needs)


def _needs(title: str, n_first: int, n_last: int) -> str:
    if n_first < LEAST:
        return f"{title}: the first four weeks have only {n_first} changes, and {LEAST} are the least."
    if n_last < LEAST:
        return f"{title}: needs {LEAST - n_last} more changes within four weeks."
    return ""


def _ratio(pairs: Pairs, scale: float) -> float | None:
    below = sum(under for _, under in pairs)
    return scale * sum(over for over, _ in pairs) / below if below else None


def _draws(count: int, seed: int) -> Table:
    """How often each of so many things is drawn, in each of the draws."""
    import numpy  # it comes with the plots' library, and takes a while

    return numpy.random.default_rng(seed).multinomial(count, [1 / count] * count, size=DRAWS).astype(numpy.float32)


def _drawn(pairs: Pairs, draws: Table) -> Table:
    """The ratio of the sums in each of the draws; none where there is nothing below it."""
    import numpy

    over, below = (draws @ numpy.array(pairs)).T
    ratios = numpy.full(len(draws), numpy.nan)
    numpy.divide(over, below, out=ratios, where=below > 0)
    return ratios


def _interval(before: Table, after: Table, scale: float) -> tuple[float, float]:
    """Between which two the difference of the ratios lies in so many of the draws."""
    import numpy

    outside = (100 - SURE) / 2
    low, high = numpy.nanpercentile(scale * (after - before), [outside, 100 - outside])
    return float(low), float(high)


def _overall(decided: Sequence[ChangeFacts]) -> list[tuple[str, str]]:
    landed = [one for one in decided if one.landed]
    read = sum(one.read_minutes for one in decided)
    followed = [one for one in landed if one.lines_landed is not None]
    stayed = sum(_stayed(one) for one in followed)
    told = [
        ("Reading in all", amount(round(read), "min")),
        ("Landed", amount(len(landed), "")),
    ]
    if landed:
        told.append(("Reading per landed change", amount(round(read / len(landed), 1), "min")))
        told.append(("Undone or reverted", f"{sum(one.taken_back for one in landed)} of {len(landed)}"))
    if stayed:
        minutes = 100 * sum(one.read_minutes for one in followed) / stayed
        told.append(("Reading per 100 lines that stayed", amount(round(minutes, 1), "min")))
    return told


def _missing(days: int) -> str:
    return (
        f"Four weeks are compared with four later ones: needs {days} more {'day' if days == 1 else 'days'} of work, "
        f"and {LEAST} changes on each side."
    )


def _day(one: ChangeFacts) -> date:
    assert one.decided_at is not None
    return one.decided_at.astimezone().date()


def _signed(value: float, unit: str) -> str:
    """With its sign, and exactly enough that it is not nothing."""
    rounded = next((r for digits in (1, 2, 3) if (r := round(value, digits))), 0.0)
    sign = "+" if rounded > 0 else "−" if rounded else ""
    small = abs(rounded) < 1 and unit in ("%", "min")
    return f"{sign}{abs(rounded):g} {unit}" if small else f"{sign}{amount(abs(rounded), unit)}"
