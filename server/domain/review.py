"""A person's verdict on one revision, and the comments that go with it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

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
    path: str | None = Field(default=None, sa_type=FileName)  # None: on the change as a whole
    side: Side = Field(default=Side.NEW, sa_type=Word(Side))
    line: int | None = None  # first line, from 1; None: on the file as a whole
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


class Draft(Row, table=True):
    """Text that a person is typing, kept at each pause; `key` names the field."""

    __tablename__ = "drafts"

    key: str = Field(unique=True)
    text: str
    updated_at: datetime = Field(default_factory=now, sa_type=Moment)
