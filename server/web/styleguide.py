"""`/styleguide`: every part of the pages in all its states, from their own templates, with things that are made up."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.web import made_up, rendering
from server.web.context import NarrowsDep

router = APIRouter()


@router.get("/styleguide")
def show(request: Request, narrows: NarrowsDep) -> Response:
    """The parts. Nothing on the page is in the database: its forms and links lead nowhere."""
    return rendering.page(request, narrows, "styleguide/index.html", **made_up.everything())
