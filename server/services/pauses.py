"""Agents that start nothing new because their model's limit is reached."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, select

from server.domain.agent import Pause
from server.domain.base import now
from server.domain.event import Actor, Event
from server.domain.run import Run
from server.domain.states import RunState
from server.services import events
from server.services.narrows import Narrows

UNTOLD = timedelta(minutes=5)  # how long a limit is taken to last when nobody says
LONGEST = timedelta(days=8)  # longer than any provider's window: what is said beyond it is not believed


def every(narrows: Narrows) -> list[Pause]:
    """The agents that are paused now."""
    with narrows.reading() as db:
        return standing(db)


def standing(db: Session) -> list[Pause]:
    """The same in a session that is open."""
    return list(db.exec(select(Pause).order_by(Pause.agent)))


def sentence(pause: Pause) -> str:
    """Why nothing starts with that agent, and until when."""
    return f"{pause.agent} starts nothing until {pause.until:%Y-%m-%d %H:%M} UTC: its model's limit is reached."


def holding(db: Session, run: Run | None) -> str:
    """Why a run that waits does not start, if that is its agent's pause; empty otherwise. In a session that is open."""
    waits = run is not None and run.state is RunState.QUEUED and run.executor is None
    found = db.get(Pause, run.agent) if run is not None and waits else None
    return sentence(found) if found else ""


def held_up(narrows: Narrows, run: Run) -> str:
    """The same in a session of its own."""
    with narrows.reading() as db:
        return holding(db, run)


def begin(db: Session, agent: str, until: datetime | None, why: str) -> Pause:
    """Pause an agent until its limit is lifted, if that is not known to last longer already. Inside the caller's
    transaction.
    """
    moment = min(until or now() + UNTOLD, now() + LONGEST)
    known = db.get(Pause, agent)
    if known and until is None and known.until > moment:
        return known
    return db.merge(Pause(agent=agent, until=moment, why=why))


def end(narrows: Narrows, agent: str) -> None:
    """The person wants it used all the same."""
    with narrows.transaction() as db:
        if found := db.get(Pause, agent):
            _end(db, found, Actor.YOU)


def lift(narrows: Narrows) -> None:
    """End the pauses that are over."""
    with narrows.reading() as db:
        if not db.exec(select(Pause).where(Pause.until <= now())).first():
            return
    with narrows.transaction() as db:
        for found in db.exec(select(Pause).where(Pause.until <= now())).all():
            _end(db, found, Actor.ENGINE)


def _end(db: Session, pause: Pause, actor: Actor) -> None:
    db.delete(pause)
    events.note(db, Event(actor=actor, verb="resumed", noun="agent", noun_id=0, data={"agent": pause.agent}))
