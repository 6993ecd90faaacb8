"""Selects for what is found by looking at a revision in the background."""

from __future__ import annotations

from sqlmodel import Session, select

from server.domain.risk import Counterproof, Coverage


def coverage(db: Session, revision_id: int) -> Coverage | None:
    """None: its checks left no data about it."""
    return db.exec(select(Coverage).where(Coverage.revision_id == revision_id)).first()


def counterproof(db: Session, revision_id: int) -> Counterproof | None:
    """None: nothing is known of its tests on the code before."""
    return db.exec(select(Counterproof).where(Counterproof.revision_id == revision_id)).first()
