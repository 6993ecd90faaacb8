"""How quickly the person reads, measured: lines an hour by kind of task, and how far off the estimates were."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.change import LINES_AN_HOUR, MINUTES_A_FILE
from server.domain.task import Kind
from server.services.narrows import Narrows
from server.store import budget_queries, queries
from server.store.budget_queries import Reading

NEWEST = 50  # decided revisions that the pace is taken from
PRIOR_LINES = 200  # that count as read at the usual pace before anything was measured
SLOWEST, QUICKEST = 40.0, 6000.0  # lines an hour: beyond them it was not reading that the clock has measured


@dataclass(frozen=True)
class Pace:
    """How quickly changes of one kind are read."""

    kind: Kind
    lines_an_hour: float
    changes: int  # that it was measured on


@dataclass(frozen=True)
class Paces:
    """Those of every kind that was measured, and how far estimates were off.

    `error`: the median of |estimate - truth| / truth over `changes`; None where nothing was decided yet.
    """

    kinds: list[Pace]
    changes: int
    error: float | None


def of_change(db: Session, change_id: int) -> float:
    """At how many lines an hour a change of that kind is read."""
    kind = queries.task(db, queries.change(db, change_id).task_id).kind
    return lines_an_hour(budget_queries.readings(db, NEWEST, kind))


def lines_an_hour(readings: Sequence[Reading]) -> float:
    """The pace that these readings show: their lines over their time, less half a minute for each file.

    With few of them it stays near `LINES_AN_HOUR`: they are added to `PRIOR_LINES` lines read at that pace. What has no
    line to read, or came with a report, says nothing about lines.
    """
    told = [each for each in readings if each.lines and not each.is_report]
    lines = PRIOR_LINES + sum(each.lines for each in told)
    minutes = sum(each.seconds / 60 - each.files * MINUTES_A_FILE for each in told)
    hours = PRIOR_LINES / LINES_AN_HOUR + max(0.0, minutes) / 60
    return min(QUICKEST, max(SLOWEST, lines / hours))


def error(readings: Sequence[Reading]) -> float | None:
    """How far off the estimates were in the middle, as a share of how long reading really took."""
    shares = [abs(each.minutes * 60 - each.seconds) / each.seconds for each in readings]
    return statistics.median(shares) if shares else None


def measured(narrows: Narrows) -> Paces:
    """The person's paces as they stand."""
    with narrows.reading() as db:
        read = {kind: budget_queries.readings(db, NEWEST, kind) for kind in Kind}
        newest = budget_queries.readings(db, NEWEST)
    kinds = [Pace(kind, lines_an_hour(found), _counted(found)) for kind, found in read.items() if _counted(found)]
    return Paces(kinds, len(newest), error(newest))


def _counted(readings: Sequence[Reading]) -> int:
    return sum(bool(each.lines) and not each.is_report for each in readings)
