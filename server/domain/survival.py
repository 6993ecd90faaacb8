"""What became of a landing's lines: how many of them the target still has."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from server.domain.base import Moment, Row, now


class Survival(Row, table=True):
    """A landing's added lines, as followed through history up to `tip`."""

    __tablename__ = "survivals"

    landing_id: int = Field(foreign_key="landings.id", unique=True)
    tip: str  # the target's commit where it was last looked
    added: int  # lines that it brought
    left: int  # of these, those that are still there
    reverted_by: str = ""  # the commit that says that it reverts the landing; empty: none does
    at: datetime = Field(default_factory=now, sa_type=Moment)
