"""What was just done, as the line that says so: for pages that were there already when it was done."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.domain.errors import NotFound
from server.services.narrows import Narrows
from server.web import done, rendering
from server.web.context import NarrowsDep

router = APIRouter()


@router.get("/toasts/{deed}")
def show(request: Request, narrows: NarrowsDep, deed: str) -> Response:
    """The toast that `?done=` would bring along with a whole page."""
    return rendering.fragment(request, "_toast.html", toast=_told(narrows, deed))


def _told(narrows: Narrows, deed: str) -> done.Done:
    told = done.find(narrows, deed)
    if told is None:
        raise NotFound("Nothing is known of that.", "Go back to the desk.")
    return told
