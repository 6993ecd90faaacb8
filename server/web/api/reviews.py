"""Reviews: a verdict on the revision that was read; it sends the drafted comments."""

from __future__ import annotations

from typing import Literal, assert_never

from fastapi import APIRouter
from pydantic import Field

from server.services import changes, reviews
from server.web.api.answers import ChangeBrief
from server.web.api.asked import Asked, Id, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/reviews", tags=["reviews"])


class NewReview(Asked):
    """A verdict on exactly one revision. Landing is a call of its own."""

    revision: Id = Field(description="The revision that was read; refused when a newer one came.")
    verdict: Literal["request_changes", "later", "accept"]
    message: Text = ""
    onto_target: bool = Field(
        default=False,
        description="With `request_changes`: the worktree is brought onto the target as it is now before the turn; "
        "what does not merge stands there between conflict markers.",
    )


@router.post(
    "",
    status_code=202,
    summary="Send back, put off, or accept",
    description="`request_changes` sends the message and every drafted comment to the agent; `accept` is for reports.",
)
def judge(narrows: NarrowsDep, change_id: Number, asked: NewReview) -> ChangeBrief:
    match asked.verdict:
        case "request_changes":
            reviews.request_changes(
                narrows, change_id, revision=asked.revision, message=asked.message, onto_target=asked.onto_target
            )
        case "later":
            reviews.later(narrows, change_id)
        case "accept":
            reviews.accept(narrows, change_id, revision=asked.revision)
        case _:
            assert_never(asked.verdict)
    return ChangeBrief.model_validate(changes.get(narrows, change_id))
