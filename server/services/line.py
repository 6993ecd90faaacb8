"""The landing line: one for each target branch. Several landings of it are proven at the same time, each on top of the
one before it; they move one after the other, in the order of their clicks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto

from sqlmodel import Session

from server.domain.base import now
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.run import SILENT_AFTER
from server.domain.states import LandingState
from server.services import events
from server.services.narrows import Narrows
from server.store import landing_queries


class Stand(Enum):
    """How a landing stands to the one that it is built on."""

    FIRST = auto()  # that one has landed, exactly as it was built on: it may move
    WAITS = auto()  # that one is under way
    FELL = auto()  # that one does not land, or not as it was built on: it has to be built anew
    OVER = auto()  # it is not under way any more itself


def stand(narrows: Narrows, landing_id: int) -> Stand:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return stand_in(db, landing_queries.one(db, landing_id))


def stand_in(db: Session, landing: Landing) -> Stand:
    """The same, within a look at the database."""
    if not landing.under_way:
        return Stand.OVER
    if landing.behind is None:
        return Stand.FIRST
    before = landing_queries.one(db, landing.behind)
    if before.commit != landing.old:
        return Stand.FELL
    if before.under_way:
        return Stand.WAITS
    return Stand.FIRST if before.state is LandingState.LANDED else Stand.FELL


def before(db: Session, landing: Landing) -> Landing | None:
    """The one that a landing comes after, in its line; of a landing that is not in it yet, the last one there."""
    return next(reversed(_in_front(db, landing)), None)


def ahead(narrows: Narrows, landing: Landing) -> list[Landing]:
    """The landings that come before it and are under way, first to land first."""
    with narrows.reading() as db:
        return [each for each in _in_front(db, landing) if each.under_way]


def _in_front(db: Session, landing: Landing) -> list[Landing]:
    line = landing_queries.line(db, landing.target)
    return [each for each in line if not landing.id or each.place < landing.place]


def claim(narrows: Narrows, executor: str) -> list[Landing]:
    """Give `executor` the landings whose turn it is to be proven, and those to be taken back.

    These are the first few of each line, up to one that is to be taken back, which is alone. The caller starts each
    that it is given, under its ticket.
    """
    with narrows.reading() as db:
        if not list(_due(landing_queries.lines(db), narrows.settings.line)):
            return []
    with narrows.transaction() as db:
        claimed = list(_due(landing_queries.lines(db), narrows.settings.line))
        for landing in claimed:
            landing.claim(executor)
            if landing.state is LandingState.QUEUED:
                landing.start()
            events.record(db, Actor.ENGINE, "started", landing)
        return claimed


def _due(lines: Iterable[list[Landing]], width: int) -> Iterator[Landing]:
    for line in lines:
        for place, landing in enumerate(line[:width]):
            if landing.undo_asked and place:
                break
            if landing.executor is None:
                yield landing
            if landing.undo_asked:
                break


def mine(narrows: Narrows, executor: str) -> list[Landing]:
    """Landings that `executor` claimed and has not done with: for its next start."""
    with narrows.reading() as db:
        return landing_queries.of_executor(db, executor)


def take_over(narrows: Narrows, executor: str) -> list[Landing]:
    """Let go of the landings of workers that are silent for too long, to be claimed again."""
    with narrows.reading() as db:
        if not landing_queries.orphaned(db, executor, now() - SILENT_AFTER):
            return []
    with narrows.transaction() as db:
        orphans = landing_queries.orphaned(db, executor, now() - SILENT_AFTER)
        for landing in orphans:
            dead, landing.executor = landing.executor, None
            events.record(db, Actor.ENGINE, "handed_over", landing, dead=dead)
        return orphans
