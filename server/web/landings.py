"""Landings: what went to a target branch, with its receipt, and back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.services import landings, undos
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

RECENT = 50


@router.get("/landings")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """The newest landings."""
    return rendering.page(
        request,
        narrows,
        "landings/index.html",
        landings=landings.recent(narrows, RECENT),
        live="/live?watch=landings",
        section="landings",
    )


@router.post("/landings/{landing_id}/undo")
def undo(request: Request, narrows: NarrowsDep, landing_id: int) -> Response:
    """Take a landing back, or out of the line where it waits."""
    undos.ask(narrows, landing_id)
    return rendering.go(request, f"/landings?done=undo-{landing_id}")
