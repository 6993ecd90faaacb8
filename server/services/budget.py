"""Back-pressure: what waits for the reader, in minutes, and whether that pauses new tasks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from server.services.narrows import Narrows
from server.store import queries, run_queries


@dataclass(frozen=True)
class Budget:
    """`minutes` that may wait (0: no limit), what waits, and whether new tasks are paused by it."""

    minutes: int
    waiting_minutes: float
    waiting_changes: int
    paused: bool


def state(narrows: Narrows, db: Session) -> Budget:
    """The budget as it stands."""
    changes, minutes = queries.waiting(db)
    limit = narrows.settings.budget
    return Budget(limit, round(minutes, 1), changes, bool(limit) and minutes >= limit)


def pause(narrows: Narrows, db: Session) -> str:
    """Why new tasks are paused, as a sentence; empty when they are not."""
    now = state(narrows, db)
    if not now.paused:
        return ""
    waiting = f"{now.waiting_changes} waiting, about {now.waiting_minutes:.0f} min to read"
    return f"{waiting}; your budget is {now.minutes} min. Paused."


def full(narrows: Narrows, db: Session, project_id: int) -> str:
    """Which limit on agents is reached, as a sentence; empty when none is."""
    at_work = run_queries.admitted_by_project(db)
    if sum(at_work.values()) >= narrows.settings.agents:
        return f"All {narrows.settings.agents} agents are at work."
    limit = queries.project(db, project_id).agents_limit
    if at_work.get(project_id, 0) >= limit:
        return f"All {limit} agents of this project are at work."
    return ""
