"""Comments: on lines, files, or a change as a whole; drafts until a review sends them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from server.domain.errors import Invalid
from server.domain.review import Side
from server.services import changes, reviews
from server.web.api.answers import CommentAnswer
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
    body: Text


class Edited(Asked):
    """A draft's new words, or that a sent comment is settled."""

    body: Text | None = None
    state: Literal["resolved"] | None = None


@router.post("/changes/{change_id}/comments", status_code=201, summary="Draft a comment")
def add(narrows: NarrowsDep, change_id: Number, asked: NewComment) -> CommentAnswer:
    return CommentAnswer.model_validate(reviews.comment(narrows, change_id, **asked.model_dump()))


@router.get("/changes/{change_id}/comments", summary="A change's comments", description="Oldest first.")
def every(narrows: NarrowsDep, change_id: Number) -> list[CommentAnswer]:
    changes.get(narrows, change_id)
    return [CommentAnswer.model_validate(comment) for comment in reviews.comments(narrows, change_id)]


@router.patch("/comments/{comment_id}", summary="Edit a draft, or resolve a comment that was sent")
def edit(narrows: NarrowsDep, comment_id: Number, asked: Edited) -> CommentAnswer:
    if (asked.body is None) == (asked.state is None):
        raise Invalid("body", "Give either a new body or a state.", "A draft is edited; a sent comment is resolved.")
    if asked.body is not None:
        return CommentAnswer.model_validate(reviews.edit_comment(narrows, comment_id, asked.body))
    return CommentAnswer.model_validate(reviews.resolve_comment(narrows, comment_id))


@router.delete("/comments/{comment_id}", summary="Take a draft back")
def delete(narrows: NarrowsDep, comment_id: Number) -> CommentAnswer:
    return CommentAnswer.model_validate(reviews.delete_comment(narrows, comment_id))
