"""Watches every transaction: whoever moves a thing writes down that it moved, in the same breath."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from sqlalchemy import event, inspect
from sqlmodel import Session

from server.domain.change import Change
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.run import Run
from server.domain.task import Task

MOVING = (Task, Change, Run, Landing, Check)


class Witness:
    """Used as a context; `silent` lists the moves that were committed without an event of their own."""

    def __init__(self) -> None:
        self.silent: list[str] = []

    def __enter__(self) -> Witness:
        event.listen(Session, "before_flush", self._see)
        event.listen(Session, "after_commit", self._compare)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.remove(Session, "before_flush", self._see)
        event.remove(Session, "after_commit", self._compare)

    def _see(self, session: Session, _context: Any, _instances: Any) -> None:
        for thing in [*session.new, *session.dirty]:
            planned = isinstance(thing, Check) and thing in session.new
            if isinstance(thing, MOVING) and inspect(thing).attrs.state.history.added and not planned:
                session.info.setdefault("moved", []).append(thing)

    def _compare(self, session: Session) -> None:
        events = session.info.get("events", [])
        told = {(event.noun, event.noun_id) for event in events}
        told |= {("change", event.change_id) for event in events}  # its run's or landing's event tells of it
        for thing in session.info.get("moved", []):
            if (type(thing).__name__.lower(), thing.id) not in told:
                self.silent.append(f"{type(thing).__name__} {thing.id} became {thing.state}; told: {sorted(told)}")
