"""An agent that the person configured; the built-in ones are in `server.agents.builtin`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, SQLModel

from server.domain.base import Json, Moment, now


class Agent(SQLModel, table=True):
    __tablename__ = "agents"

    name: str = Field(primary_key=True)
    family: str  # "command" or "acp"
    argv: list[str] = Field(sa_type=Json)
    env: dict[str, str] = Field(default_factory=dict, sa_type=Json)  # "$NAME" takes the server's own
    mode: str = ""  # ACP session mode; empty: the agent's default
    description: str = ""
    built_in: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=Moment)


@dataclass(frozen=True, slots=True)
class Found:
    """Where an agent's program is and which version it says it has; None: not found, or it does not say."""

    path: str | None
    version: str | None
