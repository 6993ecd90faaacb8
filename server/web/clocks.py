"""The clock: how long a revision's page was in sight and in use, as its own script tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from server.services import clocks, revisions
from server.web.context import NarrowsDep

router = APIRouter()


@router.post("/changes/{change_id}/revisions/{number}/clock")
def tick(
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    seconds: Annotated[float, Form()],
    ended: Annotated[float | None, Form()] = None,
) -> Response:
    """So many seconds more, up to the moment `ended` of the window's clock."""
    clocks.tick(narrows, revisions.get(narrows, change_id, number).id, seconds, ended=ended)
    return Response(status_code=204)
