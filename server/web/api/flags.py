"""What Narrows noticed in a revision."""

from __future__ import annotations

from fastapi import APIRouter

from server.services import flags, revisions
from server.web.api.answers import FlagAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(tags=["revisions"])


@router.get("/changes/{change_id}/revisions/{number}/flags", summary="What Narrows noticed in a revision")
def every(narrows: NarrowsDep, change_id: Number, number: Number) -> list[FlagAnswer]:
    revision = revisions.get(narrows, change_id, number)
    return [FlagAnswer.model_validate(flag) for flag in flags.of_revision(narrows, revision.id)]
