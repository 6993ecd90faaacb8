"""What came about since some event, for a digest."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from server.domain.change import Change
from server.domain.event import Event
from server.domain.states import ChangeState
from server.store.queries import ON_THE_DESK

CAME = ("presented", "stalled", "asked")  # of changes: they wait for the person then
OUTCOMES = ("landed", "failed", "undone", "undo_failed")  # of landings


def news(db: Session, since: int) -> list[tuple[str, int, str]]:
    """Noun, number and verb of what a digest tells of, after that event, oldest first."""
    told = or_(
        and_(col(Event.noun) == "change", col(Event.verb).in_(CAME)),
        and_(col(Event.noun) == "landing", col(Event.verb).in_(OUTCOMES)),
    )
    wanted = select(Event.noun, Event.noun_id, Event.verb).where(col(Event.id) > since, told)
    return [(noun, number, verb) for noun, number, verb in db.exec(wanted.order_by(col(Event.id)))]


def still_waiting(db: Session, changes: Collection[int]) -> dict[int, ChangeState]:
    """Those of the changes that wait for the person now, with how they stand."""
    waits = and_(col(Change.id).in_(changes), col(Change.state).in_(ON_THE_DESK))
    rows = db.exec(select(Change.id, Change.state).where(waits).order_by(col(Change.id)))
    return {number: ChangeState(state) for number, state in rows}
