"""Work described in words, before and while agents are at it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.states import TASK_MOVES, TaskState, move


class Kind(StrEnum):
    DIRECTED = "directed"  # a change that the person describes
    MAINTENANCE = "maintenance"  # evidence first: upkeep that a tool or an agent finds
    RESEARCH = "research"  # a report, no diff
    REFACTORING = "refactoring"  # the same behaviour, better shape


class Task(Row, table=True):
    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_order", "state", "priority", "id", "project_id"),
        Index("ix_tasks_let_through", "past_budget", "state", "priority"),
    )

    project_id: int = Field(foreign_key="projects.id", index=True)
    title: str
    brief: str = ""  # markdown, as typed
    examples: str = ""  # markdown: what goes in and what should come out
    done_when: str = ""  # markdown: how it is seen that the task is done
    kind: Kind = Field(default=Kind.DIRECTED, sa_type=Word(Kind))
    agent: str  # a built-in or configured agent's name
    rivals: list[str] = Field(
        default_factory=list, sa_type=Json
    )  # further agents, each with a change of its own for it
    past_budget: bool = False  # the person lets it start, whatever waits to be read
    priority: int = 0  # higher goes first
    state: TaskState = Field(default=TaskState.OPEN, sa_type=Word(TaskState), index=True)
    created_at: datetime = Field(default_factory=now, sa_type=Moment)

    def finish(self) -> None:
        """A change for it landed, or its report was accepted."""
        self._become(TaskState.DONE)

    def drop(self) -> None:
        """The person no longer wants it."""
        self._become(TaskState.DROPPED)

    def reopen(self) -> None:
        """Wanted again, after it was dropped or its landing undone."""
        self._become(TaskState.OPEN)

    @property
    def agents(self) -> list[str]:
        """Those that try it, the first one first."""
        return [self.agent, *self.rivals]

    def _become(self, state: TaskState) -> None:
        self.state = move(f"Task {self.id}", TASK_MOVES, self.state, state)


class TaskLink(SQLModel, table=True):
    """`task_id` starts only when `after_id` is done or dropped."""

    __tablename__ = "task_links"

    task_id: int = Field(foreign_key="tasks.id", primary_key=True)
    after_id: int = Field(foreign_key="tasks.id", primary_key=True)
