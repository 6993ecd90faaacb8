"""Landings: what went to a target branch, with its receipt, and back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from server.services import checks, landings, projects, receipts, undos
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

RECENT = 50


@router.get("/landings")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """The newest landings, with their checks."""
    recent = landings.recent(narrows, RECENT)
    return rendering.page(
        request,
        narrows,
        "landings/index.html",
        landings=recent,
        projects={number: projects.get(narrows, number) for number in {landing.project_id for landing in recent}},
        last={landing.change_id: landing.id for landing in reversed(recent)},
        checks=checks.of_landings(narrows, [landing.id for landing in recent]),
        live="/live?watch=landings",
        section="landings",
    )


@router.get("/landings/{landing_id}/receipt.json")
def receipt(narrows: NarrowsDep, landing_id: int) -> Response:
    """A landing's receipt, to keep."""
    name = f'attachment; filename="narrows-landing-{landing_id}.json"'
    return JSONResponse(receipts.of(narrows, landing_id), headers={"Content-Disposition": name})


@router.post("/landings/{landing_id}/undo")
def undo(request: Request, narrows: NarrowsDep, landing_id: int) -> Response:
    """Take a landing back, or out of the line while it is there."""
    undos.ask(narrows, landing_id)
    return rendering.go(request, f"/landings?done=undo-{landing_id}")
