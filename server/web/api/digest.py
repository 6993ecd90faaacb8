"""What happened since an event, in one answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from server.services import digest
from server.web.api.answers import DigestAnswer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/digest", tags=["desk"])

Number = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get("", summary="What happened since an event", description="As it stands now; `since` is an event's number.")
def show(narrows: NarrowsDep, since: Number, besides: Number = 0) -> DigestAnswer:
    return DigestAnswer.model_validate(digest.since(narrows, since, besides))
