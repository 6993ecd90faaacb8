"""An agent that the person configured; the built-in ones are in `server.agents.builtin`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.trouble import Trouble


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


class Pause(SQLModel, table=True):
    """An agent that starts nothing until its model's limit is lifted."""

    __tablename__ = "pauses"

    agent: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Moment)
    why: str


class TrialState(StrEnum):
    RUNNING = "running"
    WORKS = "works"  # it did what it was asked
    FAILS = "fails"
    BROKEN_OFF = "broken_off"  # the server ended before it


class Trial(Row, table=True):
    """A tiny task for an agent in a scratch repository, to see whether it works on this machine."""

    __tablename__ = "trials"

    agent: str = Field(index=True)
    state: TrialState = Field(default=TrialState.RUNNING, sa_type=Word(TrialState))
    trouble: Trouble | None = Field(default=None, sa_type=Word(Trouble))
    sentence: str = ""  # what happened
    driven_by: str = ""
    confined_by: str = ""
    usage: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    started_at: datetime = Field(default_factory=now, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def seconds(self) -> float | None:
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    def end(self, state: TrialState, sentence: str, trouble: Trouble | None = None) -> None:
        self.state, self.sentence, self.trouble, self.ended_at = state, sentence, trouble, now()


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of an agent on this machine without asking its model anything.

    `path` and `version` of the program that would be started; None: not found, or it does not say. `way` is how it
    would be driven ("adapter", "native"), `login` whether it is logged in (None: can't be known), `clue` by what that
    is known. `problem` says what is missing or too old, `step` what to do about it.
    """

    path: str | None
    version: str | None
    way: str = ""
    login: bool | None = None
    clue: str = ""
    problem: str = ""
    step: str = ""
