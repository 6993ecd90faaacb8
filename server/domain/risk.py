"""How much attention a revision deserves, with the reasons; and what else was found by looking at it in the background.

A revision's `Risk` is written last: a revision that has one was looked at whole.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.states import CheckState


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Risk(Row, table=True):
    """It never lands or stops anything by itself."""

    __tablename__ = "risks"

    revision_id: int = Field(foreign_key="revisions.id", unique=True)
    level: RiskLevel = Field(sa_type=Word(RiskLevel))
    points: float  # the sum of its reasons'
    reasons: list[list[Any]] = Field(default_factory=list, sa_type=Json)  # [points, sentence], most first
    at: datetime = Field(default_factory=now, sa_type=Moment)


class Coverage(Row, table=True):
    """How much of a revision's added lines the checks ran, where they left data about it."""

    __tablename__ = "coverages"

    revision_id: int = Field(foreign_key="revisions.id", unique=True)
    covered: int  # added lines that ran
    coverable: int  # added lines that could have
    missed: dict[str, list[int]] = Field(default_factory=dict, sa_type=Json)  # lines that did not run, by `shown` path


class Counterproof(Row, table=True):
    """A revision's new and changed tests, run by one of the project's checks on the code that was there before.

    FAILED is good news: they do not pass without the change. PASSED: they prove nothing about it.
    """

    __tablename__ = "counterproofs"

    revision_id: int = Field(foreign_key="revisions.id", unique=True)
    tree: str  # the base's, with the revision's tests
    tests: list[str] = Field(default_factory=list, sa_type=Json)  # their paths, as `shown`
    command: str
    state: CheckState = Field(default=CheckState.QUEUED, sa_type=Word(CheckState))
    exit_code: int | None = None
    seconds: float | None = None
    log: str = ""  # path of the log, relative to the data folder
    tail: str = ""  # the log's last lines
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def over(self) -> bool:
        """Whether it says something, or never will."""
        return self.state in (CheckState.PASSED, CheckState.FAILED, CheckState.ERRORED)

    def begin(self, tree: str, tests: list[str]) -> None:
        """Anew where its server died, or it was called off."""
        self.tree, self.tests = tree, tests
        self.state, self.command, self.log, self.tail = CheckState.QUEUED, "", "", ""
        self.exit_code = self.seconds = self.ended_at = None

    def start(self, command: str) -> None:
        """The next of the commands that may tell something."""
        self.state, self.command, self.log = CheckState.RUNNING, command, f"logs/counterproofs/{self.id}.log"

    def end(
        self, state: CheckState, exit_code: int | None = None, seconds: float | None = None, tail: str = ""
    ) -> None:
        self.state, self.exit_code, self.seconds, self.tail, self.ended_at = state, exit_code, seconds, tail, now()
