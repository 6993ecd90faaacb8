"""The figures themselves: each made from facts, with its exact definition in the sentence that stands below its plot.

A middle value is always the median, and its n stands in the table. What is made from fewer than five says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import TypeVar

from server.domain.insight import ENOUGH, Cell, ChangeFacts, Column, Facts, Figure, Shape, amount

SIZES = ((50, "up to 50 lines"), (200, "51 to 200 lines"), (400, "201 to 400 lines"), (10**12, "over 400 lines"))
AGES = (1, 7, 30)  # days
DAILY = 31  # days up to which things are shown a day; a week each from there on
MOST_ROUNDS = 4
MOST_NAMES = 8  # agents or kinds that are shown by name, those with most first
MINUTE = 60
GLIMPSE = 0.5  # minutes of reading: less of it is no picture

Thing = TypeVar("Thing")


def all_of(facts: Facts, since: datetime | None) -> list[Figure]:
    """Every figure of what happened since then; None: of everything."""
    within = facts.between(since)
    return [
        landed(within, since),
        reading(within, since),
        reading_by(within),
        waiting(within),
        rounds(within),
        survival(within),
        unmodified(within),
        rate(within),
        estimate(within),
        cost(within),
    ]


def landed(facts: Facts, since: datetime | None = None) -> Figure:
    """How many changes landed, a day or week each; one that was undone later is counted, too."""
    days = [_day(one.landed_at) for one in facts.landed if one.landed_at]
    first = _day(since) if since else min(days, default=None)
    last = max(days, default=None)
    step = _step(first, last, 14)
    counts = Counter(_begin(day, step) for day in days)
    back = Counter(_begin(_day(one.landed_at), step) for one in facts.landed if one.landed_at and one.taken_back)
    spread = _days(first, last, step) if first and last else []
    return Figure(
        name="landed",
        title=f"Landed a {step}",
        definition="Changes that reached their target branch, or a pull request; those undone later are counted, too.",
        said=f"{_count(len(days), 'change')} landed in {_count(len(spread), step)}." if days else "",
        soon="Nothing landed in this time. Bars appear with the first change that does.",
        shape=Shape.DAYS,
        unit="changes",
        columns=(Column(step.capitalize()), Column("Landed"), Column("Of them undone or reverted")),
        rows=tuple((day, counts[day], back[day]) for day in spread),
        step=step,
    )


def reading(facts: Facts, since: datetime | None = None) -> Figure:
    """Minutes read a day or week: each revision's clock, on the day when it was last read.

    The clock counts only while the page is in sight and in use. The first bar is that of `since`, or of what was first
    read.
    """
    days = [_day(span.at) for span in facts.readings]
    first = _day(since) if since else min(days, default=None)
    step = _step(first, max(days, default=None), DAILY)
    read: defaultdict[date, float] = defaultdict(float)
    counts: Counter[date] = Counter()
    for span in facts.readings:
        read[_begin(_day(span.at), step)] += span.hours * MINUTE
        counts[_begin(_day(span.at), step)] += 1
    last = max(days, default=None)
    shown = _days(first, last, step) if first and last and sum(read.values()) >= GLIMPSE else ()
    rows = [(day, round(read[day], 1), counts[day]) for day in shown]
    busy = [minutes for _, minutes, n in rows if n]
    total, middle = amount(sum(busy), "min"), amount(_median(busy), "min")
    return Figure(
        name="reading",
        title=f"Minutes of reading a {step}",
        definition="Time with a revision's page in sight and in use, on the day when that revision was last read. "
        f"The middle {step} is the median of those with any reading.",
        said=f"{total} of reading in {_count(len(busy), step)}, {middle} in the middle one." if rows else "",
        soon="Nothing was read in this time. Minutes appear with the first change that you read.",
        shape=Shape.DAYS,
        unit="min",
        columns=(Column(step.capitalize()), Column("Read", "min"), Column("Revisions")),
        rows=tuple(rows),
        step=step,
        counted="revisions",
    )


def reading_by(facts: Facts) -> Figure:
    """The median of minutes read per decided change, by agent, kind and size.

    A change counts with the clocks of all its revisions, once it landed or was accepted or abandoned; one that was
    never read does not. Its size is the changed lines of its newest revision that need reading.
    """
    read = [one for one in facts.changes if one.read_minutes > 0]
    rows = [
        *_medians("By agent", read, lambda one: one.agent, lambda one: one.read_minutes),
        *_medians("By kind of task", read, lambda one: one.kind, lambda one: one.read_minutes),
        *_medians("By size", read, _size, lambda one: one.read_minutes, [name for _, name in SIZES]),
    ]
    middle = _median([one.read_minutes for one in read])
    return Figure(
        name="reading-by",
        title="Minutes of reading per change",
        definition="Median, over changes that landed or were accepted or abandoned in this time, of the minutes that "
        "all revisions of a change were read; its size is the changed lines of the newest one that need reading.",
        said=f"{amount(middle, 'min')} to read the middle change{_few(len(read))}." if read else "",
        soon="No change that was read has been decided in this time. This fills with the first that you land.",
        shape=Shape.BARS,
        unit="min",
        columns=(Column("By"), Column("Group"), Column("Median", "min"), Column("Changes")),
        rows=tuple(rows),
    )


def waiting(facts: Facts) -> Figure:
    """Medians, a week each, of both waits: a change for its reader, and the reader for the agent.

    A change waits from its coming to the desk to the verdict, nights and weekends included; the reader waits from
    sending it back to its return. Each wait counts in the week in which it ended.
    """
    you, agent = facts.waits_for_you, facts.waits_for_agent
    yours, theirs = (amount(_median([span.hours for span in some]), "h") for some in (you, agent))
    for_you, for_agent = f"{yours} for you{_few(len(you), 'waits')}", f"{theirs}{_few(len(agent), 'waits')}"
    rows, step = _lines_of([(s.at, s.hours) for s in you], [(s.at, s.hours) for s in agent])
    return Figure(
        name="waiting",
        title="Who waits for whom",
        definition="Median, by the clock on the wall, from a change's coming to the desk to your verdict, and from "
        "your sending it back to its return; each counts when it ended.",
        said=f"A change waits {for_you}, and you wait {for_agent} for an agent's answer." if rows else "",
        soon="Nobody has waited to an end in this time. This fills with your first verdict.",
        shape=Shape.LINES,
        unit="h",
        columns=(
            Column(step.capitalize()),
            Column("Changes wait for you", "h"),
            Column("Waits"),
            Column("You wait for agents", "h"),
            Column("Waits"),
        ),
        rows=rows,
        series=("changes wait for you", "you wait for agents"),
        step=step,
        counted="waits",
    )


def rounds(facts: Facts) -> Figure:
    """How often landed changes were sent back before they landed. Red checks that went back by themselves are none."""
    landed = facts.landed
    counts = Counter(min(one.rounds, MOST_ROUNDS) for one in landed)
    names = {0: "never", 1: "once", 2: "twice", 3: "three times", MOST_ROUNDS: "four times or more"}
    again = sum(one.rounds > 0 for one in landed)
    return Figure(
        name="rounds",
        title="Rounds of rework",
        definition="Changes that landed in this time, by how often you had sent them back before; red checks that went "
        "back without you are not counted.",
        said=_of_landed(again, landed, "had been sent back"),
        soon="Nothing landed in this time. Rounds appear with the first change that does.",
        shape=Shape.BARS,
        unit="changes",
        columns=(Column(""), Column("Sent back"), Column("Changes"), Column("Of")),
        rows=tuple(("", name, counts[number], len(landed)) for number, name in names.items()) if landed else (),
    )


def unmodified(facts: Facts) -> Figure:
    """The share of landed changes that landed as their agent handed them in: never sent back, never edited by hand.

    What Narrows itself made of it on the way, onto a newer target, is no modification; splitting one is.
    """
    landed = facts.landed
    rows, step = _lines_of([(one.landed_at, 100.0 * one.unmodified) for one in landed if one.landed_at], middle=_mean)
    whole = sum(one.unmodified for one in landed)
    return Figure(
        name="unmodified",
        title="Landed as handed in",
        definition="Share of the changes landed in that time that you neither sent back, nor edited, nor split.",
        said=_of_landed(whole, landed, "landed as handed in"),
        soon="Nothing landed in this time. The share appears with the first change that does.",
        shape=Shape.LINES,
        unit="%",
        columns=(Column(step.capitalize()), Column("Landed as handed in", "%"), Column("Landed")),
        rows=rows,
        series=("landed as handed in",),
        step=step,
    )


def survival(facts: Facts) -> Figure:
    """Of the lines that landed at least 1, 7 or 30 days before they were last followed, those still there then.

    A line is there as long as git's blame, following renames, names the landing for it. n is landings; the share is of
    all their lines together. Those that went into a pull request, or were undone, are not followed.
    """
    followed = [one for one in facts.landed if one.lines_landed and one.followed_at and one.undone_at is None]
    rows: list[tuple[Cell, ...]] = []
    for days in AGES:
        old = [one for one in followed if _age(one) >= timedelta(days=days)]
        if old:
            left, added = sum(one.lines_left or 0 for one in old), sum(one.lines_landed or 0 for one in old)
            rows.append(("", f"{_count(days, 'day')} later", round(100 * left / added, 1), len(old)))
    gone = sum(one.taken_back for one in facts.landed)
    landed = len(facts.landed)
    first = (
        f"{amount(rows[0][2], '%')} of lines are still there {rows[0][1]}{_few(len(followed), 'landings')}; "
        if rows
        else ""
    )
    return Figure(
        name="survival",
        title="What stays",
        definition="Of the lines that landed at least so long before they were last followed, the share that the "
        "target still had then, by git's blame and across renames; undone landings and pull requests are left out.",
        said=f"{first}{gone} of {_count(landed, 'landed change')} {'was' if gone == 1 else 'were'} undone or reverted."
        if landed
        else "",
        soon="Lines are followed once they are a day old, whenever this page is opened and the target has moved.",
        shape=Shape.BARS,
        unit="%",
        columns=(Column(""), Column("At least"), Column("Still there", "%"), Column("Landings")),
        rows=tuple(rows),
        counted="landings",
    )


def estimate(facts: Facts) -> Figure:
    """Expected against measured minutes of each change's first revision that was read to a verdict.

    Later revisions are read as what differs since, which the estimate does not foresee. The usual error is the median
    of how far the truth was from the estimate, of the estimate.
    """
    read = facts.estimates
    ratios = [one.took / one.expected for one in read]
    errors = [100 * abs(ratio - 1) for ratio in ratios]
    said = (
        f"Reading takes {_median(ratios):.1f} times what was expected; usually {amount(_median(errors), '%')} off"
        f"{_few(len(read))}."
    )
    return Figure(
        name="estimate",
        title="Expected and true minutes",
        definition="Each dot is the first revision of a change that you read to a verdict: minutes it was expected to "
        "take, and minutes it was read. On the line both are the same.",
        said=said if read else "",
        soon="No revision was read to a verdict in this time. Dots appear with your first verdict.",
        shape=Shape.POINTS,
        unit="min",
        columns=(Column("Change"), Column("Expected", "min"), Column("Read", "min")),
        rows=tuple((f"#{one.change}", one.expected, one.took) for one in read),
    )


def rate(facts: Facts) -> Figure:
    """Changed lines that need reading over hours read: the median over decided changes, a week each."""
    read = [one for one in facts.changes if one.read_minutes > 0.5 and one.lines_to_read and one.decided_at]
    speeds = [(one.decided_at, one.lines_to_read / one.read_minutes * 60) for one in read if one.decided_at]
    rows, step = _lines_of(speeds)
    middle = _median([speed for _, speed in speeds])
    return Figure(
        name="rate",
        title="Lines an hour",
        definition="Median, over changes decided in that time and read for over half a minute, of their newest "
        "revision's changed lines that need reading over the hours that all revisions were read.",
        said=f"You read {amount(middle, 'lines/h')}{_few(len(read))}; defects are found best below 400."
        if read
        else "",
        soon="No change that was read has been decided in this time. The rate appears with the first.",
        shape=Shape.LINES,
        unit="lines/h",
        columns=(Column(step.capitalize()), Column("Rate", "lines/h"), Column("Changes")),
        rows=rows,
        series=("lines an hour",),
        step=step,
    )


def cost(facts: Facts) -> Figure:
    """Cost per landed change by agent: all that its decided changes cost, also those that never landed, over those that
    did. Only in the currency that most changes tell, and only of agents that tell costs.
    """
    told = [one for one in facts.changes if one.cost is not None]
    currencies = Counter(one.currency for one in told).most_common(1)
    currency = currencies[0][0] if currencies else ""
    rows: list[tuple[Cell, ...]] = []
    told = [one for one in told if one.currency == currency]
    for agent, changes in _grouped(told, lambda one: one.agent):
        if landed := sum(one.landed for one in changes):
            rows.append(("", agent, round(sum(one.cost or 0 for one in changes) / landed, 4), landed))
    spent, landed = sum(one.cost or 0 for one in told), sum(one.landed for one in told)
    silent = len(facts.changes) - len(told)
    left_out = f" {_count(silent, 'change')} told no cost." if silent else ""
    return Figure(
        name="cost",
        title="Cost per landed change",
        definition="What the runs of all changes decided in this time cost, as their agents tell it, over how many of "
        "these landed: what was abandoned is paid by what landed.",
        said=f"{amount(round(spent, 2), currency)} for {_count(landed, 'landed change')}{_few(landed)}.{left_out}"
        if rows
        else "",
        soon="No agent has told what a landed change cost in this time. Tokens of every change are in the export.",
        shape=Shape.BARS,
        unit=currency,
        columns=(Column(""), Column("Agent"), Column("Per landed change", currency), Column("Landed")),
        rows=tuple(rows),
    )


def _medians(
    group: str,
    changes: Iterable[ChangeFacts],
    name: Callable[[ChangeFacts], str],
    value: Callable[[ChangeFacts], float],
    order: Sequence[str] = (),
) -> list[tuple[Cell, ...]]:
    found = _grouped(changes, name)
    if order:
        found.sort(key=lambda pair: order.index(pair[0]))
    return [(group, each, round(_median([value(one) for one in some]), 1), len(some)) for each, some in found]


def _grouped(things: Iterable[Thing], name: Callable[[Thing], str]) -> list[tuple[str, list[Thing]]]:
    """By name, those with most first; what is beyond the most that are shown goes together."""
    found: defaultdict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        found[name(thing)].append(thing)
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    if len(ranked) <= MOST_NAMES:
        return ranked
    others = [thing for _, some in ranked[MOST_NAMES - 1 :] for thing in some]
    return [*ranked[: MOST_NAMES - 1], ("others", others)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _median(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _lines_of(
    *series: Sequence[tuple[datetime, float]], middle: Callable[[Sequence[float]], float] = _median
) -> tuple[tuple[tuple[Cell, ...], ...], str]:
    """For each day or week with anything, the middle of each series and of how many; and which of the two it is."""
    moments = [at for some in series for at, _ in some]
    if not moments:
        return (), "week"
    step = _step(_day(min(moments)), _day(max(moments)), 14)
    values: defaultdict[date, list[list[float]]] = defaultdict(lambda: [[] for _ in series])
    for place, some in enumerate(series):
        for at, value in some:
            values[_begin(_day(at), step)][place].append(value)
    rows = []
    for day in sorted(values):
        cells: list[Cell] = [day]
        for some_values in values[day]:
            cells += [round(middle(some_values), 2) if some_values else None, len(some_values)]
        rows.append(tuple(cells))
    return tuple(rows), step


def _day(at: datetime) -> date:
    """The day where the server is."""
    return at.astimezone().date()


def _step(first: date | None, last: date | None, daily: int) -> str:
    return "week" if first and last and (last - first).days >= daily else "day"


def _begin(day: date, step: str) -> date:
    return day - timedelta(days=day.weekday()) if step == "week" else day


def _days(first: date, last: date, step: str) -> list[date]:
    """Every day or week from the first to the last."""
    begin, size = _begin(first, step), 7 if step == "week" else 1
    return [begin + timedelta(days=n) for n in range(0, (last - begin).days + 1, size)]


def _size(one: ChangeFacts) -> str:
    return next(name for most, name in SIZES if one.lines_to_read <= most)


def _age(one: ChangeFacts) -> timedelta:
    assert one.followed_at is not None
    assert one.landed_at is not None
    return one.followed_at - one.landed_at


def _of_landed(part: int, landed: Sequence[ChangeFacts], what: str) -> str:
    """How large a share of them it is, as a sentence; empty where nothing landed."""
    whole = len(landed)
    return f"{_share(part, whole)} of {_count(whole, 'landed change')} {what}{_few(whole)}." if landed else ""


def _share(part: int, whole: int) -> str:
    return amount(100 * part / whole if whole else 0, "%")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _few(number: int, noun: str = "changes") -> str:
    """Said after a figure that is made from too few."""
    if number >= ENOUGH:
        return ""
    return f" (of only {number} {noun.removesuffix('s') if number == 1 else noun})"
