"""How long revisions were read."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.services import clocks, revisions
from server.web.api.answers import ClockAnswer
from server.web.api.asked import Asked, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}/clock", tags=["revisions"])


class Tick(Asked):
    """Time in use."""

    seconds: float = Field(ge=0, le=86_400, description="Since the last time that this was told.")


@router.get("", summary="How long a revision was read")
def one(narrows: NarrowsDep, change_id: Number, number: Number) -> ClockAnswer:
    return ClockAnswer(seconds=clocks.seconds(narrows, revisions.get(narrows, change_id, number)))


@router.post("", summary="Add what was read", description="Never more than has passed since any clock was told.")
def tick(narrows: NarrowsDep, change_id: Number, number: Number, asked: Tick) -> ClockAnswer:
    revision = revisions.get(narrows, change_id, number)
    return ClockAnswer(seconds=clocks.tick(narrows, revision.id, asked.seconds))
