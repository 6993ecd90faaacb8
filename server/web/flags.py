"""What Narrows noticed: the way from a flag to the place that it is about."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.services import flags, revisions
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()


@router.get("/changes/{change_id}/revisions/{number}/flags/{flag_id}")
def go(request: Request, narrows: NarrowsDep, change_id: int, number: int, flag_id: int) -> Response:
    """To the flag's file, on the page that shows the revision against its base."""
    revision = revisions.get(narrows, change_id, number)
    flag = flags.get(narrows, revision.id, flag_id)
    position = revisions.find_position(narrows, revision, flag.path)
    return rendering.go(request, f"/changes/{change_id}?revision={number}&since=0#file-{position}")
