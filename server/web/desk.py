"""The desk: the home page is the next change, whole."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.services import desk, events, projects
from server.web import rendering, sheet
from server.web.context import NarrowsDep

router = APIRouter()

BEHIND = 6  # waiting changes named under the sheet


@router.get("/")
def show(request: Request, narrows: NarrowsDep) -> Response:
    """The next change to read; without one, what happens meanwhile and what to do first."""
    since = events.last_id(narrows)
    seen = desk.desk(narrows, limit=BEHIND)
    common: dict[str, Any] = {
        "nav": rendering.Nav.of(seen, since),
        "section": "desk",
    }
    if seen.next is None:
        return rendering.page(
            request, narrows, "desk/empty.html", desk=seen, projects=projects.every(narrows), **common
        )
    return sheet.response(request, narrows, sheet.build(narrows, seen.next.id), desk=seen, **common)
