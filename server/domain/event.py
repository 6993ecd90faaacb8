"""Who did what to what, when. Written in the transaction of the move itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now


class Actor(StrEnum):
    YOU = "you"
    AGENT = "agent"
    ENGINE = "engine"


class Event(Row, table=True):
    __tablename__ = "events"

    at: datetime = Field(default_factory=now, sa_type=Moment)
    actor: Actor = Field(sa_type=Word(Actor))
    verb: str  # past tense: "filed", "started", "landed"
    noun: str  # "task", "change", "run", "landing", "project", "check"
    noun_id: int = Field(index=True)
    project_id: int | None = Field(default=None, index=True)
    change_id: int | None = Field(default=None, index=True)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
