"""Comments: on lines, files, or a change as a whole; drafts until a review sends them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from server.domain.errors import Invalid
from server.domain.review import Fit, Side
from server.services import anchors, changes, reviews, revisions
from server.services.anchors import Placed
from server.web.api.answers import Answer, CommentAnswer, FileName
from server.web.api.asked import Asked, Id, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(tags=["comments"])


class NewComment(Asked):
    """A comment and its place."""

    revision: Id
    path: Text | None = Field(default=None, description="As in the list of files; null: the change as a whole.")
    side: Text = Field(default=Side.NEW.value, description="Which file the lines count in: `old` or `new`.")
    line: Id | None = Field(default=None, description="The first line, from 1; null: the file as a whole.")
    end_line: Id | None = Field(default=None, description="The last line; null: one line.")
    body: Text = ""
    suggestion: Text | None = Field(
        default=None, description="What the lines should be instead; it becomes a part of the body."
    )


class Standing(Answer):
    """Where a comment's lines are in a revision."""

    revision: int = Field(description="The newest one.")
    path: FileName | None
    side: Side
    line: int | None
    end_line: int | None
    fit: Fit = Field(
        description="`exact`, `shifted`, `edited`, `moved`, or `gone`: then the line is where they would be."
    )


class PlacedComment(CommentAnswer):
    now: Standing

    @classmethod
    def at(cls, placed: Placed) -> PlacedComment:
        now = Standing(
            revision=placed.number,
            path=placed.path,
            side=placed.side,
            line=placed.line,
            end_line=placed.end_line,
            fit=placed.fit or Fit.EXACT,
        )
        return cls(**CommentAnswer.model_validate(placed.comment).model_dump(), now=now)


class Edited(Asked):
    """A draft's new words, or that a sent comment is settled."""

    body: Text | None = None
    state: Literal["resolved"] | None = None


@router.post("/changes/{change_id}/comments", status_code=201, summary="Draft a comment")
def add(narrows: NarrowsDep, change_id: Number, asked: NewComment) -> CommentAnswer:
    return CommentAnswer.model_validate(reviews.comment(narrows, change_id, **asked.model_dump()))


@router.get(
    "/changes/{change_id}/comments",
    summary="A change's comments",
    description="Oldest first, each with where it stands in the newest revision.",
)
def every(narrows: NarrowsDep, change_id: Number) -> list[PlacedComment]:
    changes.get(narrows, change_id)
    known = revisions.of_change(narrows, change_id)
    return [PlacedComment.at(each) for each in anchors.placed(narrows, change_id, known[-1].number)] if known else []


@router.patch("/comments/{comment_id}", summary="Edit a draft, or resolve a comment that was sent")
def edit(narrows: NarrowsDep, comment_id: Number, asked: Edited) -> CommentAnswer:
    if (asked.body is None) == (asked.state is None):
        raise Invalid("body", "Give either a new body or a state.", "A draft is edited; a sent comment is resolved.")
    if asked.body is not None:
        return CommentAnswer.model_validate(reviews.edit_comment(narrows, comment_id, asked.body))
    return CommentAnswer.model_validate(reviews.resolve_comment(narrows, comment_id))


@router.delete("/comments/{comment_id}/resolution", summary="Reopen a comment that was resolved")
def reopen(narrows: NarrowsDep, comment_id: Number) -> CommentAnswer:
    return CommentAnswer.model_validate(reviews.reopen_comment(narrows, comment_id))


@router.delete("/comments/{comment_id}", summary="Take a draft back")
def delete(narrows: NarrowsDep, comment_id: Number) -> CommentAnswer:
    return CommentAnswer.model_validate(reviews.delete_comment(narrows, comment_id))
