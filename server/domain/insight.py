"""What the record says about how the work goes: facts about each change, and figures made from many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

ENOUGH = 5  # changes or times below which a figure says how few it is made from

Cell = str | int | float | date | None


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """All that is known of one change; a row of the export. Times are UTC, `hours` and `minutes` are durations."""

    change: int
    task: int
    title: str
    project_id: int
    project: str
    agent: str
    kind: str
    state: str
    began_at: datetime
    decided_at: datetime | None  # landed, accepted or abandoned; None: not yet
    landed_at: datetime | None  # once landed it has that, also where it was taken back later
    landing: int | None
    undone_at: datetime | None
    reverted_by: str  # the target's commit that says so
    revisions: int
    rounds: int  # how often the person sent it back
    edited: bool  # the person changed it by hand
    additions: int  # of its newest revision
    deletions: int
    lines_to_read: int
    expected_minutes: float
    read_minutes: float
    waited_for_you_hours: float
    waited_for_agent_hours: float
    worked_hours: float  # its agent's runs
    cost: float | None  # None: no run told it
    currency: str
    tokens: int
    lines_landed: int | None  # None: nobody has followed them
    lines_left: int | None
    followed_at: datetime | None

    @property
    def landed(self) -> bool:
        return self.landed_at is not None

    @property
    def taken_back(self) -> bool:
        """Undone by the person, or reverted by a later commit."""
        return self.undone_at is not None or bool(self.reverted_by)

    @property
    def unmodified(self) -> bool:
        """Landed as its agent handed it in at first."""
        return self.landed and not self.rounds and not self.edited


@dataclass(frozen=True, slots=True)
class Span:
    """A time that something took: when it ended, of which change, and how long."""

    at: datetime
    change: int
    project_id: int
    hours: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long reading a revision was expected to take, and how long it took, in minutes."""

    at: datetime
    change: int
    project_id: int
    expected: float
    took: float


@dataclass(frozen=True)
class Facts:
    """The whole record, as far as figures are made from it; oldest first."""

    changes: tuple[ChangeFacts, ...] = ()
    readings: tuple[Span, ...] = ()  # each revision's, at the moment when it was last read
    waits_for_you: tuple[Span, ...] = ()  # from a change's coming to the desk to the person's verdict
    waits_for_agent: tuple[Span, ...] = ()  # from sending back to the change's return
    estimates: tuple[Estimate, ...] = ()

    def of(self, project_id: int | None) -> Facts:
        """Those of one project; None: of all."""
        if project_id is None:
            return self
        return Facts(
            tuple(one for one in self.changes if one.project_id == project_id),
            _in(project_id, self.readings),
            _in(project_id, self.waits_for_you),
            _in(project_id, self.waits_for_agent),
            tuple(one for one in self.estimates if one.project_id == project_id),
        )

    def between(self, since: datetime | None, until: datetime | None = None) -> Facts:
        """What happened from `since` on and before `until`: changes that were decided on, times that ended."""

        def within(at: datetime | None) -> bool:
            return at is not None and (since is None or at >= since) and (until is None or at < until)

        if since is None and until is None:
            return replace(self, changes=tuple(one for one in self.changes if one.decided_at))
        return Facts(
            tuple(one for one in self.changes if within(one.decided_at)),
            tuple(one for one in self.readings if within(one.at)),
            tuple(one for one in self.waits_for_you if within(one.at)),
            tuple(one for one in self.waits_for_agent if within(one.at)),
            tuple(one for one in self.estimates if within(one.at)),
        )

    @property
    def landed(self) -> list[ChangeFacts]:
        return [one for one in self.changes if one.landed]


def _in(project_id: int, spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(span for span in spans if span.project_id == project_id)


class Shape(StrEnum):
    """How a figure is drawn, and so what its rows are."""

    DAYS = "days"  # bars over time: (first day, value, n)
    LINES = "lines"  # medians over time: (first day, value, n, value, n, …), a pair for each of its series
    BARS = "bars"  # bars below each other: (group, name, value, n)
    POINTS = "points"  # one thing against another: (name, across, up)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    unit: str = ""


@dataclass(frozen=True)
class Figure:
    """A measured thing: its exact definition, its table, and how it is drawn.

    `said` is the main figure as a sentence; `soon` says what will be here, and when, where there are no rows.
    """

    name: str  # in addresses
    title: str
    definition: str
    said: str
    soon: str
    shape: Shape
    unit: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    series: tuple[str, ...] = ()  # of LINES, in the order of their pairs
    step: str = ""  # of DAYS and LINES: "day" or "week"
    counted: str = "changes"  # what its numbers n count

    @property
    def scarce(self) -> bool:
        """Whether any of it is made from fewer than it should be."""
        places = {Shape.DAYS: (), Shape.BARS: (3,), Shape.POINTS: ()}.get(self.shape, range(2, len(self.columns), 2))
        if self.shape is Shape.POINTS:
            return 0 < len(self.rows) < ENOUGH
        return any(isinstance(n := row[place], int) and 0 < n < ENOUGH for row in self.rows for place in places)


def amount(value: Cell, unit: str) -> str:
    """A cell as a person reads it: 12 min, 3.5 h, 83 %, $0.42."""
    if value is None:
        return "–"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    if isinstance(value, str):
        return value
    value = float(value)
    match unit:
        case "":
            return f"{value:,.0f}" if value.is_integer() else f"{value:,.1f}"
        case "min" if value >= 120:
            return f"{_short(value / 60)} h"
        case "h" if value >= 48:
            return f"{_short(value / 24)} days"
        case "h" if 0 < value < 1:
            return f"{max(1, round(value * 60))} min"
        case "%" | "lines/h":
            return f"{value:,.0f} {unit}"
        case "USD":
            return f"${value:,.2f}"
        case "min" | "h":
            return f"{_short(value)} {unit}"
        case _:
            return f"{_short(value)} {unit}"


def _short(value: float) -> str:
    tenths = round(value, 1)
    return f"{tenths:,.1f}" if tenths < 10 and not tenths.is_integer() else f"{tenths:,.0f}"
