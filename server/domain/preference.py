"""How the person likes to read: kept on the server, so that every browser of theirs knows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from server.domain.base import Json, Moment, now


class Preference(SQLModel, table=True):
    __tablename__ = "preferences"

    name: str = Field(primary_key=True)  # "view", "whitespace", "keys", …
    value: Any = Field(default=None, sa_type=Json)
    updated_at: datetime = Field(default_factory=now, sa_type=Moment)
