"""A person's verdict on one revision, and the comments that go with it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, UniqueConstraint

from server.domain.base import FileName, Moment, Row, Word, now
from server.domain.errors import WrongState


class Verdict(StrEnum):
    LAND = "land"
    REQUEST_CHANGES = "request_changes"
    ABANDON = "abandon"
    LATER = "later"
    ACCEPT = "accept"


class Review(Row, table=True):
    __tablename__ = "reviews"

    change_id: int = Field(foreign_key="changes.id", index=True)
    revision_id: int | None = Field(default=None, foreign_key="revisions.id")
    commit: str = ""  # exactly what was judged; empty where there was nothing to judge
    verdict: Verdict = Field(sa_type=Word(Verdict))
    message: str = ""
    created_at: datetime = Field(default_factory=now, sa_type=Moment)


class Side(StrEnum):
    OLD = "old"
    NEW = "new"


class CommentState(StrEnum):
    DRAFT = "draft"  # only the person sees it
    SENT = "sent"  # went to the agent with a review
    RESOLVED = "resolved"  # the person is content


class Comment(Row, table=True):
    __tablename__ = "comments"

    change_id: int = Field(foreign_key="changes.id", index=True)
    revision: int  # the revision's number
    path: str | None = Field(default=None, sa_type=FileName)  # None: on the change as a whole, or on its report
    side: Side = Field(default=Side.NEW, sa_type=Word(Side))
    line: int | None = None  # first line, from 1, of the file or of the report; None: on all of it
    end_line: int | None = None  # last line, the same as `line` for one line
    quoted: str = ""  # the lines as they were
    body: str  # markdown
    answer: str = ""  # markdown: the agent's reply to this comment
    state: CommentState = Field(default=CommentState.DRAFT, sa_type=Word(CommentState))
    created_at: datetime = Field(default_factory=now, sa_type=Moment)

    def send(self) -> None:
        self.state = CommentState.SENT

    def edit(self, body: str) -> None:
        if self.state is not CommentState.DRAFT:
            raise WrongState("This comment was sent to the agent.", "Write a new one below it.")
        self.body = body

    def resolve(self) -> None:
        self.state = CommentState.RESOLVED

    def reopen(self) -> None:
        if self.state is not CommentState.RESOLVED:
            raise WrongState("This comment is open already.", "Resolve it once you are content.")
        self.state = CommentState.SENT


class Fit(StrEnum):
    """How well a comment's lines are found again in a later revision."""

    EXACT = "exact"  # the same lines at the same place
    SHIFTED = "shifted"  # the same lines, further up or down
    EDITED = "edited"  # changed lines in the same surroundings
    MOVED = "moved"  # in another block, or in another file
    GONE = "gone"  # not there any more: the comment is outdated, and shown with its old lines


class Anchor(Row, table=True):
    """Where a comment stands in a later revision. It is placed once, when that revision is taken."""

    __tablename__ = "anchors"
    __table_args__ = (UniqueConstraint("comment_id", "revision"),)

    comment_id: int = Field(foreign_key="comments.id", index=True)
    revision: int  # the later revision's number
    path: str = Field(sa_type=FileName)
    side: Side = Field(sa_type=Word(Side))
    line: int  # of GONE: where it would be, for the order on the page
    end_line: int
    fit: Fit = Field(sa_type=Word(Fit))


class Viewed(Row, table=True):
    """A file that the person has read, by its content: a rebase keeps the mark, another change of the file does not."""

    __tablename__ = "viewed"
    __table_args__ = (UniqueConstraint("project_id", "path", "old_blob", "new_blob"),)

    project_id: int = Field(foreign_key="projects.id")
    path: str = Field(sa_type=FileName)
    old_blob: str
    new_blob: str
    at: datetime = Field(default_factory=now, sa_type=Moment)


class Clock(Row, table=True):
    """How long a revision was read: seconds with its page in sight and in use."""

    __tablename__ = "clocks"

    revision_id: int = Field(foreign_key="revisions.id", unique=True)
    seconds: float = 0
    ticked_at: datetime = Field(default_factory=now, sa_type=Moment)


class Draft(Row, table=True):
    """Text that a person is typing, kept at each pause; `key` names the field."""

    __tablename__ = "drafts"

    key: str = Field(unique=True)
    text: str
    updated_at: datetime = Field(default_factory=now, sa_type=Moment)
