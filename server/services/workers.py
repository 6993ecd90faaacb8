"""Whether anybody is there to do the work."""

from __future__ import annotations

from sqlmodel import Session

from server.domain.base import now
from server.domain.run import SILENT_AFTER
from server.services.narrows import Narrows
from server.store import run_queries


def missing(narrows: Narrows) -> str:
    """The sentence for an engine that is not there; empty where one is at work."""
    with narrows.reading() as db:
        return missing_in(db)


def missing_in(db: Session) -> str:
    """The same, within a look at the database."""
    if run_queries.executors_alive(db, now() - SILENT_AFTER):
        return ""
    return "No engine is running: start `narrows`, or `narrows worker`."
