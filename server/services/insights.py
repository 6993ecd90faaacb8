"""How the work goes, from what the record has: facts about each change, read whole, and the figures made from them."""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlmodel import Session

from server.domain.base import now
from server.domain.errors import Invalid, NotFound
from server.domain.event import Actor
from server.domain.insight import ChangeFacts, Estimate, Facts, Figure, Span
from server.domain.review import Verdict
from server.domain.states import ChangeState
from server.domain.usage import TOKENS
from server.services import figures, trends
from server.services.narrows import Narrows
from server.store import insight_queries
from server.store.database import Database

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "all": "All"}
READ = 10.0  # seconds below which a revision was opened, and not read
HOUR = 3600.0
DECIDING = (Verdict.ABANDON.value, Verdict.ACCEPT.value)

Made = TypeVar("Made")


@dataclass(frozen=True)
class Scope:
    """Which part of the record: the last "7", "30" or "90" days or "all", of one project or of all (None)."""

    days: str = "30"
    project_id: int | None = None

    def __post_init__(self) -> None:
        if self.days not in PERIODS:
            raise Invalid("days", f"{self.days!r} is no period.", f"One of: {', '.join(PERIODS)}.")

    @property
    def since(self) -> datetime | None:
        """Where it begins; today is the last of its days, so that none of them is cut."""
        if self.days == "all":
            return None
        today = now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=int(self.days) - 1)


@dataclass
class _Record:
    """What was read from the database in that state, and what was made from it."""

    state: Hashable
    facts: Facts
    made: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        if key not in self.made:
            self.made[key] = make()
        return cast(Made, self.made[key])


_records: WeakKeyDictionary[Database, _Record] = WeakKeyDictionary()


def facts(narrows: Narrows) -> Facts:
    """The whole record. It is read once until something happens: a page, its plots and its tables share it."""
    return _record(narrows).facts


def every(narrows: Narrows, scope: Scope) -> list[Figure]:
    """All figures of that part of the record."""
    record, since = _record(narrows), scope.since
    return record.once(
        ("figures", since, scope.project_id), lambda: figures.all_of(record.facts.of(scope.project_id), since)
    )


def one(narrows: Narrows, name: str, scope: Scope) -> Figure:
    """One of them, by its name.

    Raises:
        NotFound: None is called so.
    """
    made = every(narrows, scope)
    for figure in made:
        if figure.name == name:
            return figure
    raise NotFound(f"There is no figure {name!r}.", f"One of: {', '.join(figure.name for figure in made)}.")


def changes(narrows: Narrows, scope: Scope) -> list[ChangeFacts]:
    """The changes that were decided on in that time, oldest first."""
    return list(facts(narrows).of(scope.project_id).between(scope.since).changes)


def taken_back(narrows: Narrows, scope: Scope) -> list[ChangeFacts]:
    """Of those that landed in that time, what was undone or reverted later, newest first."""
    return [one for one in reversed(changes(narrows, scope)) if one.landed and one.taken_back]


def faster(narrows: Narrows, project_id: int | None = None) -> trends.Answer:
    """Whether the last four weeks were faster than the first four, and how sure that is."""
    record, today = _record(narrows), now().astimezone().date()
    return record.once(("faster", today, project_id), lambda: trends.answer(record.facts.of(project_id), today))


def _record(narrows: Narrows) -> _Record:
    with narrows.reading() as db:
        state = insight_queries.state(db)
        kept = _records.get(narrows.database)
        if kept is None or kept.state != state:
            with _uncollected():
                kept = _records[narrows.database] = _Record(state, _load(db))
    return kept


@contextmanager
def _uncollected() -> Iterator[None]:
    """For the moment in which many rows come to be, none of them in a circle: looking for circles among them, again and
    again, takes as long as all the rest.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _load(db: Session) -> Facts:
    revisions, verdicts = insight_queries.revisions(db), insight_queries.verdicts(db)
    clocks = insight_queries.clocks(db)
    moments = insight_queries.moments(db)
    changes = insight_queries.changes(db)
    projects = {row[0]: row[3] for row in changes}
    came: defaultdict[int, list[datetime]] = defaultdict(list)
    for verb, number, at in moments:
        if verb in insight_queries.CAME:
            came[number].append(at)
    undone = {number: at for verb, number, at in moments if verb == "undone"}
    for_you = [
        Span(at, change, projects[change], hours) for change, at, hours in _waits(came, verdicts) if change in projects
    ]
    for_agent = list(_waits_for_agent(came, verdicts, projects))
    told = _Told(revisions, clocks, verdicts, insight_queries.runs(db), for_you, for_agent)
    landings = {change: (number, ended) for number, change, ended in insight_queries.landings(db)}
    survivals = {row[0]: row[1:] for row in insight_queries.survivals(db)}
    made = tuple(_change(row, told, landings.get(row[0]), undone, survivals) for row in changes)
    of_revision = {row[0]: row for row in revisions}
    readings = tuple(
        Span(at, change := of_revision[number][1], projects[change], seconds / HOUR) for number, seconds, at in clocks
    )
    return Facts(made, readings, tuple(for_you), tuple(for_agent), tuple(_estimates(told, projects)))


class _Told:
    """What the tables say of each change, put together by its number."""

    def __init__(
        self,
        revisions: insight_queries.Rows,
        clocks: insight_queries.Rows,
        verdicts: insight_queries.Rows,
        runs: insight_queries.Rows,
        for_you: Iterable[Span],
        for_agent: Iterable[Span],
    ) -> None:
        self.seconds = {number: seconds for number, seconds, _ in clocks}
        self.revisions: defaultdict[int, list[Any]] = defaultdict(list)
        for row in revisions:
            self.revisions[row[1]].append(row)
        self.verdicts: defaultdict[int, list[Any]] = defaultdict(list)
        for row in verdicts:
            self.verdicts[row[0]].append(row)
        self.runs: defaultdict[int, list[Any]] = defaultdict(list)
        for row in runs:
            self.runs[row[0]].append(row)
        self.for_you, self.for_agent = _sums(for_you), _sums(for_agent)


def _sums(spans: Iterable[Span]) -> defaultdict[int, float]:
    summed: defaultdict[int, float] = defaultdict(float)
    for span in spans:
        summed[span.change] += span.hours
    return summed


def _change(
    row: Any,
    told: _Told,
    landing: tuple[int, datetime] | None,
    undone: dict[int, datetime],
    survivals: dict[int, Any],
) -> ChangeFacts:
    number, task, title, project_id, project, agent, kind, state, began, part_of = row
    revisions, verdicts = told.revisions[number], told.verdicts[number]
    newest = revisions[-1] if revisions else None
    landing_id, landed_at = landing or (None, None)
    cost, currency, tokens = _cost(told.runs[number])
    added, left, reverted_by, followed_at = survivals.get(landing_id or 0, (None, None, "", None))
    return ChangeFacts(
        change=number,
        task=task,
        title=title,
        project_id=project_id,
        project=project,
        agent=agent,
        kind=kind,
        state=state,
        began_at=began,
        decided_at=landed_at or _decided(verdicts, state),
        landed_at=landed_at,
        landing=landing_id,
        undone_at=undone.get(landing_id) if landing_id else None,
        reverted_by=reverted_by,
        revisions=len(revisions),
        rounds=sum(verdict == Verdict.REQUEST_CHANGES.value for _, _, verdict, _ in verdicts),
        edited=any(made_by == Actor.YOU.value for _, _, n, made_by, *_ in revisions if part_of is None or n > 1),
        additions=newest[4] if newest else 0,
        deletions=newest[5] if newest else 0,
        lines_to_read=_lines(newest) if newest else 0,
        expected_minutes=round(newest[7], 2) if newest else 0.0,
        read_minutes=round(sum(told.seconds.get(revision[0], 0.0) for revision in revisions) / 60, 2),
        waited_for_you_hours=round(told.for_you[number], 3),
        waited_for_agent_hours=round(told.for_agent[number], 3),
        worked_hours=round(sum((end - start).total_seconds() for _, start, end, _ in told.runs[number]) / HOUR, 3),
        cost=cost,
        currency=currency,
        tokens=tokens,
        lines_landed=added,
        lines_left=left,
        followed_at=followed_at,
    )


def _decided(verdicts: list[Any], state: str) -> datetime | None:
    """When one that never landed was given up or accepted; None while it may still land."""
    if state not in (ChangeState.ABANDONED.value, ChangeState.ACCEPTED.value):
        return None
    return next((at for _, _, verdict, at in reversed(verdicts) if verdict in DECIDING), None)


def _lines(revision: Any) -> int:
    """Changed lines that need reading; of a revision from before they were counted, all that changed."""
    return int(revision[6] or revision[4] + revision[5])


def _cost(runs: list[Any]) -> tuple[float | None, str, int]:
    """What a change's runs cost, in the currency of the first that told it, and their tokens."""
    cost: float | None = None
    currency, tokens = "", 0
    for _, _, _, usage in runs:
        tokens += sum(int(usage.get(name) or 0) for name in TOKENS)
        if usage.get("cost") is not None:
            currency = currency or str(usage.get("currency", "USD"))
            if usage.get("currency", "USD") == currency:
                cost = round((cost or 0.0) + float(usage["cost"]), 6)
    return cost, currency, tokens


def _waits(came: dict[int, list[datetime]], verdicts: insight_queries.Rows) -> Iterator[tuple[int, datetime, float]]:
    """(change, when it was over, hours) of each wait for the person, from the first coming to the desk after the
    verdict before; what still waits is none yet.
    """
    before: dict[int, datetime] = {}
    for change, _, _, at in verdicts:
        since = _next(came.get(change, []), before.get(change))
        before[change] = at
        if since is not None and since <= at:
            yield change, at, (at - since).total_seconds() / HOUR


def _waits_for_agent(
    came: dict[int, list[datetime]], verdicts: insight_queries.Rows, projects: dict[int, int]
) -> Iterator[Span]:
    """From each sending back to the change's next coming to the desk, with a revision or a reason why there is none."""
    for change, _, verdict, at in verdicts:
        if verdict == Verdict.REQUEST_CHANGES.value and (back := _next(came.get(change, []), at)) is not None:
            yield Span(back, change, projects[change], (back - at).total_seconds() / HOUR)


def _next(moments: list[datetime], after: datetime | None) -> datetime | None:
    """The first of these after that one; the first of all without one."""
    place = bisect_left(moments, after) if after else 0
    return moments[place] if place < len(moments) else None


def _estimates(told: _Told, projects: dict[int, int]) -> Iterator[Estimate]:
    """Of each change the first revision that was read to a verdict: later ones are read as what differs since."""
    judged = {revision: at for verdicts in told.verdicts.values() for _, revision, _, at in reversed(verdicts)}
    for change, revisions in told.revisions.items():
        for number, _, _, _, _, _, _, minutes in revisions:
            if (took := told.seconds.get(number, 0.0)) >= READ:
                if number in judged and minutes > 0:
                    yield Estimate(judged[number], change, projects[change], round(minutes, 2), round(took / 60, 2))
                break
