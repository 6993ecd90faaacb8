"""One try to put a revision on the target branch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.errors import WrongState
from server.domain.project import LandingMethod
from server.domain.states import LANDING_MOVES, LandingState, move


class Landing(Row, table=True):
    __tablename__ = "landings"

    change_id: int = Field(foreign_key="changes.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    revision_id: int = Field(foreign_key="revisions.id")
    target_branch: str
    method: LandingMethod = Field(sa_type=Word(LandingMethod))
    remote: str = ""  # the git remote whose branch it is; empty: a local branch
    message: str  # of the commit, as edited
    acknowledged: list[str] = Field(default_factory=list, sa_type=Json)  # hashes of warnings
    insisted: str = ""  # why the person lands it although a check is red, in their words; empty: they don't
    state: LandingState = Field(default=LandingState.QUEUED, sa_type=Word(LandingState), index=True)
    tries: int = 0  # how often it was built on the target itself: more than once where others moved that meanwhile
    old: str | None = None  # the target before
    commit: str | None = None  # what was put there
    tree: str | None = None
    commits: list[str] = Field(default_factory=list, sa_type=Json)  # what lands, oldest first; the last is `commit`
    behind: int | None = Field(default=None, foreign_key="landings.id")  # the one before it, on which it is built
    as_read: bool | None = None  # whether it is line for line what was read; None: an earlier version built it
    moving: bool = False  # the branch may have moved by now: it can't be taken out of the line any more
    error: str = ""  # why nothing moved, or why it could not be taken back
    undo_asked: bool = Field(default=False, index=True)  # the person wants it taken back; the engine is at it
    undo_after: int | None = None  # the newest landing when that was asked: those up to it go first
    executor: str | None = None  # the worker that carries it out, or takes it back; None: nobody yet
    ticket: str = ""  # the name of its workflow in the engine, new with each claim
    claims: int = 0
    undo_commit: str | None = None  # where the target went when it was taken back
    topic: str = ""  # the branch that goes to the remote instead, for a pull request into the target; empty: none does
    pull_request: str = ""  # the address where it is read further, or of the form that opens it
    note: str = ""  # what did not go along: the local branch that stayed behind, the pull request that is to be opened
    heard: str = ""  # what the repository's own hooks said to it
    receipt: dict[str, Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def target(self) -> tuple[int, str, str]:
        """What it shares a landing line with: the branch that moves. Each pull request so has a line of its own."""
        return self.project_id, self.remote, self.topic or self.target_branch

    @property
    def where(self) -> str:
        """Where it goes, after "on"."""
        if self.topic:
            return f"{self.topic} of {self.remote}, for a pull request into {self.target_branch}"
        return f"{self.target_branch} of {self.remote}" if self.remote else self.target_branch

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in its line. Landings go in the order of their clicks; taking one back goes behind all that
        were there when it was asked for, and of several the newest landing first: most then go back without a revert.
        """
        return (self.undo_after or self.id, -self.id) if self.undo_asked else (self.id, -self.id - 1)

    @property
    def under_way(self) -> bool:
        """Whether it has still to land, or not to."""
        return self.state in (LandingState.QUEUED, LandingState.RUNNING)

    @property
    def ref(self) -> str:
        """The mirror's ref that holds what was built."""
        return f"refs/narrows/landings/{self.id}"

    @property
    def undo_ref(self) -> str:
        """The mirror's ref that holds the revert commit, where there is one."""
        return f"refs/narrows/undos/{self.id}"

    def start(self) -> None:
        self._become(LandingState.RUNNING)

    def claim(self, executor: str) -> None:
        """A worker takes it: to carry it out, or to take it back."""
        self.claims += 1
        self.executor, self.ticket = executor, f"{'undo' if self.undo_asked else 'landing'}-{self.id}-{self.claims}"

    def build(
        self, old: str, commits: list[str], tree: str, behind: int | None = None, as_read: bool | None = None
    ) -> None:
        """What will be put there, and on top of what: written down before anything moves.

        Args:
            commits: Oldest first; the first stands on `old`, and the last has the tree.
            behind: The landing that ends in `old` and has not moved yet; None: the target is there.
            as_read: Whether it is line for line what was read; otherwise the person acknowledged the difference.
        """
        self.old, self.commits, self.commit, self.tree, self.behind = old, commits, commits[-1], tree, behind
        self.as_read, self.moving = as_read, False
        self.tries += behind is None

    def set_out(self) -> None:
        """It is proven, and its turn has come: from here on the branch may move."""
        self.moving = True

    def land(self, receipt: dict[str, Any]) -> None:
        self._become(LandingState.LANDED)
        self.receipt, self.ended_at = receipt, now()

    def fail(self, why: str) -> None:
        self._become(LandingState.FAILED)
        self.error, self.ended_at = why, now()

    def cancel(self) -> None:
        if self.moving:
            raise WrongState(f"Landing {self.id} is being moved just now.", "Take it back once it has landed.")
        self._become(LandingState.CANCELLED)
        self.ended_at = now()

    def ask_undo(self, after: int | None = None) -> None:
        """`after`: the newest landing there is; those up to it land first."""
        move(f"Landing {self.id}", LANDING_MOVES, self.state, LandingState.UNDONE)
        self.undo_asked, self.undo_after, self.error, self.executor = True, after, "", None

    def undo(self, commit: str) -> None:
        self._become(LandingState.UNDONE)
        self.undo_asked, self.undo_commit = False, commit

    def stay(self, why: str) -> None:
        """It could not be taken back."""
        self.undo_asked, self.error = False, why

    def _become(self, state: LandingState) -> None:
        self.state = move(f"Landing {self.id}", LANDING_MOVES, self.state, state)
