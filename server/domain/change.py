"""One answer to a task, grown by revisions, each an immutable snapshot."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, UniqueConstraint

from server.domain.base import Moment, Row, Word, now
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.states import CHANGE_MOVES, RELOAD, TURNS, ChangeState, Turn, move, refusal, stands

UNDONE = "Its landing was undone."


class Change(Row, table=True):
    __tablename__ = "changes"

    task_id: int = Field(foreign_key="tasks.id", index=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    agent: str  # who works on it
    state: ChangeState = Field(default=ChangeState.WORKING, sa_type=Word(ChangeState), index=True)
    note: str = ""  # why it is where it is, when that is worth a sentence
    slot: int | None = None  # its worktree's number among the project's; None: given back
    session: str | None = None  # the agent's own name for its conversation
    session_at: datetime | None = Field(default=None, sa_type=Moment)  # when that conversation began
    check_rounds: int = 0  # red checks sent back to the agent since the person last spoke
    part_of: int | None = Field(default=None, foreign_key="changes.id")  # the change that it was split from
    ready_at: datetime | None = Field(default=None, sa_type=Moment)  # came to the desk
    later_at: datetime | None = Field(default=None, sa_type=Moment)  # put off by the person
    pinned_at: datetime | None = Field(default=None, sa_type=Moment)  # kept first by the person
    split_offered: bool = False  # its agent was asked, once, to split it
    created_at: datetime = Field(default_factory=now, sa_type=Moment)

    @property
    def turn(self) -> Turn:
        return TURNS[self.state]

    def present(self, note: str = "") -> None:
        """A revision waits for its reader."""
        self._become(ChangeState.IN_REVIEW, note, since=(ChangeState.WORKING, ChangeState.NEEDS_ATTENTION))
        self.ready_at = now()

    def stall(self, why: str) -> None:
        """The run left nothing to review, and a person must say what now."""
        self._become(ChangeState.NEEDS_ATTENTION, why, since=(ChangeState.WORKING,))
        self.ready_at = now()

    def ask(self, what: str) -> None:
        """Its agent asks something; of several questions at once, the note is one's."""
        if self.state is ChangeState.NEEDS_ATTENTION:
            self.note = what
            return
        self._become(ChangeState.NEEDS_ATTENTION, what, since=(ChangeState.WORKING,))
        self.ready_at = now()

    def resume(self) -> None:
        """Back to the agent: changes requested, a question answered, or another try."""
        self._become(ChangeState.WORKING)
        self.later_at = None

    def start_landing(self) -> None:
        self._become(ChangeState.LANDING)

    def land(self) -> None:
        self._become(ChangeState.LANDED)

    def come_back(self, why: str) -> None:
        """The landing did not happen; nothing moved."""
        self._become(ChangeState.IN_REVIEW, why, since=(ChangeState.LANDING,))

    def undo(self) -> None:
        """Taken back from the target branch, and to the end of the desk."""
        self._become(ChangeState.UNDONE)
        self._become(ChangeState.IN_REVIEW, UNDONE)
        self.later_at, self.pinned_at = now(), None

    def accept(self) -> None:
        """Its report was read and is good."""
        self._become(ChangeState.ACCEPTED)

    def abandon(self, why: str = "") -> None:
        self._become(ChangeState.ABANDONED, why)

    def restore(self, has_revision: bool, finished: bool = True) -> None:
        """Back from abandoned: to the desk, as it was. `finished`: its last run was not cut short."""
        since = (ChangeState.ABANDONED,)
        if has_revision and finished:
            self._become(ChangeState.IN_REVIEW, since=since)
        elif has_revision:
            cut_short = "Restored. Its last run did not finish: try again, or review what is there."
            self._become(ChangeState.NEEDS_ATTENTION, cut_short, since=since)
        else:
            nothing = "Restored. Nothing to review yet: try again or abandon it."
            self._become(ChangeState.NEEDS_ATTENTION, nothing, since=since)

    def put_off(self) -> None:
        """The person reads it later: behind everything else that waits."""
        self._expect_yours()
        self.later_at, self.pinned_at = now(), None

    def pin(self) -> None:
        """The person keeps it first, before everything else that waits; also when it comes back from its agent."""
        self._expect_yours()
        self.pinned_at, self.later_at = now(), None

    def unpin(self) -> None:
        """It stands again where its points put it; nothing happens where it is not pinned."""
        self.pinned_at = None

    def _expect_yours(self) -> None:
        if self.turn is not Turn.YOURS:
            raise WrongState(f"Change {self.id} {stands(self.state)}: it does not wait for you.", RELOAD)

    def _become(self, state: ChangeState, note: str = "", since: tuple[ChangeState, ...] | None = None) -> None:
        """Move to `state`; where several moves lead there, only from one of `since`."""
        if since is not None and self.state not in since:
            raise refusal(f"Change {self.id}", self.state, state)
        self.state = move(f"Change {self.id}", CHANGE_MOVES, self.state, state)
        self.note = note


class Revision(Row, table=True):
    """A snapshot of a change: `commit` on top of `base`. Never updated once written."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("change_id", "number"),)

    change_id: int = Field(foreign_key="changes.id", index=True)
    run_id: int | None = Field(default=None, foreign_key="runs.id", unique=True)  # a run yields at most one
    # you: by hand, or as a part of another; engine: brought onto a newer base
    made_by: Actor = Field(default=Actor.AGENT, sa_type=Word(Actor))
    number: int  # 1, 2, … within its change
    commit: str
    tree: str
    base: str  # the commit that it is compared with
    base_tree: str
    summary: str = ""  # what the agent says that it did, in its words
    report: str | None = None  # markdown, for research
    aside: str | None = None  # commit with the code that came along with a report, kept apart
    files: int = 0
    additions: int = 0
    deletions: int = 0
    reading_files: int = 0  # those of the files that need reading
    reading_lines: int = 0  # changed lines that do: not generated, vendored, locked, moved or of white space alone
    minutes: float = 0  # how long reading it is expected to take
    created_at: datetime = Field(default_factory=now, sa_type=Moment)

    @property
    def ref(self) -> str:
        """The mirror's ref that holds it."""
        return f"refs/narrows/changes/{self.change_id}/{self.number}"


LINES_AN_HOUR = 400.0  # before anything was measured
MINUTES_A_FILE = 0.5  # to find one's way in it
WORDS_A_MINUTE = 200  # of a report


def reading_minutes(files: int, lines: int, lines_an_hour: float = LINES_AN_HOUR) -> float:
    """How long a change of so many files and lines that need reading takes to read, in minutes; never under one.

    Where the reader's own pace is not known, it is the one up to which inspections still find most defects: 200 to 400
    lines in an hour (Cohen, "Best Kept Secrets of Peer Code Review", 2006).
    """
    return max(1.0, lines / lines_an_hour * 60 + files * MINUTES_A_FILE)
