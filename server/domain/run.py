"""One execution of an agent: a first turn or a follow-up. It yields at most one revision."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.states import RUN_MOVES, RunState, move
from server.domain.trouble import Trouble

SILENT_AFTER = timedelta(seconds=30)  # a worker not heard from for so long is dead


class Reason(StrEnum):
    FIRST = "first"  # the task itself
    REVIEW = "review"  # the person sent the change back
    CHECKS = "checks"  # a check was red
    RETRY = "retry"  # the last run came to nothing
    ANSWER = "answer"  # a question was answered after its run had ended
    SPLIT = "split"  # what came is more than one reading can judge: keep a part of it, and list the rest


class Run(Row, table=True):
    __tablename__ = "runs"

    change_id: int = Field(foreign_key="changes.id", index=True)
    task_id: int = Field(foreign_key="tasks.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    reason: Reason = Field(default=Reason.FIRST, sa_type=Word(Reason))
    agent: str
    prompt: str  # markdown, whole, as the agent gets it
    onto: str = ""  # the target's commit that its worktree is brought onto before it starts; empty: it stays
    state: RunState = Field(default=RunState.QUEUED, sa_type=Word(RunState), index=True)
    attempt: int = 1
    executor: str | None = None  # who admitted it; None: waits for admission
    ticket: str = ""  # the name of its workflow in the engine, new with each admission
    error: str = ""  # why it failed, as a sentence
    trouble: Trouble | None = Field(default=None, sa_type=Word(Trouble))  # why it failed, by name
    resets_at: datetime | None = Field(default=None, sa_type=Moment)  # when the model's limit is lifted, if it was said
    summary: str = ""  # the agent's last message
    usage: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # this run's tokens by name, cost, currency
    session_usage: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # the whole conversation's, where told
    driven_by: str = ""  # the program and its version, as found when the run started
    confined_by: str = ""  # what confined it; empty: nothing did
    continued: bool | None = None  # whether the conversation before it was; None: there was none
    quiet_since: datetime | None = Field(default=None, sa_type=Moment)  # not a word since then, for some minutes
    last_line: str = ""  # the last thing heard from the agent
    stop_asked: bool = False
    queued_at: datetime = Field(default_factory=now, sa_type=Moment)
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def over(self) -> bool:
        return not RUN_MOVES[self.state]

    @property
    def seconds(self) -> float | None:
        """Seconds at work so far, or None before the start."""
        return ((self.ended_at or now()) - self.started_at).total_seconds() if self.started_at else None

    def start(self) -> None:
        self._become(RunState.RUNNING)
        self.started_at = now()

    def end(self, state: RunState, error: str = "") -> None:
        self._become(state)
        self.error = error
        self.ended_at = now()

    def hand_over(self) -> None:
        """Its worker died: another attempt, which fences out the one before."""
        if self.state is not RunState.QUEUED:
            self._become(RunState.QUEUED)
        self.attempt += 1
        self.executor = None
        self.started_at = None

    def _become(self, state: RunState) -> None:
        self.state = move(f"Run {self.id}", RUN_MOVES, self.state, state)


class Executor(SQLModel, table=True):
    """A process that works on runs, and when it was last heard from."""

    __tablename__ = "executors"

    id: str = Field(primary_key=True)
    host: str
    pid: int
    heard_at: datetime = Field(default_factory=now, sa_type=Moment)
