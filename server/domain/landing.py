"""One try to put a revision on the target branch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.project import LandingMethod
from server.domain.states import LANDING_MOVES, LandingState, move


class Landing(Row, table=True):
    __tablename__ = "landings"

    change_id: int = Field(foreign_key="changes.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    revision_id: int = Field(foreign_key="revisions.id")
    target_branch: str
    method: LandingMethod = Field(sa_type=Word(LandingMethod))
    message: str  # of the commit, as edited
    acknowledged: list[str] = Field(default_factory=list, sa_type=Json)  # hashes of warnings
    state: LandingState = Field(default=LandingState.QUEUED, sa_type=Word(LandingState), index=True)
    tries: int = 0  # how often it was built anew because the target moved meanwhile
    old: str | None = None  # the target before
    commit: str | None = None  # what was put there
    tree: str | None = None
    error: str = ""  # why nothing moved, or why it could not be taken back
    undo_asked: bool = False  # the person wants it taken back; the engine is at it
    executor: str | None = None  # the worker that carries it out, or takes it back; None: nobody yet
    ticket: str = ""  # the name of its workflow in the engine, new with each claim
    claims: int = 0
    undo_commit: str | None = None  # where the target went when it was taken back
    receipt: dict[str, Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    def start(self) -> None:
        self._become(LandingState.RUNNING)

    def claim(self, executor: str) -> None:
        """A worker takes it: to carry it out, or to take it back."""
        self.claims += 1
        self.executor, self.ticket = executor, f"{'undo' if self.undo_asked else 'landing'}-{self.id}-{self.claims}"

    def build(self, old: str, commit: str, tree: str) -> None:
        """What will be put there, and on top of what: written down before anything moves."""
        self.old, self.commit, self.tree = old, commit, tree
        self.tries += 1

    def land(self, receipt: dict[str, Any]) -> None:
        self._become(LandingState.LANDED)
        self.receipt, self.ended_at = receipt, now()

    def fail(self, why: str) -> None:
        self._become(LandingState.FAILED)
        self.error, self.ended_at = why, now()

    def cancel(self) -> None:
        self._become(LandingState.CANCELLED)
        self.ended_at = now()

    def ask_undo(self) -> None:
        move(f"Landing {self.id}", LANDING_MOVES, self.state, LandingState.UNDONE)
        self.undo_asked, self.error, self.executor = True, "", None

    def undo(self, commit: str) -> None:
        self._become(LandingState.UNDONE)
        self.undo_asked, self.undo_commit = False, commit

    def stay(self, why: str) -> None:
        """It could not be taken back."""
        self.undo_asked, self.error = False, why

    def _become(self, state: LandingState) -> None:
        self.state = move(f"Landing {self.id}", LANDING_MOVES, self.state, state)
