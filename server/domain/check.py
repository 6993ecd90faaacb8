"""An automatic judgement of one tree: a revision's, or a landing's."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from server.domain.base import Moment, Row, Word, now
from server.domain.states import CHECK_MOVES, CheckState, move


class Check(Row, table=True):
    __tablename__ = "checks"

    project_id: int = Field(foreign_key="projects.id", index=True)
    revision_id: int | None = Field(default=None, foreign_key="revisions.id", index=True)
    landing_id: int | None = Field(default=None, foreign_key="landings.id", index=True)
    tree: str = Field(index=True)  # what was judged
    position: int  # order among the project's checks
    command: str  # as the project had it then
    state: CheckState = Field(default=CheckState.QUEUED, sa_type=Word(CheckState))
    exit_code: int | None = None
    seconds: float | None = None
    log: str = ""  # path of the log, relative to the data folder
    tail: str = ""  # the log's last lines, for the page and the agent
    red_before: bool | None = None  # of a red one: whether it was red without the change, too; None: not looked at
    superseded: bool = False  # its verdict counts no more: it was run once more, or it changed the files
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def red(self) -> bool:
        return self.state in (CheckState.FAILED, CheckState.ERRORED) and not self.superseded

    def start(self) -> None:
        self._become(CheckState.RUNNING)

    def put_back(self) -> None:
        """Its server died: it has to run again, from the start."""
        self._become(CheckState.QUEUED)

    def end(self, state: CheckState, exit_code: int | None = None, seconds: float | None = None) -> None:
        self._become(state)
        self.exit_code, self.seconds, self.ended_at = exit_code, seconds, now()

    def decided_as(self, other: Check) -> Check:
        """It need not run, or not again: the same command has its verdict on the same tree already."""
        if self.state is not CheckState.RUNNING:
            self.start()
        self.end(other.state, other.exit_code, other.seconds)
        self.log, self.tail, self.red_before, self.ended_at = other.log, other.tail, other.red_before, other.ended_at
        return self

    def _become(self, state: CheckState) -> None:
        self.state = move(f"Check {self.id}", CHECK_MOVES, self.state, state)
