"""What an agent asks to be allowed, and the person's answer."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from server.domain.base import Moment, Row, Word, now
from server.domain.states import QUESTION_MOVES, QuestionState, move


class Question(Row, table=True):
    __tablename__ = "questions"

    run_id: int = Field(foreign_key="runs.id", index=True)
    change_id: int = Field(foreign_key="changes.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    tool: str  # the kind of tool: read, edit, delete, move, search, execute, think, fetch, other
    title: str  # in the agent's words
    detail: str = ""  # the command or the paths that it names
    state: QuestionState = Field(default=QuestionState.OPEN, sa_type=Word(QuestionState), index=True)
    whole_run: bool = False  # the answer holds for every wish of this kind in the rest of the run
    asked_at: datetime = Field(default_factory=now, sa_type=Moment)
    waits_until: datetime = Field(sa_type=Moment)  # until then the run keeps its slot
    answered_at: datetime | None = Field(default=None, sa_type=Moment)

    def answer(self, *, allowed: bool, whole_run: bool = False) -> None:
        self._become(QuestionState.ALLOWED if allowed else QuestionState.REFUSED)
        self.whole_run = whole_run
        self.answered_at = now()

    def outlast(self) -> None:
        """Its run has ended without an answer; the answer, when it comes, starts another."""
        self._become(QuestionState.WAITING)

    def withdraw(self) -> None:
        """Nothing depends on the answer any more."""
        self._become(QuestionState.WITHDRAWN)

    def _become(self, state: QuestionState) -> None:
        self.state = move(f"Question {self.id}", QUESTION_MOVES, self.state, state)
