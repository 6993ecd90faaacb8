"""Reports: each part with what was said about it, and tasks made of what they find."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.services import reports
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()


@router.post("/changes/{change_id}/revisions/{number}/report/tasks")
def draft_tasks(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    line: Annotated[list[int] | None, Form()] = None,
) -> Response:
    """Each chosen item becomes a task's draft, on top of the backlog."""
    address = f"{request.base_url}changes/{change_id}?revision={number}#report"
    made = reports.draft_tasks(narrows, change_id, number, set(line or ()), address)
    return rendering.go(request, f"/tasks?done=drafted-{len(made)}")
