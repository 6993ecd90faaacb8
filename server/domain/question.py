"""What an agent asks to be allowed, and the person's answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Field

from server.domain.base import Moment, Row, Word, now
from server.domain.errors import WrongState
from server.domain.states import QUESTION_MOVES, RELOAD, QuestionState, move

UNANSWERED = (QuestionState.OPEN, QuestionState.WAITING)

# Kinds of tool that a project has a permission for, and what an agent asks when it wants to use one.
TOOLS = {
    "read": "read",
    "search": "search",
    "edit": "edit",
    "delete": "delete",
    "move": "move",
    "execute": "run",
    "fetch": "fetch",
    "other": "use",
}


class Question(Row, table=True):
    __tablename__ = "questions"

    run_id: int = Field(foreign_key="runs.id", index=True)
    change_id: int = Field(foreign_key="changes.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    tool: str  # the kind of tool: one of TOOLS, or what else the agent calls it
    title: str  # in the agent's words
    detail: str = ""  # the command or the paths that it names
    state: QuestionState = Field(default=QuestionState.OPEN, sa_type=Word(QuestionState), index=True)
    whole_run: bool = False  # the answer holds for every wish of this kind in the rest of the run
    asked_at: datetime = Field(default_factory=now, sa_type=Moment)
    waits_until: datetime = Field(sa_type=Moment)  # until then the run keeps its slot
    answered_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def unanswered(self) -> bool:
        return self.state in UNANSWERED

    @property
    def subject(self) -> str:
        """What the wish is about: what it names, or else the agent's words for it."""
        return self.detail or self.title

    @property
    def words(self) -> str:
        """The agent's words for it, where they say more than what it names."""
        said, named = (" ".join(text.split()) for text in (self.title, self.detail))
        return "" if not named or named in said else self.title

    def answer(self, *, allowed: bool, whole_run: bool = False) -> None:
        """Raises: WrongState, where an answer was given before or none is needed any more."""
        if not self.unanswered:
            past = "is not asked any more" if self.state is QuestionState.WITHDRAWN else f"was {self.state} already"
            raise WrongState(f"Question {self.id} {past}.", RELOAD)
        moment = now()
        if self.state is QuestionState.OPEN:
            self.waits_until = max(self.waits_until, moment)
        else:
            moment = max(moment, self.waits_until + timedelta(microseconds=1))
        self._become(QuestionState.ALLOWED if allowed else QuestionState.REFUSED)
        self.whole_run = whole_run
        self.answered_at = moment

    def outlast(self) -> None:
        """Its run waits no longer; the answer, when it comes, starts another."""
        self._become(QuestionState.WAITING)
        self.waits_until = min(self.waits_until, now())

    @property
    def answered_late(self) -> bool:
        """Whether its run had stopped waiting when the answer came."""
        return self.answered_at is not None and self.answered_at > self.waits_until

    def withdraw(self) -> None:
        """Nothing depends on the answer any more."""
        self._become(QuestionState.WITHDRAWN)

    def _become(self, state: QuestionState) -> None:
        self.state = move(f"Question {self.id}", QUESTION_MOVES, self.state, state)
