"""The record of who did what. `record` is called inside the transaction of the move."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from server.domain.base import Row
from server.domain.change import Change
from server.domain.event import Actor, Event
from server.domain.project import Project
from server.services.narrows import Narrows
from server.store import queries


def record(db: Session, actor: Actor, verb: str, thing: Row, **data: Any) -> Event:
    """Write down that `actor` did `verb` (past tense) to `thing`."""
    db.add(thing)
    db.flush()
    event = Event(
        actor=actor,
        verb=verb,
        noun=type(thing).__name__.lower(),
        noun_id=thing.id,
        project_id=thing.id if isinstance(thing, Project) else getattr(thing, "project_id", None),
        change_id=thing.id if isinstance(thing, Change) else getattr(thing, "change_id", None),
        data=data,
    )
    return note(db, event)


def note(db: Session, event: Event) -> Event:
    """Write an event down; it is published once the transaction is committed."""
    db.add(event)
    db.info.setdefault("events", []).append(event)
    return event


def since(narrows: Narrows, event_id: int, limit: int = 1000) -> list[Event]:
    """Events after number `event_id`, oldest first."""
    with narrows.reading() as db:
        return queries.events_since(db, event_id, limit)


def last_id(narrows: Narrows) -> int:
    """The newest event's number, 0 when there is none."""
    with narrows.reading() as db:
        return queries.last_event_id(db)


def of_change(narrows: Narrows, change_id: int) -> list[Event]:
    """A change's own history, oldest first."""
    with narrows.reading() as db:
        return queries.events_of_change(db, change_id)
