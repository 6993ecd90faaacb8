"""A large change: its agent is asked to split it, and what it left out becomes tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import NarrowsError
from server.services import splits
from server.web import looks, rendering, sheet
from server.web.context import NarrowsDep
from server.web.sheet import Bar

router = APIRouter()


@router.post("/changes/{change_id}/split")
def ask(request: Request, narrows: NarrowsDep, change_id: int, revision: Annotated[int, Form()]) -> Response:
    """Back to its agent, to keep a part of it and list the rest."""
    try:
        splits.ask(narrows, change_id, revision=revision)
    except NarrowsError as error:
        made = sheet.build(narrows, change_id, looks.liked(narrows))
        return sheet.response(request, narrows, made, Bar(error=error), status=error.status)
    return rendering.go(request, f"/?done=sent-{change_id}")


@router.post("/changes/{change_id}/split/tasks")
def draft_tasks(
    request: Request, narrows: NarrowsDep, change_id: int, line: Annotated[list[int] | None, Form()] = None
) -> Response:
    """Each chosen item of what was left out becomes a task's draft, on top of the backlog."""
    made = splits.draft_rest(narrows, change_id, set(line or ()), f"{request.base_url}changes/{change_id}")
    return rendering.go(request, f"/tasks?done=drafted-{len(made)}")
